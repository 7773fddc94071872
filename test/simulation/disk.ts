// What survives a crash: the newest checkpoint, as bytes and JSON text, never as live objects.
import { ByteReader, ByteWriter } from '../../sdk/coders/index.ts'
import type { OutputBatch } from '../../sdk/graph/sink.ts'
import type { Checkpoint } from '../../runners/engine/coordinator.ts'
import { wholeOf } from '../../runners/engine/frozen-state.ts'
import type { TaskRecord, TaskSnapshot } from '../../runners/engine/messages.ts'
import type { Held } from '../../runners/engine/redealing.ts'
import { taskName } from '../../runners/engine/task-name.ts'
import { readOutputs, writeOutputs } from '../../runners/engine/outputs.ts'

interface StoredTask {
  readonly record: string
  readonly keyed: ReadonlyArray<Uint8Array>
  readonly outputs: ReadonlyArray<{ readonly sinkId: string; readonly bytes: Uint8Array }>
}

export interface Stored {
  readonly epoch: number
  readonly generation: number
  /** How many tasks each stage had. */
  readonly shards: number
  readonly tasks: ReadonlyMap<string, StoredTask>
}

/** A checkpoint's content; `before` is the last one that this process knows to be durable: its keyed state goes on in this one's. */
export const stored = (
  { epoch, full }: Checkpoint,
  by: Pick<Stored, 'generation' | 'shards'>,
  snapshots: ReadonlyArray<TaskSnapshot>,
  before: Stored | null,
): Stored => ({
  epoch,
  ...by,
  tasks: new Map(
    snapshots.map(({ task, record, keyed, outputs }) => {
      const bytes = wholeOf(keyed)
      const mine = bytes === null ? [] : [bytes.slice()]
      const chain = full ? mine : [...(before?.tasks.get(task)?.keyed ?? []), ...mine]
      return [
        task,
        {
          record: JSON.stringify(record),
          keyed: chain,
          outputs: outputs.map(({ sinkId, outputs: rows }) => ({ sinkId, bytes: bytesOf(rows) })),
        },
      ]
    }),
  ),
})

const bytesOf = (outputs: OutputBatch): Uint8Array => {
  const out = new ByteWriter()
  writeOutputs(outputs, out)
  return out.finish()
}

export const outputsIn = ({
  tasks,
}: Stored): ReadonlyArray<{ readonly task: string; readonly sinkId: string; readonly outputs: OutputBatch }> =>
  [...tasks].flatMap(([task, { outputs }]) =>
    outputs.map(({ sinkId, bytes }) => ({ task, sinkId, outputs: readOutputs(new ByteReader(bytes)) })),
  )

export const restoredOf = (from: Stored | null, task: string): Held | null => {
  const found = from?.tasks.get(task)
  return found === undefined ? null : { record: JSON.parse(found.record) as TaskRecord, keyed: found.keyed }
}

export const recordsIn = ({ tasks }: Stored): Readonly<Record<string, { readonly record: TaskRecord }>> =>
  Object.fromEntries([...tasks].map(([task, { record }]) => [task, { record: JSON.parse(record) as TaskRecord }]))

/** What all tasks of a stage held. */
export const heldIn = (from: Stored, stage: string): ReadonlyArray<Held> =>
  Array.from({ length: from.shards }, (_, shard) => restoredOf(from, taskName(stage, shard)) ?? missing(stage, shard))

const missing = (stage: string, shard: number): never => {
  throw new Error(`the disk has nothing of ${taskName(stage, shard)}`)
}
