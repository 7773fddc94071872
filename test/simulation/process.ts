// One life of a process: the real tasks and the real coordinator, with queues between them that a draw empties in any order.
import { Coordinator, type Checkpoint, type CoordinatorCommand } from '../../runners/engine/coordinator.ts'
import type { Message, TaskSnapshot } from '../../runners/engine/messages.ts'
import { othersIn, othersOf, passedBy } from '../../runners/engine/origins.ts'
import { redealt } from '../../runners/engine/redealing.ts'
import { discoveredBy } from '../../runners/engine/shared-work.ts'
import { Task } from '../../runners/engine/task.ts'
import { taskName } from '../../runners/engine/task-name.ts'
import { outcomeIn } from '../../runners/host/outcome.ts'
import { strictness } from '../../runners/harness/strictness.ts'
import type { Plan } from '../../runners/plan/stage.ts'
import { CheckedInstance } from './checked-instance.ts'
import { heldIn, outputsIn, recordsIn, restoredOf, stored, type Stored } from './disk.ts'
import type { Draw } from './draw.ts'
import { answers } from './pipelines.ts'
import { type Event, type Scenario, shardsOf, sharesWork } from './scenario.ts'
import { hidesSplits, SimulatedDiscovery, splitsOf } from './simulated-discovery.ts'
import { SimulatedSharing } from './simulated-sharing.ts'
import { SimulatedGenerators } from './simulated-generators.ts'
import { RecallingSinks } from './recalling-sinks.ts'
import type { Ledger } from './sink.ts'
import { type Network, type Packet, Wires } from './wires.ts'

/** What outlives the process. */
export interface World {
  readonly scenario: Scenario
  readonly plan: Plan
  readonly draw: Draw
  readonly ledger: Ledger
  readonly network: Network
  disk: Stored | null
  /** It has had its share of restarts: one that is suspended again and again never ends. */
  calm: boolean
  now: number
  steps: number
  late: number
}

interface Reading {
  readonly task: Task
  readonly id: string
  readonly events: ReadonlyArray<Event>
  readonly speed: number
  ended: boolean
}
interface Leaving {
  readonly task: string
  readonly sinkId: string
  readonly outputs: TaskSnapshot['outputs'][number]['outputs']
}
interface Call {
  readonly task: Task
  readonly id: number
  readonly element: unknown
}

interface Writing {
  readonly task: Task
  readonly epoch: number
  readonly snapshot: TaskSnapshot
}

/** A run fails with more, and the simulation would never end. */
const mostInARow = 3

export class Process {
  readonly #world: World
  readonly #generation: number
  readonly #shards: number
  readonly #tasks = new Map<string, Task>()
  readonly #coordinator: Coordinator
  readonly #queues = new Map<string, { readonly from: string; readonly to: string; readonly messages: Message[]; watermark: number }>()
  readonly #readings: Reading[] = []
  readonly #calls: Call[] = []
  /** Snapshots that were taken, and whose state is still to be written. */
  #writing: Writing[] = []
  readonly #generators: SimulatedGenerators
  readonly #wires: Wires
  readonly #sharing: SimulatedSharing
  readonly #discovery: SimulatedDiscovery
  readonly #sinks: RecallingSinks
  /** Workers that are lost: the others do not know yet. */
  readonly #lost = new Set<number>()
  #injecting: { readonly task: Task; readonly checkpoint: Checkpoint }[] = []
  /** `flushing`: what sinks wait for. */
  #persisting: {
    readonly checkpoint: Checkpoint
    readonly snapshots: ReadonlyArray<TaskSnapshot>
    readonly flushing: ReadonlyArray<Packet>
  } | null = null
  /** A manifest that the store was too slow with: it may come to be there yet, before the next one. */
  #overdue: Stored | null = null
  /** `untold`: workers that do not know yet that theirs may leave. */
  #publishing: {
    readonly checkpoint: Checkpoint
    readonly rest: Leaving[]
    readonly untold: Set<number>
    readonly packets: Packet[]
  } | null = null
  /** What this process knows to be durable: a checkpoint whose writing failed may be on the disk all the same. */
  #known: Stored | null
  #pulling = true
  /** Workers are told to forget a checkpoint. */
  #undoing = false
  /** Checkpoints that took too long, one after the other. */
  #inARow = 0
  ended: Checkpoint['purpose'] | null = null

  constructor(world: World, generation: number) {
    this.#world = world
    this.#generation = generation
    this.#shards = shardsOf(world.scenario, generation)
    this.#known = world.disk
    this.#wires = new Wires(world.scenario.threads)
    this.#generators = new SimulatedGenerators(world.draw, () => world.now)
    const { plan, disk, ledger } = world
    this.#sharing = new SimulatedSharing(plan, this.#shards, this.#shards > 1 && sharesWork(world.scenario), {
      wires: this.#wires,
      now: () => world.now,
      taskOf: (stage, worker) => this.#task(taskName(stage, worker)),
      read: (task, split) => this.#beginReading(task, split, false),
      recalls: ({ stage, name }) => this.#sinks.recall(this.#threadOf(shardOf(name)), stage),
    })
    this.#sinks = new RecallingSinks(
      ledger,
      plan.sinks.map(({ id }) => id),
      world.scenario.threads ? this.#shards : 1,
    )
    this.#discovery = new SimulatedDiscovery(
      new Map(plan.stages.flatMap(({ id }) => (this.#discovers(id) ? [[id, splitsOf(world.scenario, this.#eventsOf(id))] as const] : []))),
      this.#shards,
      disk,
    )
    // As the direct runner does: the process before may have died before, while, or after it published.
    if (disk !== null)
      for (const { task, sinkId, outputs } of outputsIn(disk)) ledger.commit(sinkId, task, disk.generation, disk.epoch, outputs)
    for (const stage of plan.stages) for (let shard = 0; shard < this.#shards; shard++) this.#make(stage, shard)
    const others = disk === null ? [] : othersIn(recordsIn(disk), {})
    for (let shard = 0; shard < this.#shards; shard++)
      this.#sinks.passed(this.#threadOf(shard), new Map([...others, ...passedBy(this.#sourcesWith(shard))]))
    this.#coordinator = new Coordinator([...this.#tasks.keys()], disk?.epoch ?? 0)
    if (disk !== null && disk.shards !== this.#shards) this.#coordinator.wantFull()
    for (const task of this.#tasks.values()) if (task.splits !== null) task.onSourceProgress(world.now)
    for (const task of this.#tasks.values()) task.begin(world.now)
  }

  #make(stage: Plan['stages'][number], shard: number): void {
    const { plan, scenario, ledger, network, disk } = this.#world
    const shards = this.#shards
    const name = taskName(stage.id, shard)
    const reach = (): Task => this.#tasks.get(name) ?? lost(name)
    const instance = new CheckedInstance(stage, scenario.strict ? strictness : null, reach)
    // Dealt to the source's tasks in turn, once.
    const isHidden = (i: number): boolean => this.#discovers(stage.id) && i > 0
    const isDealt = (i: number): boolean => disk === null && i % shards === shard && !isHidden(i)
    const splits = splitsOf(scenario, this.#eventsOf(stage.id)).filter((_, i) => isDealt(i))
    const downstream = new Map(
      stage.exits.flatMap(exit =>
        'to' in exit ? plan.stages.filter(other => other.id === exit.to).map(other => [other.id, other] as const) : [],
      ),
    )
    const task = new Task(
      {
        instance,
        shard,
        shards,
        shared: this.#sharing.stages.has(stage.id),
        downstream,
        splits,
        discovering: this.#discovers(stage.id),
        restored: disk?.shards === shards || disk === null ? restoredOf(disk, name) : redealt(stage, heldIn(disk, stage.id), shard, shards),
        outcomeOf: outcomeIn(stage),
      },
      {
        send: (to, toShard, message) => this.#send(name, taskName(to, toShard), message),
        publish: (sinkId, origin, outputs) => {
          const missing = this.#sinks.missing(this.#threadOf(shard), sinkId, origin, outputs)
          network.send(() => ledger.publish(sinkId, origin, missing))
        },
        snapshot: (epoch, snapshot) => void this.#writing.push({ task: reach(), epoch, snapshot }),
        call: (id, element) => void this.#calls.push({ task: reach(), id, element }),
        restriction: command => this.#generators.carryOut(reach(), command),
        afterCommit: ({ transform }) => {
          throw new Error(`${transform} waits for a commit, and no simulated pipeline does`)
        },
      },
    )
    this.#tasks.set(name, task)
    for (const { split, done } of task.splits?.records() ?? []) this.#beginReading(task, split.id, done)
  }

  #threadOf(shard: number): number {
    return this.#world.scenario.threads ? shard : 0
  }

  /** The tasks that read, of the shard's thread. */
  #sourcesWith(shard: number): ReadonlyArray<Task> {
    return [...this.#tasks.values()].filter(task => task.splits !== null && this.#threadOf(shardOf(task.name)) === this.#threadOf(shard))
  }

  #discovers(stage: string): boolean {
    return hidesSplits(this.#world.scenario) && /^source\d+$/.test(stage)
  }

  /** What was given away is called after the split that it was part of. */
  #beginReading(task: Task, id: string, ended: boolean): void {
    const events = this.#eventsOf(task.stage.id)[Number(id.split('/')[0])] ?? []
    this.#readings.push({ task, id, events, speed: this.#world.draw.pick([0.05, 0.3, 1]), ended })
  }

  /** By split; two sources' splits have the same names, as they may. */
  #eventsOf(stage: string): ReadonlyArray<ReadonlyArray<Event>> {
    const { scenario } = this.#world
    const source = /^source(\d+)$/.exec(stage)
    return stage === 'side' ? (scenario.side?.splits ?? []) : source === null ? [] : (scenario.sources[Number(source[1])] ?? [])
  }

  #send(from: string, to: string, message: Message): void {
    const id = `${from} > ${to}`
    const queue = this.#queues.get(id) ?? { from, to, messages: [], watermark: -Infinity }
    this.#queues.set(id, queue)
    if (message._tag === 'Watermark') {
      if (message.at <= queue.watermark) throw new Error(`${id}: the watermark went from ${queue.watermark} to ${message.at}`)
      queue.watermark = message.at
    }
    queue.messages.push(message)
  }

  // ---- one step

  step(): void {
    const { draw, scenario } = this.#world
    if (!this.#world.calm && scenario.faults.suspend > 0 && draw.chance(scenario.faults.suspend) && this.#pulling) {
      this.#pulling = false
      this.#sharing.crew.end()
      return this.#carryOut(this.#coordinator.request('suspend'))
    }
    const possible: (() => void)[] = []
    const offer = (weight: number, action: () => void): void => {
      for (let i = 0; i < weight; i++) possible.push(action)
    }
    const queues = [...this.#queues.values()].filter(queue => queue.messages.length > 0 && this.#lives(this.#task(queue.to)))
    if (queues.length > 0) offer(6, () => this.#deliver(draw.pick(queues)))
    const readings = this.#pulling ? this.#readings.filter(reading => !reading.ended && this.#lives(reading.task)) : []
    if (readings.length > 0) offer(3, () => this.#read(draw.pick(readings)))
    if (this.#pulling && this.#discovery.busy) offer(1, () => this.#discover())
    if (this.#calls.length > 0 && this.#calls.every(({ task }) => this.#lives(task)))
      offer(3, () => this.#endCall(draw.int(0, this.#calls.length - 1)))
    if (this.#generators.busy && this.#lost.size === 0) offer(3, () => this.#generators.step())
    const wires = this.#wires.ready(worker => !this.#lost.has(worker))
    if (wires.length > 0) offer(3, () => draw.pick(wires).messages.shift()?.())
    const reporter = this.#sharing.workers === 0 ? 0 : draw.int(0, this.#sharing.workers - 1)
    if (this.#sharing.workers > 0 && !this.#lost.has(reporter)) offer(2, () => this.#sharing.report(reporter))
    const writing = this.#writing.filter(({ task }) => this.#lives(task))
    if (writing.length > 0) offer(2, () => this.#write(draw.pick(writing)))
    const { network } = this.#world
    if (network.busy) offer(3, () => network.step(draw))
    if (scenario.faults.timeout > 0 && this.#canBeGivenUp() && draw.chance(scenario.faults.timeout)) return this.#giveUp()
    if (this.#overdue !== null) offer(1, () => this.#land(true))
    if (this.#injecting.length > 0) offer(2, () => this.#inject())
    if (this.#persisting !== null && this.#isFlushed(this.#persisting.flushing)) offer(1, () => this.#persist())
    if (this.#publishing !== null) offer(1, () => this.#publish())
    if (!this.#coordinator.busy()) offer(1, () => this.#beginCheckpoint())
    offer(1, () => this.#tick())
    draw.pick(possible)()
  }

  #deliver(queue: { readonly from: string; readonly to: string; readonly messages: Message[] }): void {
    const message = queue.messages.shift()
    if (message !== undefined) this.#task(queue.to).onMessage(queue.from, message, this.#world.now)
  }

  #read(reading: Reading): void {
    const { draw, scenario, now } = this.#world
    const { task, id, events, speed } = reading
    if (!draw.chance(speed)) return task.onSplitIdle(id, now - 1, now)
    const range = task.splits?.records().find(({ split }) => split.id === id)?.split.range ?? lost(id)
    const from = (task.splits?.progress(id).last ?? range.from - 1) + 1
    // What was read ahead may lie behind a split's new end.
    const to = Math.min(events.length, from + draw.int(1, scenario.largestBatch))
    if (from < Math.min(to, range.to ?? to))
      task.onRead(id, {
        values: events.slice(from, to),
        positions: Array.from({ length: to - from }, (_, i) => from + i),
        bytes: 0,
        note: to,
      })
    else {
      reading.ended = true
      task.onSplitDone(id)
    }
    if (draw.chance(0.8) || reading.ended) task.onSourceProgress(now)
  }

  #discover(): void {
    for (const { stage, shard, splits, horizon } of this.#discovery.look(this.#world.draw)) {
      for (let other = 0; other < this.#shards; other++)
        if (this.#threadOf(other) !== this.#threadOf(shard))
          this.#wires.toWorker(other, () => this.#sinks.passed(this.#threadOf(other), othersOf(stage, splits)))
      this.#wires.toWorker(shard, () => {
        const task = this.#task(taskName(stage, shard))
        discoveredBy(task, splits, horizon, this.#world.now)
        for (const { id } of splits) this.#beginReading(task, id, false)
      })
    }
  }

  #endCall(at: number): void {
    const [call] = this.#calls.splice(at, 1)
    if (call === undefined) return
    const { head } = call.task.stage
    const answer = head._tag === 'Async' ? answers.get(head.call.f) : undefined
    if (answer === undefined) throw new Error(`nobody answers the calls of ${call.task.name}`)
    call.task.onCallEnded(call.id, { _tag: 'Resolved', value: answer(call.element as never), attempts: 1 })
  }

  #tick(): void {
    const { draw } = this.#world
    this.#world.now += draw.int(0, 10)
    for (const task of draw.shuffled([...this.#tasks.values()]))
      if (this.#lives(task) && task.wakeAt() <= this.#world.now) task.onProcessingTime(this.#world.now)
  }

  // ---- checkpoints

  #beginCheckpoint(): void {
    const { draw } = this.#world
    if (this.#isQuiet() && [...this.#tasks.values()].every(task => task.finished())) return this.#carryOut(this.#coordinator.request('end'))
    if (draw.chance(0.1)) this.#coordinator.wantFull()
    const retried = this.#coordinator.retry()
    if (retried.length > 0) this.#carryOut(retried)
    else if (draw.chance(0.2)) this.#carryOut(this.#coordinator.request(draw.chance(0.1) ? 'savepoint' : 'periodic'))
  }

  #isQuiet(): boolean {
    return (
      this.#calls.length === 0 &&
      !this.#generators.busy &&
      !this.#discovery.busy &&
      this.#readings.every(reading => reading.ended) &&
      [...this.#queues.values()].every(queue => queue.messages.length === 0)
    )
  }

  #inject(): void {
    const at = this.#world.draw.int(0, this.#injecting.length - 1)
    const [next] = this.#injecting.splice(at, 1)
    next?.task.onInject(next.checkpoint.epoch, next.checkpoint.full ? 'all' : 'changes', this.#world.now)
    this.#sinks.passed(0, passedBy(this.#sourcesWith(0)))
  }

  /** A few entries of a task's state, or all. */
  #write(writing: Writing): void {
    const { draw } = this.#world
    const { task, epoch, snapshot } = writing
    if (snapshot.keyed?.write(draw.pick([1, 3, Infinity])) === false) return
    this.#writing = this.#writing.filter(other => other !== writing)
    this.#wires.toMain(shardOf(task.name), () => this.#carryOut(this.#coordinator.onSnapshot(epoch, snapshot)))
  }

  #persist(): void {
    const { draw, scenario } = this.#world
    const persisting = this.#persisting
    if (persisting === null) return
    this.#persisting = null
    const { checkpoint, snapshots } = persisting
    const names = snapshots.map(({ task }) => task)
    if (new Set(names).size !== this.#tasks.size || names.some(name => !this.#tasks.has(name)))
      throw new Error(`checkpoint ${checkpoint.epoch} has snapshots of ${names.join(', ')}`)
    // One manifest after the other: before this one it is known what became of the last.
    if (this.#overdue !== null) this.#land(draw.chance(0.5))
    const next = stored(checkpoint, { generation: this.#generation, shards: this.#shards }, snapshots, this.#known)
    if (draw.chance(scenario.faults.failedPersist)) {
      // The medium may fail in its very last step: then the checkpoint is there, and nobody knows.
      if (draw.chance(0.3)) this.#world.disk = next
      return this.#carryOut(this.#coordinator.abort(checkpoint.epoch))
    }
    this.#world.disk = this.#known = next
    this.#inARow = 0
    this.#sharing.crew.onAligned()
    this.#tellWorkers(task => task.onPersisted())
    this.#carryOut(this.#coordinator.onPersisted(checkpoint.epoch))
  }

  /** One task's outputs to one sink at a time, so that a crash may come between. */
  #publish(): void {
    const publishing = this.#publishing
    if (publishing === null) return
    const next = publishing.rest.shift()
    const { epoch } = publishing.checkpoint
    if (next === undefined) {
      if (publishing.untold.size > 0 || !this.#isFlushed(publishing.packets)) return
      this.#publishing = null
      return this.#carryOut(this.#coordinator.onPublished(epoch))
    }
    const { disk, ledger, network } = this.#world
    if (disk?.epoch !== epoch || disk.generation !== this.#generation)
      throw new Error(`outputs of checkpoint ${epoch} leave, and the disk has ${disk?.epoch}`)
    const packet: Packet = () => ledger.commit(next.sinkId, next.task, this.#generation, epoch, next.outputs)
    publishing.packets.push(packet)
    network.send(packet)
  }

  #isFlushed(packets: ReadonlyArray<Packet>): boolean {
    const left = new Set(this.#world.network.packets)
    return packets.every(packet => !left.has(packet))
  }

  // ---- misfortunes of threads

  #lives(task: Task): boolean {
    return !this.#lost.has(shardOf(task.name))
  }

  /** Each worker's tasks at once, when the message is there. */
  #tellWorkers(work: (task: Task) => void, then: (worker: number) => void = () => undefined): void {
    for (let worker = 0; worker < this.#shards; worker++) {
      this.#wires.toWorker(worker, () => {
        for (const task of this.#tasks.values()) if (shardOf(task.name) === worker) work(task)
        then(worker)
      })
    }
  }

  #canBeGivenUp(): boolean {
    return this.#inARow < mostInARow && !this.#undoing && this.#coordinator.waitsFor() !== null
  }

  #giveUp(): void {
    this.#inARow++
    const persisting = this.#persisting
    this.#persisting = null
    // Nothing is written before the sinks have answered.
    if (persisting !== null && this.#world.draw.chance(0.7) && this.#isFlushed(persisting.flushing)) {
      const by = { generation: this.#generation, shards: this.#shards }
      this.#overdue = stored(persisting.checkpoint, by, persisting.snapshots, this.#known)
    }
    this.#carryOut(this.#coordinator.abort(this.#coordinator.epoch))
  }

  /** The store gets to what it was too slow with, or never does. */
  #land(comes: boolean): void {
    if (comes) this.#world.disk = this.#overdue
    this.#overdue = null
  }

  #abort({ epoch }: Checkpoint): void {
    const unheard = new Set(Array.from({ length: this.#shards }, (_, worker) => worker))
    this.#undoing = true
    const hear = (worker: number): void => {
      unheard.delete(worker)
      if (unheard.size > 0) return
      this.#undoing = false
      this.#coordinator.onAborted(epoch)
    }
    this.#tellWorkers(
      task => {
        this.#writing = this.#writing.filter(writing => writing.task !== task)
        task.onAborted(epoch, this.#world.now)
      },
      worker => this.#wires.toMain(worker, () => hear(worker)),
    )
  }

  /** The process dies, or one of its workers, behind which the others go on for a while. */
  die(): void {
    const { draw, scenario, network } = this.#world
    if (scenario.threads && this.#shards > 1 && draw.chance(0.5)) {
      this.#lost.add(draw.int(0, this.#shards - 1))
      for (let steps = draw.int(0, 30); steps > 0 && this.ended === null; steps--) this.step()
    }
    if (this.ended !== null) return
    const persisting = this.#persisting
    if (scenario.threads && persisting !== null && this.#isFlushed(persisting.flushing) && draw.chance(0.3)) this.#giveUp()
    if (this.#overdue !== null) this.#land(draw.chance(0.5))
    network.lose(draw)
  }

  #carryOut(commands: ReadonlyArray<CoordinatorCommand>): void {
    for (const command of commands) {
      const { checkpoint } = command
      switch (command._tag) {
        case 'Inject':
          if (this.#world.scenario.threads)
            this.#sharing.crew.onBarrier(() =>
              this.#tellWorkers(
                task => {
                  if (task.splits !== null) task.onInject(checkpoint.epoch, checkpoint.full ? 'all' : 'changes', this.#world.now)
                },
                worker => this.#sinks.passed(worker, passedBy(this.#sourcesWith(worker))),
              ),
            )
          else this.#injecting = [...this.#tasks.values()].filter(task => task.splits !== null).map(task => ({ task, checkpoint }))
          break
        case 'Persist':
          this.#persisting = { checkpoint, snapshots: command.snapshots, flushing: this.#world.network.packets }
          break
        case 'Publish':
          this.#beginPublishing(checkpoint, command.snapshots)
          break
        case 'Abort':
          this.#sharing.crew.onAligned()
          this.#abort(checkpoint)
          break
        case 'Ended':
          this.ended = checkpoint.purpose
          break
      }
    }
  }

  #beginPublishing(checkpoint: Checkpoint, snapshots: ReadonlyArray<TaskSnapshot>): void {
    const all = snapshots.flatMap(({ task, outputs }) =>
      outputs.map(({ sinkId, outputs: rows }): Leaving => ({ task, sinkId, outputs: rows })),
    )
    const publishing = { checkpoint, rest: [] as Leaving[], untold: new Set<number>(), packets: [] }
    this.#publishing = publishing
    for (let worker = 0; worker < this.#shards; worker++) publishing.untold.add(worker)
    for (let worker = 0; worker < this.#shards; worker++)
      this.#wires.toWorker(worker, () => {
        publishing.untold.delete(worker)
        publishing.rest.push(...all.filter(({ task }) => shardOf(task) === worker))
      })
  }

  #task(name: string): Task {
    return this.#tasks.get(name) ?? lost(name)
  }

  droppedLate(): number {
    return [...this.#tasks.values()].reduce((sum, task) => sum + task.droppedLate(), 0)
  }

  /** Keys and windows that still have state. */
  stateSize(): number {
    return [...this.#tasks.values()].reduce((sum, task) => sum + task.stateSize(), 0)
  }
}

/** Which worker it lives in. */
const shardOf = (task: string): number => Number(task.slice(task.lastIndexOf('@') + 1))

const lost = (name: string): never => {
  throw new Error(`there is no task ${name}`)
}
