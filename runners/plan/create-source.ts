// Create as a source: elements that the program already holds, read by index.
import type { ReadBatch, Source } from '../../sdk/splittable/source.ts'

export const createSource = (label: string, elements: ReadonlyArray<unknown>): Source => ({
  urn: 'jetbeam:source:create:v1',
  label,
  isBounded: true,
  identity: { elements: elements.length },
  replayable: true,
  connect: () =>
    Promise.resolve({
      resolve: () => Promise.resolve([{ id: '0', range: { from: 0, to: elements.length }, count: null, detail: null }]),
      open: (split, progress) => {
        let at = progress.last === null ? split.range.from : progress.last + 1
        let end = split.range.to ?? elements.length
        const poll = (maxElements: number): ReadBatch<unknown> | null => {
          if (at >= end) return null
          const from = at
          at = Math.min(end, from + maxElements)
          return { values: elements.slice(from, at), positions: ascending(from, at), bytes: 0, note: null }
        }
        return Promise.resolve({
          poll,
          status: () => (at >= end ? { _tag: 'done' } : { _tag: 'reading' }),
          lag: () => end - at,
          onChange: () => undefined,
          truncate: to => {
            end = Math.min(end, to)
          },
          close: () => Promise.resolve(),
        })
      },
      guarantee: () => 'elements of the program itself: read again from the position in the checkpoint',
      close: () => Promise.resolve(),
    }),
})

const ascending = (from: number, to: number): ReadonlyArray<number> => {
  const positions = new Array<number>(to - from)
  for (let i = from; i < to; i++) positions[i - from] = i
  return positions
}
