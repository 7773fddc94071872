// The first element of each id: what comes again within a time is dropped.
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import { Coder } from '../coders/index.ts'
import { refuseUse, requireChoice, requireKnown } from '../graph/misuse.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { type Duration, Instant } from '../model/time.ts'
import { maxTimestamp } from '../model/window.ts'
import { emit } from '../stateful/effects.ts'
import { State, Timer } from '../stateful/state-specs.ts'
import { type KeyedElement, stateful } from '../stateful/stateful-fn.ts'
import { Flatten } from './flatten.ts'
import { runAs } from './par-do.ts'
import { Partition } from './partition.ts'

/** How long `Deduplicate` knows an id. */
export interface DeduplicateOptions {
  /** For how long an id is known. */
  readonly within: Duration
  /** By whose time: the clock's, unless told. */
  readonly domain?: 'eventTime' | 'processingTime' | undefined
}

const by =
  <A, K>(id: (a: A) => K, o: DeduplicateOptions) =>
  (pc: PCollection<A>): PCollection<A> => {
    const given: unknown = o
    if (given === undefined)
      refuseUse('Deduplicate.by', 'needs to be told for how long an id is known: Deduplicate.by(id, { within: minutes(10) })')
    requireKnown('Deduplicate.by', o, ['within', 'domain'])
    requireChoice('Deduplicate.by', 'domain', o.domain, ['eventTime', 'processingTime'])
    const { within, domain = 'processingTime' } = o
    if (!(within > 0 && Number.isFinite(within)))
      throw new RangeError(`Deduplicate.by: within is a length of time above 0, and ${within} ms is not`)
    const keyed = apply<KV<K, A>>({ _tag: 'KeyBy', f: id, coder: null }, [pc], { kind: 'Deduplicate.id' })
    return runAs('Deduplicate')(domain === 'processingTime' ? byClock<K, A>(within) : byEventTime<K, A>(within))(keyed)
  }

const seen = State.value(Coder.boolean, false)

const byClock = <K, A>(within: Duration) =>
  stateful({
    state: { seen },
    timers: { forget: Timer.processingTime },
    process: ({ value, timestamp, window }: KeyedElement<K, A>, cells) => {
      if (cells.seen.read) return []
      // Forgetting gives no output, so it holds the watermark no earlier than it must.
      const last = maxTimestamp(window)
      return [cells.seen.write(true), cells.forget.after(within, { outputTimestamp: last < timestamp ? timestamp : last }), emit(value)]
    },
    onTimer: { forget: (_, cells) => [cells.seen.clear] },
  })

const byEventTime = <K, A>(within: Duration) =>
  stateful({
    state: { seen },
    timers: { forget: Timer.eventTime },
    process: ({ value, timestamp, window }: KeyedElement<K, A>, cells) => {
      if (cells.seen.read) return []
      const until = Instant.plus(within)(timestamp)
      // Otherwise it goes with its window.
      return [cells.seen.write(true), until < window.end && cells.forget.set(until), emit(value)]
    },
    onTimer: { forget: (_, cells) => [cells.seen.clear] },
  })

/** What may have an id that whoever made it gave it, as a NATS message has. */
export interface Identified {
  /** None: it is like no other. */
  readonly id: Option<string>
}

const byMessageId =
  (o: DeduplicateOptions) =>
  <M extends Identified>(pc: PCollection<M>): PCollection<M> => {
    const { identified, anonymous } = Partition.by(['identified', 'anonymous'], ({ id }: M) => (O.isSome(id) ? 'identified' : 'anonymous'))(
      pc,
    )
    return Flatten.of(by(({ id }: M) => O.toNullable(id), o)(identified), anonymous)
  }

/**
 * The first element of each id and window, with its own timestamp; others of that id are dropped until `within` has passed since the first
 * one: by the clock, or, with `domain: 'eventTime'`, until the watermark is past its timestamp and `within`. Ids are compared by their
 * encoding. A window's ids are forgotten with it. Throws a RangeError for a duration that is none. Semantics: Beam's Deduplicate.
 *
 * `by`: by what a function gives. `byMessageId`: messages by the id that their publisher gave them (Nats-Msg-Id), for longer than a stream's
 * own duplicate window; those without one are all kept.
 *
 * @example
 * pipe(payments, Deduplicate.by(payment => payment.orderId, { within: minutes(10) }))
 * const messages = pipe(JetStreamIO.readMessages({ stream: 'VIEWS', coder: viewCoder }), PCollection.orFail)
 * pipe(messages, Deduplicate.byMessageId({ within: hours(24) }))
 */
export const Deduplicate = Object.freeze({
  /** By what a function gives. */
  by,
  /** By the id that a message's publisher gave it. */
  byMessageId,
})
