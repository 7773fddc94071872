// A checkpoint of so many tasks goes on as another number of them: what each stage's tasks held is dealt out anew.
import { Instant } from '../../sdk/model/time.ts'
import type { Stage } from '../plan/stage.ts'
import { mergedCalls } from './async-calls.ts'
import { wholeOf } from './frozen-state.ts'
import { type HeadPlace, headOf } from './heads.ts'
import type { SplitRecord, TaskRecord } from './messages.ts'
import { SidedElements } from './sided/sided-elements.ts'
import { RestrictionSet } from './splittable/restriction-set.ts'
import { stageOf, taskNames } from './task-name.ts'

/** What a checkpoint holds of a task. */
export interface Held {
  readonly record: TaskRecord
  /** The segments of its state, oldest first. */
  readonly keyed: ReadonlyArray<Uint8Array>
}

type Chains = ReadonlyArray<Held['keyed']>

/** Where one of the stage's new tasks begins; `held`: all that the old ones held, in their order. */
export const redealt = (stage: Stage, held: ReadonlyArray<Held>, shard: number, shards: number, first = 0): Held => {
  const isMine = (i: number): boolean => (first + i) % shards === shard
  return {
    record: recordOf(
      held.map(({ record }) => record),
      isMine,
      shard,
      shards,
    ),
    keyed: stateOf(
      stage,
      held.map(({ keyed }) => keyed),
      isMine,
    ),
  }
}

/**
 * At an aligned barrier all tasks of a stage have heard the same of those before them, and these are known together by the lowest of
 * their watermarks: so all new ones begin there, and nothing goes back.
 */
const recordOf = (records: ReadonlyArray<TaskRecord>, isMine: (i: number) => boolean, shard: number, shards: number): TaskRecord => {
  const lowest = (marks: ReadonlyArray<number>): number => Math.min(Instant.max, ...marks)
  const channels = new Map<string, number>()
  const behind = new Set<string>()
  for (const record of records) {
    for (const [channel, watermark] of Object.entries(record.channels)) {
      const stage = stageOf(channel)
      channels.set(stage, Math.min(channels.get(stage) ?? Instant.max, watermark))
      if (!record.caughtUp.includes(channel)) behind.add(stage)
    }
  }
  return {
    inputWatermark: lowest(records.map(({ inputWatermark }) => inputWatermark)),
    outputWatermark: lowest(records.map(({ outputWatermark }) => outputWatermark)),
    channels: Object.fromEntries(
      taskNames(channels.keys(), shards).map(channel => [channel, channels.get(stageOf(channel)) ?? Instant.min]),
    ),
    caughtUp: taskNames(
      [...channels.keys()].filter(stage => !behind.has(stage)),
      shards,
    ),
    splits: inTurn(records.flatMap(({ splits }) => splits)).filter((_, i) => isMine(i)),
    sawElements: records.some(({ sawElements }) => sawElements),
    // What was counted until now counts once.
    metrics: shard === 0 ? records.flatMap(({ metrics }) => metrics ?? []) : [],
  }
}

/** Those that are still read first: each task gets its share of them. */
const inTurn = (splits: ReadonlyArray<SplitRecord>): ReadonlyArray<SplitRecord> => [
  ...splits.filter(({ done }) => !done),
  ...splits.filter(({ done }) => done),
]

const stateOf = (stage: Stage, chains: Chains, isMine: (i: number) => boolean): Held['keyed'] => {
  const { head, id } = stage
  switch (head._tag) {
    case 'Source':
    case 'Reshuffle':
      return []
    // One task's calls stay together and in order.
    case 'Async':
      return [mergedCalls(chains.flatMap((chain, task) => (isMine(task) ? chain.slice(-1) : [])))]
    case 'Splittable': {
      let turn = 0
      const mine = new RestrictionSet(head.fn)
      for (const chain of chains) {
        const its = new RestrictionSet(head.fn)
        for (const bytes of chain) its.restore(bytes)
        for (const entry of [...its.values()].sort((a, b) => a.id - b.id)) if (isMine(turn++)) mine.adopt(entry)
      }
      return present(wholeOf(mine.snapshot('all')))
    }
    case 'Sided': {
      const { watermarks, sides, emit } = nowhere(stage)
      return [
        SidedElements.merged({ stage: id, sides: head.sides, strategy: head.strategy, watermarks, progress: sides, emit }, chains, isMine),
      ]
    }
    // The new task picks its keys itself.
    case 'Group':
    case 'Stateful':
      return chains.flatMap(chain => (chain.length > 1 ? compacted(stage, chain) : chain))
  }
}

/** All that a chain comes to: it may drop a window as a whole, which would take other tasks' keys along. */
const compacted = (stage: Stage, chain: Held['keyed']): Held['keyed'] => {
  const head = headOf(stage, nowhere(stage))
  if (head === null) throw new Error(`${stage.id} keeps no state, and the checkpoint has some`)
  for (const bytes of chain) head.restore(bytes, () => true)
  return present(wholeOf(head.snapshot('all')))
}

const present = (bytes: Uint8Array | null): Held['keyed'] => (bytes === null ? [] : [bytes])

/** For a head that only reads and writes its state. */
const nowhere = ({ id, sideInputs }: Stage): HeadPlace => {
  const never = (): never => {
    throw new Error(`${id}: a head that reads a checkpoint has nothing to say`)
  }
  return {
    watermarks: { input: Instant.min, output: Instant.min },
    sides: sideInputs.map(() => ({ watermark: () => Instant.min, caughtUp: () => false })),
    emit: never,
    command: never,
    afterCommit: never,
    instance: { guard: f => f, strict: false },
  }
}
