// Create as a source: elements that the program already holds, read by index.
import type { ReadBatch, Source, Split } from '../../sdk/splittable/source.ts'

export const createSource = (label: string, elements: ReadonlyArray<unknown>): Source => ({
  urn: 'jetbeam:source:create:v1',
  label,
  isBounded: true,
  identity: { elements: elements.length },
  replayable: true,
  connect: () =>
    Promise.resolve({
      resolve: ({ desired }) => Promise.resolve(splitsOf(elements.length, desired)),
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

const splitsOf = (elements: number, desired: number): ReadonlyArray<Split> => {
  const count = Math.max(1, Math.min(desired, elements))
  const cut = (i: number): number => Math.floor((elements * i) / count)
  return Array.from({ length: count }, (_, i) => ({
    id: String(i),
    range: { from: cut(i), to: cut(i + 1) },
    count: null,
    detail: null,
    divisible: true,
  }))
}

const ascending = (from: number, to: number): ReadonlyArray<number> => {
  const positions = new Array<number>(to - from)
  for (let i = from; i < to; i++) positions[i - from] = i
  return positions
}
