// A source of whole numbers: each split's positions are its elements.
import type { Source } from '../../sdk/index.ts'

export interface NumberRange {
  readonly from: number
  /** null: it has no end, and no elements yet. */
  readonly to: number | null
}

export interface NumberSource {
  readonly label: string
  /** One range for each split, where so many are wanted. */
  readonly rangesOf: (desired: number) => ReadonlyArray<NumberRange>
  /** Called with how many it gave. */
  readonly handed?: (count: number) => void
  /** Whether it gives anything for now. */
  readonly gate?: () => boolean
  /** Whether what has an end may be given to others. */
  readonly divisible?: boolean
  readonly isBounded?: boolean
}

export const numberSource = ({ label, rangesOf, handed, gate, divisible = false, isBounded = true }: NumberSource): Source<number> => ({
  urn: 'test:numbers',
  label,
  isBounded,
  identity: { label },
  replayable: true,
  connect: () =>
    Promise.resolve({
      resolve: ({ desired }) =>
        Promise.resolve(
          rangesOf(desired).map((range, part) => ({
            id: String(part),
            range,
            count: null,
            detail: null,
            divisible: divisible && range.to !== null,
          })),
        ),
      open: ({ range }, progress) => {
        let at = progress.last === null ? range.from : progress.last + 1
        let end = range.to ?? at
        return Promise.resolve({
          poll: most => {
            if (at >= end || gate?.() === false) return null
            const positions = Array.from({ length: Math.min(most, end - at) }, (_, i) => at + i)
            at += positions.length
            handed?.(positions.length)
            return { values: positions, positions, bytes: 0, note: null }
          },
          status: () => (at < end ? { _tag: 'reading' } : range.to === null ? { _tag: 'idle', since: 0 } : { _tag: 'done' }),
          lag: () => end - at,
          onChange: () => undefined,
          truncate: to => {
            end = Math.min(end, to)
          },
          close: () => Promise.resolve(),
        })
      },
      guarantee: () => 'made up',
      close: () => Promise.resolve(),
    }),
})
