// Compares what a simulated run wrote with the reference: final contents, and what must hold of panes whatever the order of events.
import type { Out } from './pipelines.ts'
import { coarseGroups, exploded, groupsOf, prepared, seenBy, type Span, sumOf } from './reference.ts'
import type { Event, Scenario } from './scenario.ts'
import { statefulProblems } from './stateful.ts'

/** What the destinations hold. */
export interface Ledger {
  readonly rows: (sink: string) => ReadonlyArray<Out>
}

/** What is wrong, in words; none if all is well. */
export const problemsOf = (s: Scenario, ledger: Ledger, droppedLate: number): ReadonlyArray<string> => {
  const results = ledger.rows('results')
  const copies = s.copy
    ? differing(
        'copies',
        ledger.rows('copies').map(out => [out.key, out.value, out.timestamp]),
        prepared(s).map(e => [e.key, [e.id, e.n], e.at]),
      )
    : []
  const panes = s.grouping === 'none' || s.grouping === 'stateful' ? [] : panesOf(s, results)
  return [...copies, ...enrichedOf(s, ledger.rows('enriched')), ...resultsOf(s, results, droppedLate), ...panes]
}

/** Each event once for each of its windows, with what it could see there. */
const enrichedOf = (s: Scenario, rows: ReadonlyArray<Out>): ReadonlyArray<string> => {
  const { side } = s
  if (side === null) return []
  const got = rows.map(out => [out.key, out.window])
  const wanted = exploded(s).map(({ event, window }) => [event.id, window])
  const seen = new Map<string, ReadonlyArray<string>>()
  /** The same for all events of a key in a window. */
  const seenAt = (event: Event, window: Span): ReadonlyArray<string> => {
    const at = shown([event.key, window])
    const known = seen.get(at) ?? seenBy(side, event, window).map(shown)
    seen.set(at, known)
    return known
  }
  const may = new Map(exploded(s).map(({ event, window }) => [shown([event.id, window]), seenAt(event, window)]))
  return [
    ...differing('enriched', got, wanted),
    ...rows.flatMap(out => {
      const those = may.get(shown([out.key, out.window])) ?? []
      return those.includes(shown(out.value)) ? [] : [`${shown(out)} sees what it cannot: it may see ${those.join(' or ')}`]
    }),
  ]
}

const resultsOf = (s: Scenario, results: ReadonlyArray<Out>, droppedLate: number): ReadonlyArray<string> => {
  if (s.grouping === 'none') {
    return differing(
      'results',
      results.map(out => [out.key, out.value, out.window, out.timestamp]),
      exploded(s).map(({ event, window }) => [event.key, [event.id, event.n], window, event.at]),
    )
  }
  if (s.tooLate) return lateOf(s, results, droppedLate)
  const late = droppedLate > 0 ? [`${droppedLate} elements were dropped as late, and none was`] : []
  if (s.grouping === 'stateful') return [...late, ...statefulProblems(s, results)]
  return [...late, ...differing('results', actual(s, results), expected(s)), ...timesOf(s, results)]
}

const firesOnce = (s: Scenario): boolean =>
  s.lateness === 0 && (s.trigger._tag === 'default' || s.trigger._tag === 'watermark' || s.trigger._tag === 'never')
const isTwice = (s: Scenario): boolean => s.grouping === 'sumOfSums' || s.grouping === 'listOfSums'
const listed = (s: Scenario): boolean => s.grouping === 'list' || (s.grouping === 'listOfSums' && firesOnce(s))

/** (key, window, content) of each group: all there is about it in the end. */
const expected = (s: Scenario): ReadonlyArray<unknown> => {
  switch (s.grouping) {
    case 'list':
      return groupsOf(s, e => e.key).map(({ key, window, events }) => [key, window, sorted(events.map(e => e.id))])
    case 'sum':
      return groupsOf(s, e => e.key).map(({ key, window, events }) => [
        key,
        window,
        s.between === 'async' ? 3 * sumOf(events) : sumOf(events),
      ])
    case 'total': {
      const groups = groupsOf(s, () => null).map(({ key, window, events }) => [key, window, sumOf(events)])
      return groups.length === 0 && s.window._tag === 'Global' ? [[null, globalSpan, 0]] : groups
    }
    case 'sumOfSums':
    case 'listOfSums':
      return coarseGroups(s).map(({ key, window, sums }) => [key, window, listed(s) ? sorted(sums) : sums.reduce((a, b) => a + b, 0)])
    case 'none':
    case 'stateful':
      return []
  }
}
const globalSpan: Span = [-9_223_372_036_854_774, 9_223_372_036_854_774]

/** The same from what was written: the last pane, or all of them together. */
const actual = (s: Scenario, results: ReadonlyArray<Out>): ReadonlyArray<unknown> => {
  const finals = finalWindows(s)
  const groups = new Map<string, Out[]>()
  for (const out of results) {
    const window =
      s.window._tag === 'Sessions' && !isTwice(s)
        ? (finals.find(([key, span]) => key === JSON.stringify(out.key) && span[0] <= out.window[0] && out.window[1] <= span[1])?.[1] ??
          out.window)
        : out.window
    const id = JSON.stringify([out.key, window])
    groups.set(id, [...(groups.get(id) ?? []), out])
  }
  return [...groups].map(([id, panes]) => {
    const [key, window] = JSON.parse(id) as [unknown, Span]
    const whole = panes.filter(out => String(out.window) === String(window)).sort((a, b) => a.pane.index - b.pane.index)
    const counted = s.accumulation === 'accumulating' ? whole.slice(-1) : panes
    const values = counted.flatMap(out => (Array.isArray(out.value) ? (out.value as (string | number)[]) : [out.value as number]))
    return [key, window, listed(s) ? sorted(values) : values.reduce<number>((sum, n) => sum + Number(n), 0)]
  })
}

/** Sessions that have grown to their end; a window on the way there lies inside one of them. */
const finalWindows = (s: Scenario): ReadonlyArray<readonly [key: string, window: Span]> => {
  const groups = isTwice(s) ? [] : groupsOf(s, e => (s.grouping === 'total' ? null : e.key))
  return groups.map(({ key, window }) => [JSON.stringify(key), window])
}

/** Where windows fire once, the pane's timestamp is known too. */
const timesOf = (s: Scenario, results: ReadonlyArray<Out>): ReadonlyArray<string> => {
  const single = s.grouping === 'list' || s.grouping === 'sum' || s.grouping === 'total'
  if (s.combiner === 'endOfWindow')
    return results.flatMap(out => (out.timestamp === out.window[1] - 1 ? [] : [`${shown(out)} is not at its window's end`]))
  if (!single || !firesOnce(s)) return []
  const pick = s.combiner === 'earliest' ? Math.min : Math.max
  return groupsOf(s, e => (s.grouping === 'total' ? null : e.key)).flatMap(({ key, window, events }) => {
    const at = pick(...events.map(e => e.at))
    return results
      .filter(out => JSON.stringify([out.key, out.window]) === JSON.stringify([key, window]) && out.timestamp !== at)
      .map(out => `${shown(out)} should be at ${at}`)
  })
}

const spanned = (id: unknown, [start, end]: Span): string => `${String(id)} ${start},${end}`

/** Elements that came too late are missing, each counted; none else is. */
const lateOf = (s: Scenario, results: ReadonlyArray<Out>, droppedLate: number): ReadonlyArray<string> => {
  const written = new Map<string, number>()
  const last = actual(s, results) as ReadonlyArray<readonly [unknown, Span, ReadonlyArray<string>]>
  for (const [, window, ids] of last) for (const id of ids) written.set(spanned(id, window), (written.get(spanned(id, window)) ?? 0) + 1)
  const newest = newestBefore(s)
  const problems: string[] = []
  let missing = 0
  for (const { event, window } of exploded(s)) {
    const id = spanned(event.id, window)
    const left = written.get(id) ?? 0
    if (left > 0) written.set(id, left - 1)
    else {
      missing++
      const watermark = (newest.get(event.id.replaceAll(/\+|#\d+/g, '')) ?? -Infinity) - s.outOfOrdernessMs
      if (window[1] + s.lateness > watermark) problems.push(`${id} is missing, and the watermark was ${watermark} at the most`)
    }
  }
  for (const [id, left] of written) if (left > 0) problems.push(`${id} was written ${left} times too often`)
  return missing === droppedLate ? problems : [...problems, `${missing} are missing, and ${droppedLate} were counted as late`]
}

/** The greatest timestamp in an event's split before it: its watermark cannot have been further. */
const newestBefore = (s: Scenario): ReadonlyMap<string, number> => {
  const newest = new Map<string, number>()
  for (const split of s.sources.flat()) {
    let so = -Infinity
    for (const event of split) {
      newest.set(event.id, so)
      so = Math.max(so, event.at)
    }
  }
  return newest
}

/** Indexes run from 0, one pane is on time, early ones lie before it and late ones behind, and nothing follows the last. */
const panesOf = (s: Scenario, results: ReadonlyArray<Out>): ReadonlyArray<string> => {
  const groups = new Map<string, Out[]>()
  for (const out of results) {
    const id = JSON.stringify([out.key, out.window])
    groups.set(id, [...(groups.get(id) ?? []), out])
  }
  const order = { early: 0, onTime: 1, late: 2, unknown: 3 } as Readonly<Record<string, number>>
  return [...groups.values()].flatMap(unsorted => {
    const panes = [...unsorted].sort((a, b) => a.pane.index - b.pane.index)
    const problems: string[] = []
    let nonSpeculative = 0
    panes.forEach(({ pane }, i) => {
      // A session's panes are counted anew when it grows.
      if (s.window._tag !== 'Sessions' && pane.index !== i) problems.push(`pane ${pane.index} in place of ${i}`)
      if (pane.isFirst !== (pane.index === 0)) problems.push(`pane ${pane.index} says isFirst: ${pane.isFirst}`)
      if (pane.isLast && i < panes.length - 1) problems.push(`the last pane is followed by another`)
      const before = panes[i - 1]?.pane
      if (before !== undefined && (order[before.timing] ?? 0) > (order[pane.timing] ?? 0))
        problems.push(`${pane.timing} behind ${before.timing}`)
      if (before?.timing === 'onTime' && pane.timing === 'onTime') problems.push('two panes on time')
      const index = pane.timing === 'early' ? -1 : nonSpeculative++
      if (s.window._tag !== 'Sessions' && pane.nonSpeculativeIndex !== index)
        problems.push(`nonSpeculativeIndex ${pane.nonSpeculativeIndex} in place of ${index}`)
    })
    return problems.map(problem => `${problem}: ${panes.map(shown).join(' | ')}`)
  })
}

const shown = (value: unknown): string => JSON.stringify(value)
const sorted = (values: ReadonlyArray<string | number>): ReadonlyArray<string | number> => [...values].sort()

const differing = (what: string, got: ReadonlyArray<unknown>, wanted: ReadonlyArray<unknown>): ReadonlyArray<string> => {
  const left = new Map<string, number>()
  for (const text of wanted.map(shown)) left.set(text, (left.get(text) ?? 0) + 1)
  const surplus = got.map(shown).filter(text => {
    const times = left.get(text) ?? 0
    left.set(text, times - 1)
    return times <= 0
  })
  const lacking = [...left].flatMap(([text, times]) => new Array<string>(Math.max(0, times)).fill(text))
  return [...lacking.map(text => `${what} lack ${text}`), ...surplus.map(text => `${what} have ${text} too much`)]
}
