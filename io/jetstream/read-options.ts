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

/** How often a read by subject looks for subjects, unless told. */
export const defaultDiscoverMs = seconds(5)

/** Of a read that is split by hash: each has a consumer of its own. */
export const mostParts = 256

/** How a read is split among tasks, where it is. */
export type SplitBy =
  | {
      readonly _tag: 'Subject'
      /** How often subjects that have appeared are looked for. */
      readonly discoverEveryMs: number
    }
  | {
      readonly _tag: 'Hash'
      readonly parts: number
      /** Which tokens of a subject count, from 1; none: all of it. */
      readonly tokens: ReadonlyArray<number>
    }

/**
 * How a read is split among tasks, so that several workers read it. A `discoverEvery` that is not above zero, and `parts` and `tokens` that
 * are no whole numbers from 1 (`parts` at most 256), are a JetStreamIOError (InvalidOptions).
 *
 * `subject`: a split for each subject that has messages (at most 1,000), in order within each; subjects that appear are found every
 * `discoverEvery`, 5 seconds unless told, and event time goes no further than the last look for them. A subject of which nothing comes holds
 * event time, unless the watermark is told to go on (`idleAfter`).
 *
 * `hash`: so many splits, whatever the subjects, in order within each subject: those with equal tokens at these positions (from 1; the whole
 * subject unless told) are read by one. So one busy wildcard is read by several workers. Each of them receives all messages and keeps its
 * own, which is worth it where what is done with a message costs more than to receive it.
 *
 * @example
 * const views = { stream: 'VIEWS', coder: viewCoder }
 * JetStreamIO.read({ ...views, splitBy: SplitBy.subject() })
 * JetStreamIO.read({ ...views, subjects: ['views.eu.*'], splitBy: SplitBy.subject({ discoverEvery: seconds(1) }) })
 * JetStreamIO.read({ ...views, subjects: ['views.*.*'], splitBy: SplitBy.hash({ parts: 4, tokens: [2] }) })
 */
export const SplitBy = {
  /** A split for each subject. */
  subject: ({ discoverEvery = defaultDiscoverMs }: { readonly discoverEvery?: Duration | undefined } = {}): SplitBy => {
    if (!(discoverEvery > 0 && Number.isFinite(discoverEvery)))
      throw new JetStreamIOError(
        'InvalidOptions',
        `SplitBy.subject: discoverEvery is a duration above zero, and ${discoverEvery} ms is not.`,
      )
    return Object.freeze({ _tag: 'Subject', discoverEveryMs: discoverEvery })
  },
  /** So many splits, by the hash of a subject or of some of its tokens. */
  hash: ({ parts, tokens = [] }: { readonly parts: number; readonly tokens?: ReadonlyArray<number> | undefined }): SplitBy => {
    if (sequenceOf('SplitBy.hash: parts', parts, 1) > mostParts)
      throw new JetStreamIOError('InvalidOptions', `SplitBy.hash: ${parts} parts are more than ${mostParts}, and each is a consumer.`)
    for (const token of tokens) sequenceOf('SplitBy.hash: tokens', token, 1)
    return Object.freeze({ _tag: 'Hash', parts, tokens: Object.freeze([...new Set(tokens)]) })
  },
} as const
