// What a key of a bucket is to hold from now on.
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import { JetStreamIOError } from './errors.ts'

/** A key's new value, for `KvIO.write`: {@link KvPut} makes it. */
export interface KvPut<out V> {
  /** Which one: letters, digits and -/_=, with single dots between them. */
  readonly key: string
  /** None: the key is deleted. */
  readonly value: Option<V>
  /** The revision that the key must be at; 0: it must not be there. Any, if it is left out. */
  readonly expected?: number | undefined
}

/** What a put may depend on. */
export interface PutOptions {
  /** The revision that the key must be at, as `KvIO.watch` gives it; 0: the key must not be there. Any, if it is left out. */
  readonly expected?: number | undefined
}

/**
 * Puts into a key-value bucket of NATS.
 *
 * @example
 * KvPut.of('sky', 'blue').value // => O.some('blue')
 * KvPut.of('sky', 'grey', { expected: 7 }).expected // => 7
 * KvPut.delete('sky').value // => O.none
 */
export const KvPut = Object.freeze({
  /** The key gets this value. */
  of: <V>(key: string, value: V, { expected }: PutOptions = {}): KvPut<V> => ({ key, value: O.some(value), expected }),
  /** The key is deleted. */
  delete: (key: string, { expected }: PutOptions = {}): KvPut<never> => ({ key, value: O.none, expected }),
})

/** Throws InvalidSubject for what can be no key, and InvalidOptions for what can be no revision. */
export const requirePut = ({ key, expected }: KvPut<unknown>, label: string): void => {
  if (!/^[-/_=.a-zA-Z0-9]+$/.test(key) || /^\.|\.\.|\.$/.test(key))
    throw new JetStreamIOError(
      'InvalidSubject',
      `${label}: ${JSON.stringify(key)} is no key: use letters, digits and -/_=, with single dots between them.`,
    )
  if (expected !== undefined && !(Number.isSafeInteger(expected) && expected >= 0))
    throw new JetStreamIOError(
      'InvalidOptions',
      `${label}: the key ${key} cannot be expected at revision ${expected}: it is a whole number from 0.`,
    )
}
