// Which of a key's windows become one when a bundle brings new ones: by overlap for sessions, by the user's function for others.
import type { WindowFn } from '../../sdk/model/custom-window-fn.ts'
import type { MergedWindow } from '../../sdk/model/windowing-strategy.ts'
import { type BoundedWindow, IntervalWindow, sameWindow, showWindow } from '../../sdk/model/window.ts'
import { refuseMore } from '../harness/window-assignment.ts'
import type { Cell } from './cell.ts'

/** A window and what it is made of. */
export interface Merger {
  readonly window: BoundedWindow
  readonly from: ReadonlyArray<Cell>
  /** The new windows that are part of it, by their place in the bundle. */
  readonly protos: ReadonlyArray<number>
}

/** Earlier start first, then earlier end: the order in which a key's windows lie. */
export const byStart = (a: BoundedWindow, b: BoundedWindow): number => a.start - b.start || a.end - b.end

/** How many of `count` items, from the first, are before what is looked for. */
export const countBefore = (count: number, isBefore: (at: number) => boolean): number => {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(middle)) low = middle + 1
    else high = middle
  }
  return low
}

/** Sessions: `open` are disjoint and in order, so each new window needs only a search for the first that it may overlap. */
export const overlapping = (open: ReadonlyArray<Cell>, protos: ReadonlyArray<BoundedWindow>): ReadonlyArray<Merger> => {
  const sorted = protos.map((window, at) => ({ window, at })).sort((a, b) => byStart(a.window, b.window))
  const mergers: Merger[] = []
  for (let next = 0; next < sorted.length;) {
    let { start, end } = (sorted[next] as (typeof sorted)[number]).window // within bounds: next < length
    const mine: number[] = []
    const first = countBefore(open.length, at => (open[at]?.window.end ?? Infinity) <= start)
    let behind = first
    for (;;) {
      const [cell, proto] = [open[behind], sorted[next]]
      if (cell !== undefined && cell.window.start < end) {
        if (cell.window.start < start) start = cell.window.start
        if (cell.window.end > end) end = cell.window.end
        behind++
      } else if (proto !== undefined && proto.window.start < end) {
        if (proto.window.end > end) end = proto.window.end
        mine.push(proto.at)
        next++
      } else break
    }
    mergers.push({ window: IntervalWindow.of(start, end), from: open.slice(first, behind), protos: mine })
  }
  return mergers
}

/** Throws a TypeError for a merge of windows that are not there, or of one window twice. */
export const mergedBy = (
  { kind, merge }: WindowFn<never>,
  open: ReadonlyArray<Cell>,
  protos: ReadonlyArray<BoundedWindow>,
): ReadonlyArray<Merger> => {
  const all = new KeysWindows(open, protos)
  // The windows that are there have been merged already.
  if (merge === null || all.windows.length === open.length) return all.left(new Set())
  const name = kind._tag === 'Custom' ? kind.name : kind._tag
  const given: unknown = merge(all.windows)
  if (!Array.isArray(given)) throw new TypeError(`merge of the window function ${name} gives an array of { window, parts }`)
  const used = new Set<number>()
  const mergers = (given as ReadonlyArray<MergedWindow>).map(({ window, parts }): Merger => {
    const places = parts.map(part => {
      const place = all.find(part)
      if (place < 0 || used.has(place))
        throw new TypeError(
          `merge of the window function ${name} made ${showWindow(part)} part of ${showWindow(window)}: the key has no such window, or it is part of another already`,
        )
      used.add(place)
      return place
    })
    refuseMore(name, window)
    return all.merger(IntervalWindow.of(window.start, window.end), places)
  })
  const sorted = mergers.map(({ window }) => window).sort(byStart)
  const twice = sorted.find((window, i) => {
    const place = all.find(window)
    const before = sorted[i - 1]
    return (place >= 0 && !used.has(place)) || (before !== undefined && sameWindow(before, window))
  })
  if (twice !== undefined)
    throw new TypeError(`merge of the window function ${name} leaves ${showWindow(twice)} twice: name all of its parts`)
  return [...mergers.filter(({ from, protos: mine }) => from.length > 0 || mine.length > 0), ...all.left(used)]
}

/** A key's windows, all different: those that are open, in order, and behind them the new ones of a bundle, in order. */
class KeysWindows {
  readonly windows: ReadonlyArray<BoundedWindow>
  readonly #open: ReadonlyArray<Cell>
  /** By place: the bundle's windows that lie there. */
  readonly #protos = new Map<number, number[]>()
  // A merge function mostly names the very objects that it was given.
  readonly #places = new Map<BoundedWindow, number>()

  constructor(open: ReadonlyArray<Cell>, protos: ReadonlyArray<BoundedWindow>) {
    this.#open = open
    const windows = open.map(({ window }) => window)
    this.windows = windows
    const sorted = protos.map((window, at) => ({ window, at })).sort((a, b) => byStart(a.window, b.window))
    for (const { window, at } of sorted) {
      let place = this.#placeAmong(window, 0, open.length)
      const last = windows.length - 1
      if (place < 0 && last >= open.length && windows[last] !== undefined && sameWindow(windows[last], window)) place = last
      if (place < 0) place = windows.push(window) - 1
      const there = this.#protos.get(place)
      if (there === undefined) this.#protos.set(place, [at])
      else there.push(at)
    }
    for (const [place, window] of windows.entries()) this.#places.set(window, place)
  }

  /** -1 where it is not there. */
  #placeAmong(window: BoundedWindow, from: number, to: number): number {
    const place = from + countBefore(to - from, at => this.#compare(from + at, window) < 0)
    return place < to && this.#compare(place, window) === 0 ? place : -1
  }

  #compare(place: number, window: BoundedWindow): number {
    const other = this.windows[place]
    return other === undefined ? 1 : byStart(other, window)
  }

  /** -1 where it is not there. */
  find(window: BoundedWindow): number {
    const known = this.#places.get(window)
    if (known !== undefined) return known
    const among = this.#placeAmong(window, 0, this.#open.length)
    return among >= 0 ? among : this.#placeAmong(window, this.#open.length, this.windows.length)
  }

  merger(window: BoundedWindow, places: ReadonlyArray<number>): Merger {
    return {
      window,
      from: places.flatMap(place => this.#open[place] ?? []),
      protos: places.flatMap(place => this.#protos.get(place) ?? []),
    }
  }

  /** The bundle's windows that are in no merge. */
  left(used: ReadonlySet<number>): ReadonlyArray<Merger> {
    return [...this.#protos.keys()]
      .filter(place => !used.has(place))
      .map(place => this.merger(this.windows[place] as BoundedWindow, [place])) // each key of the map is a place
  }
}
