// The tasks of a run that live in one thread, wired together: what one sends, the other gets at once.
import type { OutputBatch } from '../../sdk/graph/sink.ts'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Cut } from '../engine/cut.ts'
import type { Message, Outbox, TaskSnapshot } from '../engine/messages.ts'
import type { RestrictionCommand } from '../engine/splittable/messages.ts'
import { type Held, redealt } from '../engine/redealing.ts'
import { Task } from '../engine/task.ts'
import { taskName } from '../engine/task-name.ts'
import { type Finalizer, StageInstance } from '../harness/stage-instance.ts'
import { strictness } from '../harness/strictness.ts'
import type { Plan, Stage } from '../plan/stage.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import type { Clock } from './clock.ts'
import { dealt, firstShardOf } from './dealing.ts'
import { setUp, tearDown } from './life-cycle.ts'
import { outcomeIn } from './outcome.ts'

/** What the tasks ask of their host. */
export interface TaskHost {
  readonly now: () => number
  readonly clock: Clock
  readonly log: HostContext['log']
  readonly cutFor: (stage: Stage) => Cut | null
  readonly publish: (sinkId: string, split: string, outputs: OutputBatch) => void
  readonly snapshot: (epoch: number, snapshot: TaskSnapshot) => void
  readonly call: (task: Task, id: number, element: unknown) => void
  readonly restriction: (task: Task, command: RestrictionCommand) => void
  readonly afterCommit: (task: string, finalizer: Finalizer) => void
}

/** Which of a run's tasks are here, and how the others are reached. */
export interface TaskSite {
  readonly shards: ReadonlyArray<number>
  /** How many tasks each stage has, here and elsewhere. */
  readonly of: number
  /** The stages whose work moves between tasks. */
  readonly shared: ReadonlySet<string>
  /** The sources whose splits appear while they are read. */
  readonly discovering: ReadonlySet<string>
  /** To a task that is not here. */
  readonly sendAway: (from: string, stage: string, shard: number, message: Message) => void
  /** The segments of the state of a task of the checkpoint, oldest first. */
  readonly stateOf: (task: string) => Promise<ReadonlyArray<Uint8Array>>
}

export interface TaskSet {
  /** Each after those that lead to it. */
  readonly tasks: ReadonlyArray<Task>
  readonly instances: ReadonlyArray<StageInstance>
}

export const taskNamesOf = (plan: Plan, shards: number): ReadonlyArray<string> =>
  plan.stages.flatMap(stage => Array.from({ length: shards }, (_, shard) => taskName(stage.id, shard)))

/** Made anew, or from what the checkpoint in `content` holds. Leaves no DoFn set up where it fails. */
export const makeTasks = async (
  plan: Plan,
  content: CheckpointContent,
  site: TaskSite,
  strict: boolean,
  host: TaskHost,
): Promise<TaskSet> => {
  const instances: StageInstance[] = []
  try {
    return { tasks: await wiredTasks(plan, content, site, strict, host, instances), instances }
  } catch (error) {
    for (const instance of instances) await tearDown(instance, host.log)
    throw error
  }
}

/** `instances`: those that are set up. */
const wiredTasks = async (
  plan: Plan,
  content: CheckpointContent,
  site: TaskSite,
  strict: boolean,
  host: TaskHost,
  instances: StageInstance[],
): Promise<TaskSet['tasks']> => {
  const stages = new Map(plan.stages.map(stage => [stage.id, stage]))
  const tasks = new Map<string, Task>()
  for (const stage of plan.stages) {
    const first = firstShardOf(plan, stage.id)
    for (const shard of site.shards) {
      const instance = new StageInstance(stage, strict ? strictness : null, host.now, host.clock.monotonicMs)
      await setUp(instance, host)
      instances.push(instance)
      const name = taskName(stage.id, shard)
      const restored = await restoredOf(stage, shard, first, content, site)
      const outbox: Outbox = {
        send: (to, toShard, message) => {
          if (site.shards.includes(toShard)) reach(tasks, taskName(to, toShard)).onMessage(name, message, host.now())
          else site.sendAway(name, to, toShard, message)
        },
        publish: host.publish,
        snapshot: host.snapshot,
        call: (id, element) => host.call(reach(tasks, name), id, element),
        restriction: command => host.restriction(reach(tasks, name), command),
        afterCommit: finalizer => host.afterCommit(name, finalizer),
      }
      const spec = {
        instance,
        shard,
        shards: site.of,
        shared: site.shared.has(stage.id),
        discovering: site.discovering.has(stage.id),
        downstream: downstreamOf(stage, stages),
        // A task without a split only passes watermarks and barriers on.
        splits: restored === null ? dealt(content.splits[stage.id] ?? [], first, shard, site.of) : [],
        restored,
        outcomeOf: outcomeIn(stage),
        cut: host.cutFor(stage),
      }
      tasks.set(name, new Task(spec, outbox))
    }
  }
  return [...tasks.values()]
}

const reach = (tasks: ReadonlyMap<string, Task>, name: string): Task => {
  const task = tasks.get(name)
  if (task === undefined) throw new Error(`there is no task ${name}`)
  return task
}

const downstreamOf = (stage: Stage, stages: ReadonlyMap<string, Stage>): ReadonlyMap<string, Stage> =>
  new Map(
    stage.exits.flatMap(exit => {
      if (!('to' in exit)) return []
      const to = stages.get(exit.to)
      return to === undefined ? [] : [[exit.to, to] as const]
    }),
  )

/** null: the checkpoint knows nothing of the stage. */
const restoredOf = async (stage: Stage, shard: number, first: number, content: CheckpointContent, site: TaskSite): Promise<Held | null> => {
  const heldBy = async (name: string): Promise<ReadonlyArray<Held>> => {
    const task = content.tasks[name]
    return task === undefined ? [] : [{ record: task.record, keyed: await site.stateOf(name) }]
  }
  if (content.shards === site.of) return (await heldBy(taskName(stage.id, shard)))[0] ?? null
  const held: Held[] = []
  for (let before = 0; before < content.shards; before++) held.push(...(await heldBy(taskName(stage.id, before))))
  return held.length === 0 ? null : redealt(stage, held, shard, site.of, first)
}
