// A bounded source of whole numbers: each split's positions are its elements.
import type { Source } from '../../sdk/index.ts'

export interface NumberRange {
  readonly from: number
  readonly to: number
}

export interface NumberSource {
  readonly label: string
  /** One range for each split, where so many are wanted. */
  readonly rangesOf: (desired: number) => ReadonlyArray<NumberRange>
  /** Called with how many it gave. */
  readonly handed?: (count: number) => void
  /** Whether it gives anything for now. */
  readonly gate?: () => boolean
}

export const numberSource = ({ label, rangesOf, handed, gate }: NumberSource): Source<number> => ({
  urn: 'test:numbers',
  label,
  isBounded: true,
  identity: { label },
  replayable: true,
  connect: () =>
    Promise.resolve({
      resolve: ({ desired }) =>
        Promise.resolve(rangesOf(desired).map((range, part) => ({ id: String(part), range, count: null, detail: null }))),
      open: ({ range }, progress) => {
        let at = progress.last === null ? range.from : progress.last + 1
        const end = range.to ?? at
        return Promise.resolve({
          poll: most => {
            if (at >= end || gate?.() === false) return null
            const positions = Array.from({ length: Math.min(most, end - at) }, (_, i) => at + i)
            at += positions.length
            handed?.(positions.length)
            return { values: positions, positions, bytes: 0, note: null }
          },
          status: () => (at >= end ? { _tag: 'done' } : { _tag: 'reading' }),
          lag: () => end - at,
          onChange: () => undefined,
          truncate: () => undefined,
          close: () => Promise.resolve(),
        })
      },
      guarantee: () => 'made up',
      close: () => Promise.resolve(),
    }),
})
