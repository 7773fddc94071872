// A task: one stage's share of a run, as a state machine. Events come in by its methods, commands go out through its outbox; it knows
// no clock and never waits, so a run of many tasks can be replayed from a seed.
import { Instant } from '../../sdk/model/time.ts'
import type { ReadBatch, SplitProgress } from '../../sdk/splittable/source.ts'
import type { Batch } from '../harness/batch.ts'
import { UserCodeError } from '../harness/errors.ts'
import type { Stage } from '../plan/stage.ts'
import { AsyncCalls, resultsOf } from './async-calls.ts'
import { CatchingUp } from './catching-up.ts'
import { Channels } from './channels.ts'
import { defaultOf } from './default-value.ts'
import { ownsKey } from './exchange.ts'
import type { Watermarks } from './firing.ts'
import type { FrozenState } from './frozen-state.ts'
import type { Entries, TaskHead } from './head.ts'
import { headOf } from './heads.ts'
import type { CallOutcome, Message, Outbox, SnapshotScope, TaskSnapshot } from './messages.ts'
import { originOf } from './origins.ts'
import type { SideProgress } from './sided/side-store.ts'
import { SidedElements } from './sided/sided-elements.ts'
import { SourceSplits } from './source-splits.ts'
import type { RestrictionEvent } from './splittable/messages.ts'
import { Restrictions } from './splittable/restrictions.ts'
import { taskName, taskNames } from './task-name.ts'
import { TaskOutputs } from './task-outputs.ts'
import type { TaskPlace, TaskSpec } from './task-place.ts'

export class Task {
  readonly name: string
  readonly stage: Stage
  readonly splits: SourceSplits | null
  readonly restrictions: Restrictions | null
  readonly #spec: TaskSpec
  readonly #instance: TaskPlace['instance']
  readonly #outbox: Outbox
  readonly #watermarks: Watermarks
  readonly #channels: Channels
  /** The channels of its own elements, which alone move its input watermark. */
  readonly #mains: ReadonlyArray<string>
  readonly #catchingUp: CatchingUp
  readonly #head: TaskHead | null
  readonly #sided: SidedElements | null
  readonly #calls: AsyncCalls | null
  readonly #outputs: TaskOutputs
  #sawElements: boolean
  /** How far all tasks of the stage together let event time go. */
  #released: number

  constructor(spec: TaskSpec, outbox: Outbox) {
    const [{ instance, restored }, { stage }] = [spec, spec.instance]
    this.#spec = spec
    this.#instance = instance
    this.#outbox = outbox
    this.#outputs = new TaskOutputs(spec, outbox)
    this.stage = stage
    this.name = taskName(stage.id, spec.shard)
    this.#watermarks = { input: restored?.record.inputWatermark ?? Instant.min, output: restored?.record.outputWatermark ?? Instant.min }
    this.#sawElements = restored?.record.sawElements ?? false
    this.#released = spec.shared === true ? this.#watermarks.output : Instant.max
    const inputs = taskNames(stage.inputs, spec.shards)
    this.#channels = new Channels(inputs, restored?.record.channels ?? {}, restored?.record.caughtUp ?? [])
    this.#mains = taskNames(stage.mainInputs, spec.shards)
    const { head } = stage
    const held = restored?.record.splits ?? []
    this.splits = head._tag === 'Source' ? new SourceSplits(spec.splits, head.watermark, held, spec.discovering) : null
    // What it was given when it had come to its own end is still to be read.
    this.#watermarks.input = Math.min(this.#watermarks.input, this.splits?.watermark() ?? Instant.max)
    this.#calls = head._tag === 'Async' ? new AsyncCalls(head.call, (id, element) => outbox.call(id, element)) : null
    this.#head = headOf(stage, {
      watermarks: this.#watermarks,
      sides: this.#sideProgress(),
      emit: batch => this.#run(batch),
      command: command => outbox.restriction(command),
      afterCommit: ({ call }) => outbox.afterCommit({ transform: stage.id, call }),
      instance,
    })
    this.#sided = this.#head instanceof SidedElements ? this.#head : null
    this.restrictions = this.#head instanceof Restrictions ? this.#head : null
    this.#catchingUp = new CatchingUp(
      () => this.#released === Instant.max && (this.splits?.hasCaughtUp() ?? this.#channels.hasCaughtUp(inputs)),
      this.#sided ?? this.#calls ?? this.restrictions,
    )
    for (const bytes of restored?.keyed ?? []) this.#head?.restore(bytes, ownsKey(spec.shard, spec.shards))
    instance.metrics.restore(restored?.record.metrics ?? [])
    const waiting = restored?.keyed.at(-1)
    if (waiting !== undefined) this.#calls?.restore(waiting)
  }

  #sideProgress(): ReadonlyArray<SideProgress> {
    return this.stage.sideInputs.map(stages => {
      const channels = taskNames(stages, this.#spec.shards)
      return { watermark: () => this.#channels.watermark(channels), caughtUp: () => this.#channels.hasCaughtUp(channels) }
    })
  }

  // ---- events

  /** Everything is in place: calls and restrictions that waited in the checkpoint may begin. */
  begin(nowMs: number): void {
    this.#calls?.begin()
    this.restrictions?.begin(nowMs)
    // What was only to end when the checkpoint was taken holds nothing any more; what another task held is not held here.
    this.#forwardWatermark()
  }

  /** Of a stage whose work may move: none of its tasks has anything older left. */
  onReleased(at: number): void {
    this.#released = at
    this.#forwardWatermark()
    this.#sayCaughtUp()
  }

  /** Of a splittable DoFn's generators; see {@link Restrictions}. */
  onRestriction(event: RestrictionEvent, nowMs: number): void {
    if (this.restrictions === null) throw new Error(`${this.name} reads no restrictions`)
    this.restrictions.on(event, nowMs)
    this.#forwardWatermark()
    this.#sayCaughtUp()
  }

  /** A split's reader has brought a batch. */
  onRead(id: string, read: ReadBatch<unknown>): void {
    const splits = this.#source()
    const before = splits.progress(id)
    const count = splits.tryClaim(id, read.positions)
    if (count === read.positions.length) return this.#onRead(id, read, before)
    // What lies behind the split's end is somebody else's, and so is the watermark there.
    const own = { values: read.values.slice(0, count), positions: read.positions.slice(0, count), watermark: undefined }
    if (count > 0) this.#onRead(id, { ...read, ...own }, before)
  }

  #onRead(id: string, read: ReadBatch<unknown>, before: SplitProgress): void {
    const splits = this.#source()
    this.#instance.work.took(read.values.length, read.bytes)
    this.#instance.resetMaxTimestamp(splits.maxTimestamp(id))
    if (read.values.length > 0) this.#runRead(id, read, originOf(this.stage.id, splits.split(id)))
    const progress = { last: read.positions.at(-1) ?? before.last, claimed: before.claimed + read.positions.length, note: read.note }
    splits.claimed(id, progress, this.#instance.maxTimestamp, read.holdsWatermark)
    if (read.watermark !== undefined) splits.advance(id, read.watermark)
  }

  #runRead(id: string, { values, positions }: ReadBatch<unknown>, origin: string): void {
    try {
      this.#run({ keys: null, values, timestamps: [], windows: null, panes: null, positions, lifted: false }, origin)
    } catch (error) {
      throw error instanceof UserCodeError ? error.readFrom(`${this.stage.id}/${id}`) : error
    }
  }

  onSplitIdle(id: string, sinceMs: number, nowMs: number): void {
    this.#source().idle(id, sinceMs, nowMs)
  }

  onSplitDone(id: string): void {
    this.#source().end(id)
  }

  /** Nothing more will be read: event time goes to its end, and every window fires. */
  drain(nowMs: number): void {
    this.splits?.endAll()
    this.restrictions?.drain(nowMs)
    if (this.splits !== null) this.onSourceProgress(nowMs)
    else this.#forwardWatermark()
  }

  /** After reading: hands the watermark on, if it rose. */
  onSourceProgress(nowMs: number): void {
    this.#advanceTo(this.#source().watermark(), nowMs)
    this.#sayCaughtUp()
  }

  onMessage(from: string, message: Message, nowMs: number): void {
    if (this.#channels.hold(from, message)) return
    switch (message._tag) {
      case 'Batch':
        return this.#onBatch(message.batch, message.side, nowMs)
      case 'Watermark':
        this.#channels.advance(from, message.at)
        this.#advanceTo(this.#channels.watermark(this.#mains), nowMs)
        return this.#onSides()
      case 'CaughtUp':
        this.#channels.catchUp(from)
        this.#onSides()
        return this.#sayCaughtUp()
      case 'Barrier':
        if (this.#channels.barrier(from, message.epoch)) this.#takeSnapshot(message.epoch, message.scope, nowMs)
        return
    }
  }

  /** The host's clock has reached what `wakeAt` asked for. */
  onProcessingTime(nowMs: number): void {
    this.#asHead(head => head.onProcessingTime(nowMs))
    this.#forwardWatermark()
  }

  /** Nothing more is there to read for now: what waited for company goes on without. */
  onRest(): void {
    this.#outputs.flushTables()
  }

  onCallEnded(id: number, outcome: CallOutcome): void {
    if (this.#calls === null) throw new Error(`${this.name} makes no calls`)
    const ready = this.#calls.ended(id, outcome)
    if (ready.length > 0) this.#run(resultsOf(ready, this.#spec.outcomeOf))
    this.#forwardWatermark()
    this.#sayCaughtUp()
  }

  /** The coordinator begins a checkpoint: only sources hear of it directly. */
  onInject(epoch: number, scope: SnapshotScope, nowMs: number): void {
    this.#takeSnapshot(epoch, scope, nowMs)
  }

  /** The checkpoint came to nothing: what its snapshot took goes into the next one, and nothing waits for its barriers any more. */
  onAborted(epoch: number, nowMs: number): void {
    const took = this.#head ?? this.#calls
    if (this.#outputs.onAborted(epoch)) took?.restoreDirty()
    for (const [channel, message] of this.#channels.abort(epoch)) this.onMessage(channel, message, nowMs)
  }

  /** The last snapshot is durable: what it took is the store's. */
  onPersisted(): void {
    this.#instance.metrics.persisted()
    this.#outputs.onPersisted()
  }

  // ---- what the host asks

  wakeAt(): number {
    return this.#head?.wakeAt() ?? Infinity
  }

  /** Whoever feeds this task should wait. */
  congested(): boolean {
    return this.#channels.heldCount > 0 || this.#calls?.busy === true || this.restrictions?.busy() === true
  }

  /** How many elements wait for their side inputs. */
  waiting(): number {
    return this.#sided?.waiting ?? 0
  }

  /** Outputs that wait for a checkpoint, in bytes with a share for each row; what a snapshot took is no longer among them. */
  pendingBytes(): number {
    return this.#outputs.waitingBytes()
  }

  /** Event time is over, and nothing is left to do. */
  finished(): boolean {
    return this.#watermarks.output === Instant.max && (this.#calls?.size ?? 0) === 0
  }

  /** Nothing is under way that would go on by itself: no call, nothing that is read, and nothing behind a barrier. */
  quiescent(): boolean {
    return (this.#calls?.size ?? 0) === 0 && this.#channels.heldCount === 0 && this.restrictions?.quiescent() !== false
  }

  /** How far event time may go if it is up to this task. */
  ownWatermark(): number {
    const input = Math.min(this.#watermarks.input, this.splits?.watermark() ?? Instant.max)
    return Math.min(input, this.#head?.hold() ?? Infinity, this.#calls?.lowestTimestamp() ?? Infinity)
  }

  outputWatermark(): number {
    return this.#watermarks.output
  }

  inputWatermark(): number {
    return this.#watermarks.input
  }

  droppedLate(): number {
    return this.#head?.droppedLate() ?? 0
  }

  /** Runs its stage's functions, and knows what they count and how long they take. */
  get instance(): TaskPlace['instance'] {
    return this.#instance
  }

  stateSize(): number {
    return this.#head?.size() ?? 0
  }

  /** How many entries each structure of its state holds. */
  entries(): Entries {
    return { ...this.#head?.entries(), ...(this.#calls === null ? {} : { calls: this.#calls.size }), ...this.splits?.entries() }
  }

  // ---- inside

  /** The functions that a head calls count as the head's. */
  #asHead(work: (head: TaskHead) => void, elements = 0): void {
    const head = this.#head
    if (head !== null) this.#instance.asHead(() => work(head), elements)
  }

  #source(): SourceSplits {
    if (this.splits === null) throw new Error(`${this.name} is no source`)
    return this.splits
  }

  #onBatch(batch: Batch, side: number | null, nowMs: number): void {
    if (side !== null) {
      if (this.#sided === null) throw new Error(`${this.name} has no side input ${side}`)
      this.#sided.addSide(side, batch)
      return this.#onSides()
    }
    this.#instance.work.took(batch.values.length, 0)
    if (this.#head !== null) {
      this.#sawElements = true
      for (const bundle of this.#spec.cut?.(batch) ?? [batch]) {
        this.#asHead(head => head.add(bundle, nowMs), bundle.values.length)
        this.#forwardWatermark()
      }
    } else if (this.#calls !== null) this.#calls.add(batch)
    else if (this.stage.head._tag === 'Reshuffle') this.#run(batch)
    else throw new Error(`${this.name}: a source gets no batches`)
  }

  /** Side inputs have come further: elements that waited for them go on. */
  #onSides(): void {
    if (this.#sided === null) return
    this.#sided.onSides()
    this.#forwardWatermark()
    this.#sayCaughtUp()
  }

  #sayCaughtUp(): void {
    if (!this.#catchingUp.isDue()) return
    this.#outputs.flushTables()
    this.#outputs.broadcast({ _tag: 'CaughtUp' })
  }

  /** Runs the stage over a batch and hands on what comes out. */
  #run(batch: Batch, origin = ''): void {
    for (const bundle of this.#spec.cut?.(batch) ?? [batch]) {
      const { work } = this.#instance
      const began = work.clock()
      this.#instance.run(bundle, () => this.#outputs.takeExits(origin))
      this.#outputs.takeExits(origin)
      work.handedOn(began)
    }
  }

  #advanceTo(inputWatermark: number, nowMs: number): void {
    if (inputWatermark <= this.#watermarks.input) return
    this.#watermarks.input = inputWatermark
    this.#asHead(head => head.onWatermark(nowMs))
    const batch =
      inputWatermark < Instant.max || this.#sawElements ? null : defaultOf(this.stage, ownsKey(this.#spec.shard, this.#spec.shards))
    if (batch !== null) this.#asHead(() => this.#run(batch))
    this.#forwardWatermark()
  }

  #forwardWatermark(): void {
    const at = Math.min(this.ownWatermark(), this.#released)
    if (at <= this.#watermarks.output) return
    this.#outputs.flushTables()
    this.#watermarks.output = at
    this.#outputs.broadcast({ _tag: 'Watermark', at })
  }

  #takeSnapshot(epoch: number, scope: SnapshotScope, nowMs: number): void {
    this.#outputs.flushTables()
    this.#outbox.snapshot(epoch, this.#snapshot(epoch, scope))
    this.#outputs.broadcast({ _tag: 'Barrier', epoch, scope })
    for (const [channel, message] of this.#channels.release()) this.onMessage(channel, message, nowMs)
  }

  #state(scope: SnapshotScope): FrozenState | null {
    try {
      return this.#head?.snapshot(scope) ?? (scope === 'none' ? null : (this.#calls?.snapshot() ?? null))
    } catch (cause) {
      throw UserCodeError.onState(this.stage.id, cause)
    }
  }

  #snapshot(epoch: number, scope: SnapshotScope): TaskSnapshot {
    const metrics = this.#instance.metrics.snapshot()
    return {
      task: this.name,
      record: {
        inputWatermark: this.#watermarks.input,
        outputWatermark: this.#watermarks.output,
        channels: this.#channels.watermarks(),
        caughtUp: this.#channels.caughtUp(),
        splits: this.splits?.records() ?? [],
        sawElements: this.#sawElements,
        ...(metrics.length === 0 ? {} : { metrics }),
      },
      keyed: this.#state(scope),
      outputs: this.#outputs.snapshot(epoch),
    }
  }
}
