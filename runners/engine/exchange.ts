// Which task a keyed element belongs to: a fixed hash of its encoded key gives a key group, and each task owns a range of groups.
import { ByteWriter, type Coder, Coder as Coders, keyGroupOf, streamOf } from '../../sdk/coders/index.ts'
import type { Batch, FillingBatch } from '../harness/batch.ts'
import { emptyBatch } from '../harness/batch.ts'

export const keyGroups = 1_024

export const shardOfGroup = (group: number, shards: number): number => Math.floor((group * shards) / keyGroups)

/** Whether a key with these bytes belongs to `shard` of `shards`. */
export const ownsKey =
  (shard: number, shards: number) =>
  (keyBytes: Uint8Array): boolean =>
    shards === 1 || shardOfGroup(keyGroupOf(keyBytes, keyGroups), shards) === shard

/** Splits a keyed batch by who owns each key; null where a task gets nothing. */
export const exchange = (batch: Batch, keyCoder: Coder<unknown> | null, shards: number): ReadonlyArray<Batch | null> => {
  const { keys, values, timestamps, windows, panes, lifted } = batch
  if (keys === null) throw new Error('exchange: the batch has no keys')
  const coder = streamOf(keyCoder ?? Coders.structural<unknown>())
  const parts: (FillingBatch | null)[] = new Array<FillingBatch | null>(shards).fill(null)
  const bytes = new ByteWriter()
  for (let i = 0; i < values.length; i++) {
    bytes.position = 0
    coder.write(keys[i], bytes)
    const shard = shardOfGroup(keyGroupOf(bytes.bytes.subarray(0, bytes.position), keyGroups), shards)
    const part = (parts[shard] ??= { ...emptyBatch({ keyed: true, windowed: windows !== null, panes: panes !== null }), lifted })
    part.keys?.push(keys[i])
    part.values.push(values[i])
    part.timestamps.push(timestamps[i] ?? 0)
    const of = windows?.[i]
    if (of !== undefined) part.windows?.push(of)
    const pane = panes?.[i]
    if (pane !== undefined) part.panes?.push(pane)
  }
  return parts
}

/** Deals a batch's elements to all tasks in turn, the first to `first`; null where a task gets nothing. */
export const spread = ({ values, timestamps, windows, panes }: Batch, shards: number, first: number): ReadonlyArray<Batch | null> => {
  const parts: (FillingBatch | null)[] = new Array<FillingBatch | null>(shards).fill(null)
  for (let i = 0; i < values.length; i++) {
    const part = (parts[(first + i) % shards] ??= emptyBatch({ keyed: false, windowed: windows !== null, panes: panes !== null }))
    part.values.push(values[i])
    part.timestamps.push(timestamps[i] ?? 0)
    const of = windows?.[i]
    if (of !== undefined) part.windows?.push(of)
    const pane = panes?.[i]
    if (pane !== undefined) part.panes?.push(pane)
  }
  return parts
}
