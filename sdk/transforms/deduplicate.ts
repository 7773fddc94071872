// The first element of each id: what comes again within a time is dropped.
import { Coder } from '../coders/index.ts'
import { requireChoice, requireKnown } from '../graph/misuse.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { type Duration, Instant } from '../model/time.ts'
import { maxTimestamp } from '../model/window.ts'
import { emit } from '../stateful/effects.ts'
import { State, Timer } from '../stateful/state-specs.ts'
import { type KeyedElement, stateful } from '../stateful/stateful-fn.ts'
import { runAs } from './par-do.ts'

/** How long `Deduplicate.by` knows an id. */
export interface DeduplicateOptions {
  /** For how long an id is known. */
  readonly within: Duration
  /** By whose time: the clock's, unless told. */
  readonly domain?: 'eventTime' | 'processingTime' | undefined
}

const by =
  <A, K>(id: (a: A) => K, o: DeduplicateOptions) =>
  (pc: PCollection<A>): PCollection<A> => {
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

/**
 * The first element of each id and window, with its own timestamp; others of that id are dropped until `within` has passed since the first
 * one: by the clock, or, with `domain: 'eventTime'`, until the watermark is past its timestamp and `within`. Ids are compared by their
 * encoding. A window's ids are forgotten with it. Throws a RangeError for a duration that is none. Semantics: Beam's Deduplicate.
 *
 * @example
 * pipe(payments, Deduplicate.by(payment => payment.orderId, { within: minutes(10) }))
 */
export const Deduplicate = Object.freeze({ by })
