// A reader that says when it is closed, so that its source need not know it any more.
import type { SplitReader } from '../../sdk/splittable/source.ts'

export const tracked = <M>(reader: SplitReader<M>, onClosed: () => void): SplitReader<M> => ({
  poll: maxElements => reader.poll(maxElements),
  giveUp: reader.giveUp === undefined ? undefined : reason => reader.giveUp?.(reason) ?? null,
  status: () => reader.status(),
  lag: () => reader.lag(),
  lagMs: reader.lagMs === undefined ? undefined : nowMs => reader.lagMs?.(nowMs) ?? null,
  metrics: reader.metrics === undefined ? undefined : () => reader.metrics?.() ?? {},
  onChange: callback => reader.onChange(callback),
  truncate: to => reader.truncate(to),
  commit: reader.commit === undefined ? undefined : async progress => reader.commit?.(progress),
  wantsCommit: reader.wantsCommit === undefined ? undefined : () => reader.wantsCommit?.() === true,
  close: async () => {
    await reader.close()
    onClosed()
  },
})
