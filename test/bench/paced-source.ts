// Keys to fill state with, as fast as they are taken; then one every so often, each with the time at which it was due.
import type { ReadBatch, Source } from 'jetbeam'

export interface Paced {
  readonly key: number
  /** By Date.now; null while state is being filled. */
  readonly dueMs: number | null
}

export interface Pace {
  readonly keys: number
  readonly perSecond: number
}

const wakeMs = 2

export const pacedSource = ({ keys, perSecond }: Pace): Source<Paced> => ({
  urn: 'bench:paced',
  label: 'paced',
  isBounded: false,
  identity: { keys, perSecond },
  replayable: true,
  connect: () =>
    Promise.resolve({
      resolve: ({ desired }) =>
        Promise.resolve(
          Array.from({ length: desired }, (_, part) => ({
            id: String(part),
            range: { from: 0, to: null },
            count: null,
            detail: [part, desired],
          })),
        ),
      open: (split, progress) => {
        const [part, parts] = split.detail as readonly [number, number] // as resolve made it
        const own = Math.floor(keys / parts)
        let at = progress.last === null ? 0 : progress.last + 1
        let beganMs = Number.NaN
        let timer: NodeJS.Timeout | null = null
        const poll = (most: number): ReadBatch<Paced> | null => {
          if (at >= own && Number.isNaN(beganMs)) beganMs = Date.now() - ((at - own) * 1_000 * parts) / perSecond
          const dueOf = (position: number): number => beganMs + ((position - own) * 1_000 * parts) / perSecond
          const end = at < own ? own : own + Math.floor(((Date.now() - beganMs) * perSecond) / (1_000 * parts))
          const count = Math.min(most, end - at)
          if (count <= 0) return null
          const positions = Array.from({ length: count }, (_, i) => at + i)
          // Far from each other, so that whatever is written in order meets what is written anew.
          const values = positions.map(position => ({
            key: ((position * 7_919) % own) * parts + part,
            dueMs: position < own ? null : dueOf(position),
          }))
          at += count
          return { values, positions, bytes: 0, note: null }
        }
        return Promise.resolve({
          poll,
          status: () => ({ _tag: 'reading' }) as const,
          lag: () => null,
          onChange: callback => {
            if (timer !== null) clearInterval(timer)
            timer = setInterval(callback, wakeMs)
          },
          truncate: () => undefined,
          close: () => {
            if (timer !== null) clearInterval(timer)
            return Promise.resolve()
          },
        })
      },
      guarantee: () => 'made up',
      close: () => Promise.resolve(),
    }),
})
