// A reader that hands on so many messages a second and no more: for replays that must not flood what comes behind them.
import type { SplitReader } from '../../sdk/splittable/source.ts'

/** In one piece at most a tenth of a second's worth. */
const piecesPerSecond = 10

export const paced = <M>(reader: SplitReader<M>, perSecond: number): SplitReader<M> => {
  const most = Math.max(1, perSecond / piecesPerSecond)
  let allowance = most
  let allowedAt = performance.now()
  let changed = (): void => undefined
  let timer: NodeJS.Timeout | null = null
  const wait = (): void => {
    timer ??= setTimeout(
      () => {
        timer = null
        changed()
      },
      Math.ceil(((1 - allowance) * 1_000) / perSecond),
    )
  }
  return {
    poll: maxElements => {
      const now = performance.now()
      allowance = Math.min(most, allowance + ((now - allowedAt) * perSecond) / 1_000)
      allowedAt = now
      if (allowance < 1) {
        wait()
        return null
      }
      const batch = reader.poll(Math.min(maxElements, Math.floor(allowance)))
      allowance -= batch?.values.length ?? 0
      return batch
    },
    status: () => reader.status(),
    lag: () => reader.lag(),
    lagMs: nowMs => reader.lagMs?.(nowMs) ?? null,
    metrics: () => reader.metrics?.() ?? {},
    onChange: callback => {
      changed = callback
      reader.onChange(callback)
    },
    truncate: to => reader.truncate(to),
    commit: reader.commit === undefined ? undefined : async progress => reader.commit?.(progress),
    wantsCommit: () => reader.wantsCommit?.() === true,
    close: () => {
      if (timer !== null) clearTimeout(timer)
      return reader.close()
    },
  }
}
