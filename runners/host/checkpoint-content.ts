// What a checkpoint of a run says: the record in its manifest, and the segments that it names.
import { ByteReader, ByteWriter } from '../../sdk/coders/index.ts'
import type { OutputBatch } from '../../sdk/graph/sink.ts'
import type { StatefulNode } from '../../sdk/graph/graph.ts'
import type { Split } from '../../sdk/splittable/source.ts'
import type { CheckpointSession, Segment } from '../checkpoint/store.ts'
import type { TaskRecord, TaskSnapshot } from '../engine/messages.ts'
import { readOutputs, writeOutputs } from '../engine/outputs.ts'
import type { PoisonRecord } from './poison.ts'

export const contentFormat = 1

/** draining: a start from here goes on with the drain, whose work on the state cannot be undone. */
export type RunStatus = 'running' | 'suspended' | 'draining' | 'done' | 'drained'

export interface CheckpointContent {
  readonly format: typeof contentFormat
  readonly runId: string
  readonly status: RunStatus
  readonly fingerprint: string
  readonly stateful: ReadonlyArray<StatefulNode>
  readonly keyGroups: number
  /** How many tasks each stage has. */
  readonly shards: number
  /** By source: resolved once, before the first read. */
  readonly splits: Readonly<Record<string, ReadonlyArray<Split>>>
  /** By sink: the protocol of checkpoint 0, and what the sink recorded last. */
  readonly sinks: Readonly<Record<string, { readonly protocol: unknown; readonly position: unknown }>>
  readonly tasks: Readonly<Record<string, TaskContent>>
  /** Of a savepoint: the checkpoint that it is a copy of. */
  readonly epoch?: number | undefined
  /** Where a source has a poison policy. */
  readonly poison?: PoisonRecord | undefined
  /** Of a manifest that a start has written over another one: under which name the outputs were published first. */
  readonly outputsOf?: { readonly generation: number; readonly epoch: number } | undefined
}

export interface TaskContent {
  readonly record: TaskRecord
  /** Keyed state: all of it, then what changed, oldest first. */
  readonly keyed: ReadonlyArray<Segment>
  readonly outputs: Segment | null
}

export const segmentsOf = (content: CheckpointContent): ReadonlyArray<Segment> =>
  Object.values(content.tasks).flatMap(({ keyed, outputs }) => (outputs === null ? keyed : [...keyed, outputs]))

/** A chain of changes is written anew once it is this many times as long as the state it began with. */
const longestChain = 2

/** Whether the next snapshot of any task should hold all of its state. */
export const shouldCompact = (content: CheckpointContent): boolean =>
  Object.values(content.tasks).some(({ keyed }) => {
    const [first, ...changes] = keyed
    return (
      first !== undefined &&
      (changes.length > 50 || changes.reduce((sum, { bytes }) => sum + bytes, 0) > longestChain * first.bytes + 65_536)
    )
  })

/** A task's snapshot once it is written, whose outputs may be encoded already: another thread has them. */
export interface WritableSnapshot extends Omit<TaskSnapshot, 'keyed' | 'outputs'> {
  /** The parts of one segment; none where there is nothing to say. */
  readonly keyed: ReadonlyArray<Uint8Array>
  readonly outputs: TaskSnapshot['outputs'] | Uint8Array
  /** When its barriers were there, by `monotonicMs`. */
  readonly takenMs: number
}

/** Where the segments of each task's state are read from. */
export const statesIn =
  (content: CheckpointContent, session: CheckpointSession | null) =>
  async (task: string): Promise<ReadonlyArray<Uint8Array>> => {
    const states: Uint8Array[] = []
    if (session !== null) for (const segment of content.tasks[task]?.keyed ?? []) states.push(await session.readSegment(segment))
    return states
  }

/** Writes a snapshot's segments and adds them to `written`; `before` is what the checkpoint before had of the task. */
export const writeSnapshot = async (
  session: CheckpointSession,
  snapshot: WritableSnapshot,
  before: TaskContent | undefined,
  full: boolean,
  written: Segment[],
): Promise<TaskContent> => {
  const write = async (parts: ReadonlyArray<Uint8Array>): Promise<Segment> => {
    const segment = await session.writeSegment(parts)
    written.push(segment)
    return segment
  }
  const keyed = snapshot.keyed.length === 0 ? [] : [await write(snapshot.keyed)]
  return {
    record: snapshot.record,
    keyed: full ? keyed : [...(before?.keyed ?? []), ...keyed],
    outputs:
      snapshot.outputs.length === 0
        ? null
        : await write([snapshot.outputs instanceof Uint8Array ? snapshot.outputs : encodeOutputs(snapshot.outputs)]),
  }
}

type SinkOutputs = ReadonlyArray<{ readonly sinkId: string; readonly outputs: OutputBatch }>

export const encodeOutputs = (bySink: SinkOutputs): Uint8Array => {
  const out = new ByteWriter()
  out.varint(bySink.length)
  for (const { sinkId, outputs } of bySink) {
    out.prefixedText(sinkId)
    writeOutputs(outputs, out)
  }
  return out.finish()
}

export const decodeOutputs = (bytes: Uint8Array): SinkOutputs => {
  const from = new ByteReader(bytes)
  return Array.from({ length: from.varint() }, () => ({ sinkId: from.prefixedText(), outputs: readOutputs(from) }))
}
