// Where a read begins and ends: plain data.
import { type Duration, type Instant, seconds } from '../../sdk/model/time.ts'
import { JetStreamIOError } from './errors.ts'

/** Where the first run begins; a later one goes on from its checkpoint. */
export type StartAt =
  | { readonly _tag: 'All' | 'New' | 'LastPerSubject' }
  | { readonly _tag: 'Sequence'; readonly sequence: number }
  | { readonly _tag: 'Time'; readonly time: Instant }

const sequenceOf = (verb: string, n: number, least: number): number => {
  if (Number.isSafeInteger(n) && n >= least) return n
  throw new JetStreamIOError('InvalidOptions', `${verb}(${n}): this takes a whole number from ${least}.`)
}

/**
 * Where a read begins. A number that is no whole one from 1 is a JetStreamIOError (InvalidOptions).
 *
 * `all`: at the oldest message. `onlyNew`: after the newest one. `lastPerSubject`: the newest message of each subject, then (without a
 * stop) what comes after. `sequence(n)`: with message `n`, which must still be there. `time(t)`: with the first message published at `t` or later.
 *
 * @example
 * const views = { stream: 'VIEWS', coder: viewCoder }
 * JetStreamIO.read({ ...views, start: StartAt.time(Instant.ofMillis(Date.now() - hours(1))) })
 * JetStreamIO.read({ ...views, start: StartAt.sequence(1_000) })
 * JetStreamIO.read({ ...views, start: StartAt.lastPerSubject, stop: StopAt.end })
 * JetStreamIO.read({ ...views, start: StartAt.onlyNew })
 * JetStreamIO.read({ ...views, start: StartAt.all }) // as without it
 */
export const StartAt = {
  /** At the oldest message; the default. */
  all: Object.freeze({ _tag: 'All' }) as StartAt,
  /** After the newest message. */
  onlyNew: Object.freeze({ _tag: 'New' }) as StartAt,
  /** With the newest message of each subject. */
  lastPerSubject: Object.freeze({ _tag: 'LastPerSubject' }) as StartAt,
  /** With one message. */
  sequence: (n: number): StartAt => Object.freeze({ _tag: 'Sequence', sequence: sequenceOf('StartAt.sequence', n, 1) }),
  /** With the first message of a time. */
  time: (t: Instant): StartAt => Object.freeze({ _tag: 'Time', time: t }),
} as const

/** Where a bounded read ends. */
export type StopAt =
  | { readonly _tag: 'End' }
  | { readonly _tag: 'Sequence'; readonly sequence: number }
  | { readonly _tag: 'Time'; readonly time: Instant }
  | { readonly _tag: 'Count'; readonly count: number }

/**
 * Where a read ends; without one it goes on for ever. A number that is no whole one from 1 is a JetStreamIOError (InvalidOptions).
 *
 * `end`: the newest message when the run began. `sequence(n)`: before message `n`. `time(t)`: before the first message published at `t` or
 * later; a `t` in the future is waited for. `count(n)`: after `n` messages. Sequences and counts wait for messages that are not there yet only
 * after `StartAt.onlyNew`: otherwise the read ends, at the latest, at the newest message when the run began.
 *
 * @example
 * const views = { stream: 'VIEWS', coder: viewCoder }
 * JetStreamIO.read({ ...views, stop: StopAt.end })
 * JetStreamIO.read({ ...views, start: StartAt.sequence(1_000), stop: StopAt.sequence(2_000) })
 * JetStreamIO.read({ ...views, stop: StopAt.time(Instant.ofDate(new Date('2026-01-01'))) })
 * JetStreamIO.read({ ...views, start: StartAt.onlyNew, stop: StopAt.count(100) })
 */
export const StopAt = {
  /** Behind what is there when the run begins. */
  end: Object.freeze({ _tag: 'End' }) as StopAt,
  /** Before one message. */
  sequence: (n: number): StopAt => Object.freeze({ _tag: 'Sequence', sequence: sequenceOf('StopAt.sequence', n, 1) }),
  /** Before the first message of a time. */
  time: (t: Instant): StopAt => Object.freeze({ _tag: 'Time', time: t }),
  /** After so many messages. */
  count: (n: number): StopAt => Object.freeze({ _tag: 'Count', count: sequenceOf('StopAt.count', n, 1) }),
} as const

/** How a read is split among tasks, where it is. */
export interface SplitBy {
  readonly _tag: 'Subject'
  /** How often subjects that have appeared are looked for. */
  readonly discoverEveryMs: number
}

/**
 * How a read is split among tasks, so that several workers read it. A `discoverEvery` that is not above zero is a JetStreamIOError
 * (InvalidOptions).
 *
 * `subject`: a split for each subject that has messages (at most 1,000), in order within each; subjects that appear are found every
 * `discoverEvery`, 5 seconds unless told, and event time goes no further than the last look for them. A subject of which nothing comes holds
 * event time, unless the watermark is told to go on (`idleAfter`).
 *
 * @example
 * const views = { stream: 'VIEWS', coder: viewCoder }
 * JetStreamIO.read({ ...views, splitBy: SplitBy.subject() })
 * JetStreamIO.read({ ...views, subjects: ['views.eu.*'], splitBy: SplitBy.subject({ discoverEvery: seconds(1) }) })
 */
export const SplitBy = {
  /** A split for each subject. */
  subject: ({ discoverEvery = seconds(5) }: { readonly discoverEvery?: Duration | undefined } = {}): SplitBy => {
    if (!(discoverEvery > 0 && Number.isFinite(discoverEvery)))
      throw new JetStreamIOError(
        'InvalidOptions',
        `SplitBy.subject: discoverEvery is a duration above zero, and ${discoverEvery} ms is not.`,
      )
    return Object.freeze({ _tag: 'Subject', discoverEveryMs: discoverEvery })
  },
} as const
