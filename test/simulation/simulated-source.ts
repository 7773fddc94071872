// The scenario's events as a source that is read by position: what is there arrives at a pace of its own, and some splits are found late.
import { Instant } from '../../sdk/index.ts'
import type { ConnectedSource, Split, SplitProgress, SplitReader } from '../../sdk/splittable/source.ts'
import type { Executor } from './executor.ts'
import { Draw } from './draw.ts'
import { type Event, isOpen, type Scenario, sharesWork } from './scenario.ts'

/** Whether a scenario's sources hide some of their splits at first; of those whose work moves, only unbounded ones do. */
export const hidesSplits = (scenario: Scenario): boolean =>
  (isOpen(scenario) || !sharesWork(scenario)) && new Draw(scenario.seed ^ 0x0d15_c0de).chance(0.3)

export const splitsOf = (scenario: Scenario, source: ReadonlyArray<ReadonlyArray<Event>>): ReadonlyArray<Split> =>
  source.map((events, i) => {
    const endless = isOpen(scenario) && i === source.length - 1
    return { id: String(i), range: { from: 0, to: endless ? null : events.length }, count: null, detail: null, divisible: !endless }
  })

export interface SourceTraits {
  readonly largestBatch: number
  /** How slow a part of a split may arrive, in milliseconds. */
  readonly paceMs: number
  /** One event after the other, up to so many milliseconds apart; null: parts of any size, as they come. */
  readonly steadyMs: number | null
  /** Only the first split is known at first. */
  readonly hidesSplits: boolean
  /** All that will ever be there. */
  readonly splits: ReadonlyArray<Split>
  /** By split. */
  readonly events: ReadonlyArray<ReadonlyArray<Event>>
  /** Share of requests and of looks that fail. */
  readonly failures: () => number
  /** Called when a reader is told what may be forgotten. */
  readonly onCommit: ((split: Split, progress: SplitProgress) => void) | null
}

export const connectedSource = (executor: Executor, traits: SourceTraits): ConnectedSource<Event> => {
  const { splits, hidesSplits, onCommit } = traits
  const { draw } = executor
  const answer = async <A>(result: () => A): Promise<A> => {
    await executor.pause(executor.delay(traits.paceMs))
    if (draw.chance(traits.failures())) throw new Error('simulated: the source does not answer')
    return result()
  }
  return {
    resolve: () => answer(() => (hidesSplits ? splits.slice(0, 1) : splits)),
    open: (split, progress) => answer(() => readerOf(executor, traits, split, progress)),
    ...(hidesSplits
      ? {
          discovery: {
            everyMs: draw.pick([5, 50]),
            find: ({ known }) =>
              answer(() => {
                // A part that was given away is known by the split that it was part of.
                const ids = new Set(known.map(({ id }) => id.split('/')[0]))
                const hidden = splits.filter(({ id }) => !ids.has(id))
                const found = hidden.slice(0, draw.int(0, hidden.length))
                return { splits: found, horizon: found.length === hidden.length ? Instant.max : Instant.min }
              }),
          },
        }
      : {}),
    ...(onCommit === null ? {} : { recommit: async (split: Split, progress: SplitProgress) => onCommit(split, progress) }),
    guarantee: () => 'simulated',
    close: async () => undefined,
  }
}

const readerOf = (executor: Executor, traits: SourceTraits, split: Split, progress: SplitProgress): SplitReader<Event> => {
  const { draw, current: thread } = executor
  const events = traits.events[Number(split.id.split('/')[0])] ?? []
  let end = Math.min(events.length, split.range.to ?? events.length)
  let next = progress.last === null ? split.range.from : progress.last + 1
  let arrived = next
  let closed = false
  let changed = (): void => undefined
  const paceMs = draw.pick([0, 1, 10]) * traits.paceMs
  const wayMs = (): number => (traits.steadyMs === null ? executor.delay(paceMs) : draw.share() * traits.steadyMs)
  const arrive = (): void => {
    if (closed) return
    arrived = Math.min(end, arrived + (traits.steadyMs === null ? draw.int(1, traits.largestBatch) : 1))
    if (arrived < end) executor.schedule(thread, 'arrival', wayMs(), arrive)
    changed()
  }
  executor.schedule(thread, 'arrival', wayMs(), arrive)
  const { onCommit } = traits
  return {
    poll: most => {
      if (draw.chance(traits.failures())) throw new Error('simulated: the source has lost its connection')
      const to = Math.min(arrived, end, next + most)
      if (to <= next) return null
      const from = next
      next = to
      return {
        values: events.slice(from, to),
        positions: Array.from({ length: to - from }, (_, i) => from + i),
        bytes: to - from,
        note: to,
      }
    },
    status: () => {
      if (next >= end) return { _tag: 'done' }
      return next >= arrived && draw.chance(0.3)
        ? { _tag: 'idle', since: Math.floor(executor.nowMs + executor.wallAheadMs) - 1 }
        : { _tag: 'reading' }
    },
    lag: () => end - next,
    onChange: callback => {
      changed = callback
    },
    // What was read ahead may lie behind the new end.
    truncate: to => {
      end = Math.min(end, to)
    },
    ...(onCommit === null ? {} : { commit: async (reached: SplitProgress) => onCommit(split, reached) }),
    close: async () => {
      closed = true
    },
  }
}
