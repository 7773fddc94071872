// What a scenario must give, computed the slow and obvious way: all elements at once, plain arrays, no watermarks and no state.
import { Instant } from '../../sdk/index.ts'
import { applied, coarse, tripled } from './operations.ts'
import type { Event, Scenario, SideShape, WindowShape } from './scenario.ts'

export type Span = readonly [start: number, end: number]

/** One key's elements in one window. */
export interface Group {
  readonly key: unknown
  readonly window: Span
  readonly events: ReadonlyArray<Event>
}

export const everything: Span = [Instant.min, Instant.max]

/** The events behind all steps that come before the windows. */
export const prepared = (s: Scenario): ReadonlyArray<Event> =>
  s.before.reduce<ReadonlyArray<Event>>((events, op) => applied(op, events), s.sources.flat(2))

/** Sessions are not here: they depend on a key's other elements. */
const spansOf = (shape: WindowShape, at: number): ReadonlyArray<Span> => {
  switch (shape._tag) {
    case 'Global':
      return [everything]
    case 'Fixed':
      return [[Math.floor(at / shape.size) * shape.size, Math.floor(at / shape.size) * shape.size + shape.size]]
    case 'Sliding': {
      const spans: Span[] = []
      for (let start = Math.ceil((at - shape.size + 1) / shape.every) * shape.every; start <= at; start += shape.every)
        spans.push([start, start + shape.size])
      return spans
    }
    case 'Sessions':
      return [[at, at + shape.gap]]
  }
}

interface Exploded {
  readonly event: Event
  readonly window: Span
}
/** By scenario: several checks ask for it. */
const known = new WeakMap<Scenario, ReadonlyArray<Exploded>>()

/** Each event once for each of its windows, none merged. */
export const exploded = (s: Scenario): ReadonlyArray<Exploded> => {
  const made = known.get(s) ?? prepared(s).flatMap(event => spansOf(s.window, event.at).map(window => ({ event, window })))
  known.set(s, made)
  return made
}

/** What an event of `window` may see of its side input: one certain list, or, of a table, any one of several. */
export const seenBy = (side: SideShape, event: Event, window: Span): ReadonlyArray<ReadonlyArray<string>> => {
  const all = side.splits.flat()
  const mine = (e: Event): boolean => JSON.stringify(e.key) === JSON.stringify(event.key)
  const idsOf = (events: ReadonlyArray<Event>): ReadonlyArray<string> => events.map(e => e.id).sort()
  switch (side.view) {
    case 'list':
      return [idsOf(inSideWindow(side, window))]
    case 'multimap':
      return [idsOf(inSideWindow(side, window).filter(mine))]
    case 'table':
    case 'index':
      return [[], ...all.filter(e => mine(e) && e.n % 10 !== 0).map(e => [e.id])]
    case 'signal':
      return [[]]
  }
}

/** The side's elements in the window that holds the last instant of `window`; of several the one that starts first. */
const inSideWindow = (side: SideShape, window: Span): ReadonlyArray<Event> => {
  const [asked] = [...spansOf(side.window, window[1] - 1)].sort(([a], [b]) => a - b)
  return side.splits.flat().filter(e => spansOf(side.window, e.at).some(span => String(span) === String(asked)))
}

/** The groups of the first grouping; `keyOf` is what it groups by. */
export const groupsOf = (s: Scenario, keyOf: (e: Event) => unknown): ReadonlyArray<Group> => {
  const byKey = new Map<string, { readonly key: unknown; readonly rows: { readonly event: Event; readonly window: Span }[] }>()
  for (const row of exploded(s)) {
    const key = keyOf(row.event)
    const known = byKey.get(JSON.stringify(key)) ?? { key, rows: [] }
    byKey.set(JSON.stringify(key), known)
    known.rows.push(row)
  }
  return [...byKey.values()].flatMap(({ key, rows }) => {
    const windows = s.window._tag === 'Sessions' ? merged(rows.map(row => row.window)) : distinct(rows.map(row => row.window))
    return windows.map(window => ({
      key,
      window,
      events: rows
        .filter(
          row => row.window[0] >= window[0] && row.window[1] <= window[1] && (s.window._tag === 'Sessions' || row.window[0] === window[0]),
        )
        .map(row => row.event),
    }))
  })
}

/** Sorted by start; whatever overlaps the one before grows it. */
export const merged = (windows: ReadonlyArray<Span>): ReadonlyArray<Span> =>
  [...windows]
    .sort((a, b) => a[0] - b[0])
    .reduce<ReadonlyArray<Span>>((sessions, window) => {
      const last = sessions.at(-1)
      return last !== undefined && window[0] < last[1]
        ? [...sessions.slice(0, -1), [last[0], Math.max(last[1], window[1])]]
        : [...sessions, window]
    }, [])

const distinct = (windows: ReadonlyArray<Span>): ReadonlyArray<Span> => [
  ...new Map(windows.map(window => [String(window), window])).values(),
]

export const sumOf = (events: ReadonlyArray<{ readonly n: number }>): number => events.reduce((sum, { n }) => sum + n, 0)

/** The second grouping: by the coarse key, of the first one's sums. Sessions stay what the first one made of them. */
export const coarseGroups = (
  s: Scenario,
): ReadonlyArray<{ readonly key: unknown; readonly window: Span; readonly sums: ReadonlyArray<number> }> => {
  const sums = groupsOf(s, e => e.key)
    .map(({ key, window, events }) => ({ key: coarse(key), window, n: sumOf(events) }))
    .map(e => (s.between === 'async' ? tripled(e) : e))
  return [0, 1].flatMap(key => {
    const mine = sums.filter(sum => sum.key === key)
    return distinct(mine.map(sum => sum.window)).map(window => ({
      key,
      window,
      sums: mine.filter(sum => String(sum.window) === String(window)).map(sum => sum.n),
    }))
  })
}
