// Who reads which of a source's splits: they are dealt out in turn.
import type { Plan } from '../plan/stage.ts'

/** The task that the first is dealt to: the next one for each source, or several sources of one split each would all be one task's. */
export const firstShardOf = ({ stages }: Plan, stage: string): number =>
  Math.max(
    0,
    stages.filter(({ head }) => head._tag === 'Source').findIndex(({ id }) => id === stage),
  )

export const dealt = <A>(splits: ReadonlyArray<A>, first: number, shard: number, shards: number): ReadonlyArray<A> =>
  splits.filter((_, i) => (first + i) % shards === shard)
