// Which of a key's windows become one when a new window comes: by overlap for sessions, by the user's function for others.
import type { MergedWindow, WindowFn } from '../../sdk/model/windowing-strategy.ts'
import { type BoundedWindow, IntervalWindow, sameWindow, showWindow } from '../../sdk/model/window.ts'
import type { Cell } from './cell.ts'

/** A window and the cells that it is made of. */
export interface Merger {
  readonly window: BoundedWindow
  readonly from: ReadonlyArray<Cell>
  /** Whether the new window is part of it. */
  readonly isMine: boolean
}

/** The new window with all that overlap it: sessions need no more, since those that were there are disjoint. */
export const overlap = (open: ReadonlyArray<Cell>, proto: BoundedWindow): Merger => {
  const from = open.filter(({ window }) => window.start < proto.end && proto.start < window.end)
  const start = Math.min(proto.start, ...from.map(({ window }) => window.start))
  const end = Math.max(proto.end, ...from.map(({ window }) => window.end))
  return { window: IntervalWindow.of(start, end), from, isMine: true }
}

/** The new window by itself, which a cell may have already. */
export const alone = (open: ReadonlyArray<Cell>, proto: BoundedWindow): Merger => ({
  window: proto,
  from: open.filter(({ window }) => sameWindow(window, proto)),
  isMine: true,
})

/** Throws a TypeError for a merge of windows that are not there, or of one window twice. */
export const mergersOf = ({ kind, merge }: WindowFn<never>, open: ReadonlyArray<Cell>, proto: BoundedWindow): ReadonlyArray<Merger> => {
  const windows = [...open.map(({ window }) => window), proto]
  const merged = merge === null ? [] : checked(kind._tag === 'Custom' ? kind.name : kind._tag, merge(windows), windows)
  const mergers = merged.map(({ window, parts }): Merger => ({
    window,
    from: open.filter(cell => parts.some(part => sameWindow(part, cell.window))),
    isMine: parts.some(part => sameWindow(part, proto)),
  }))
  return mergers.some(({ isMine }) => isMine) ? mergers : [...mergers, alone(open, proto)]
}

const checked = (name: string, given: unknown, windows: ReadonlyArray<BoundedWindow>): ReadonlyArray<MergedWindow> => {
  if (!Array.isArray(given)) throw new TypeError(`merge of the window function ${name} gives an array of { window, parts }`)
  const left = [...windows]
  const merged = (given as ReadonlyArray<MergedWindow>).map(({ window, parts }): MergedWindow => {
    for (const part of parts) {
      const at = left.findIndex(other => sameWindow(other, part))
      if (at < 0)
        throw new TypeError(
          `merge of the window function ${name} made ${showWindow(part)} part of ${showWindow(window)}: the key has no such window, or it is part of another already`,
        )
      left.splice(at, 1)
    }
    return { window: IntervalWindow.of(window.start, window.end), parts }
  })
  const results = [...merged.map(({ window }) => window), ...left]
  const twice = results.find((window, i) => results.some((other, j) => j < i && sameWindow(other, window)))
  if (twice !== undefined)
    throw new TypeError(`merge of the window function ${name} leaves ${showWindow(twice)} twice: name all of its parts`)
  return merged.filter(({ parts }) => parts.length > 0)
}
