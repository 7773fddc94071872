// A task: one stage's share of a run, as a state machine. Events come in by its methods, commands go out through its outbox; it knows
// no clock and never waits, so a run of many tasks can be replayed from a seed.
import { ByteWriter, Coder, streamOf } from '../../sdk/coders/index.ts'
import { emptyOutputs, type OutputBatch } from '../../sdk/graph/sink.ts'
import { Instant } from '../../sdk/model/time.ts'
import { NO_FIRING } from '../../sdk/model/pane.ts'
import { isMerging } from '../../sdk/model/windowing-strategy.ts'
import type { ReadBatch, Split, SplitProgress } from '../../sdk/splittable/source.ts'
import { type Batch, emptyBatch } from '../harness/batch.ts'
import { UserCodeError } from '../harness/errors.ts'
import type { StageInstance } from '../harness/stage-instance.ts'
import type { Stage } from '../plan/stage.ts'
import { AsyncCalls, type PendingCall } from './async-calls.ts'
import { accumulatingOf } from './cell.ts'
import { Channels } from './channels.ts'
import { exchange, ownsKey } from './exchange.ts'
import type { Watermarks } from './firing.ts'
import { WindowGrouping, type Grouping } from './grouping.ts'
import { MergingGrouping } from './merging-grouping.ts'
import { appendOutputs, heldBytes } from './outputs.ts'
import type { CallOutcome, Message, Outbox, SnapshotScope, TaskRecord, TaskSnapshot } from './messages.ts'
import { SourceSplits } from './source-splits.ts'

export interface TaskSpec {
  readonly instance: StageInstance
  readonly shard: number
  /** How many tasks each stage has. */
  readonly shards: number
  /** The stages that this one leads to, by id. */
  readonly downstream: ReadonlyMap<string, Stage>
  /** Only of a source's task: what it reads. */
  readonly splits: ReadonlyArray<Split>
  readonly restored: { readonly record: TaskRecord; readonly keyed: ReadonlyArray<Uint8Array> } | null
  /** How much of the keyed state a checkpoint's snapshot holds. */
  readonly scopeOf: (epoch: number) => SnapshotScope
  /** Gives what an asynchronous call's outcome means for the element; throws what ends the run. */
  readonly outcomeOf: (element: unknown, outcome: CallOutcome) => unknown
}

export const taskName = (stage: string, shard: number): string => `${stage}@${shard}`

// A lifted table larger than this is flushed without waiting for a watermark.
const largestTable = 100_000

export class Task {
  readonly name: string
  readonly stage: Stage
  readonly splits: SourceSplits | null
  readonly #spec: TaskSpec
  readonly #instance: StageInstance
  readonly #outbox: Outbox
  readonly #watermarks: Watermarks
  readonly #channels: Channels
  readonly #grouping: Grouping | null
  readonly #calls: AsyncCalls | null
  #outputs = new Map<string, OutputBatch>()
  #inSnapshot: ReadonlyMap<string, OutputBatch> = new Map()
  #sawElements: boolean
  #gaveDefault: boolean

  constructor(spec: TaskSpec, outbox: Outbox) {
    const { instance, restored } = spec
    const { stage } = instance
    this.#spec = spec
    this.#instance = instance
    this.#outbox = outbox
    this.stage = stage
    this.name = taskName(stage.id, spec.shard)
    this.#watermarks = { input: restored?.record.inputWatermark ?? Instant.min, output: restored?.record.outputWatermark ?? Instant.min }
    this.#sawElements = restored?.record.sawElements ?? false
    this.#gaveDefault = this.#watermarks.output === Instant.max
    const channels = stage.inputs.flatMap(input => Array.from({ length: spec.shards }, (_, shard) => taskName(input, shard)))
    this.#channels = new Channels(channels, restored?.record.channels ?? {})
    const { head } = stage
    this.splits = head._tag === 'Source' ? new SourceSplits(spec.splits, head.watermark, restored?.record.splits ?? []) : null
    this.#calls = head._tag === 'Async' ? new AsyncCalls(head.call, (id, element) => outbox.call(id, element)) : null
    this.#grouping = this.#makeGrouping()
    for (const bytes of restored?.keyed ?? []) this.#grouping?.restore(bytes, ownsKey(spec.shard, spec.shards))
    const waiting = restored?.keyed.at(-1)
    if (waiting !== undefined) this.#calls?.restore(waiting)
  }

  #makeGrouping(): Grouping | null {
    const { head } = this.stage
    if (head._tag !== 'Group') return null
    const spec = {
      accumulating: accumulatingOf(head.fn),
      strategy: head.strategy,
      keyCoder: head.keyCoder,
      watermarks: this.#watermarks,
      emit: (batch: Batch) => this.#run(batch),
    }
    return isMerging(head.strategy) ? new MergingGrouping(spec) : new WindowGrouping(spec)
  }

  // ---- events

  /** Everything is in place: calls that waited in the checkpoint may begin. */
  begin(): void {
    this.#calls?.begin()
  }

  /** A split's reader has brought a batch. */
  onRead(id: string, read: ReadBatch<unknown>): void {
    const splits = this.#source()
    const before = splits.progress(id)
    const count = splits.tryClaim(id, read.positions)
    if (count < read.positions.length)
      return this.#onRead(id, { ...read, values: read.values.slice(0, count), positions: read.positions.slice(0, count) }, before)
    this.#onRead(id, read, before)
  }

  #onRead(id: string, read: ReadBatch<unknown>, before: SplitProgress): void {
    const splits = this.#source()
    if (read.values.length === 0) return
    this.#instance.resetMaxTimestamp(splits.maxTimestamp(id))
    this.#run({ keys: null, values: read.values, timestamps: [], windows: null, panes: null, positions: read.positions, lifted: false }, id)
    splits.claimed(
      id,
      { last: read.positions.at(-1) ?? before.last, claimed: before.claimed + read.values.length, note: read.note },
      this.#instance.maxTimestamp,
    )
  }

  onSplitIdle(id: string, sinceMs: number, nowMs: number): void {
    this.#source().idle(id, sinceMs, nowMs)
  }

  onSplitDone(id: string): void {
    this.#source().end(id)
  }

  /** Nothing more will be read: event time goes to its end, and every window fires. */
  drain(): void {
    this.#source().endAll()
  }

  /** After reading: hands the watermark on, if it rose. */
  onSourceProgress(nowMs: number): void {
    this.#advanceTo(this.#source().watermark(), nowMs)
  }

  onMessage(from: string, message: Message, nowMs: number): void {
    if (this.#channels.hold(from, message)) return
    switch (message._tag) {
      case 'Batch':
        return this.#onBatch(message.batch, nowMs)
      case 'Watermark':
        if (this.#channels.advance(from, message.at)) this.#advanceTo(this.#channels.watermark(), nowMs)
        return
      case 'Barrier':
        if (this.#channels.barrier(from, message.epoch)) this.#takeSnapshot(message.epoch, nowMs)
        return
    }
  }

  /** The host's clock has reached what `wakeAt` asked for. */
  onProcessingTime(nowMs: number): void {
    this.#grouping?.onProcessingTime(nowMs)
    this.#forwardWatermark()
  }

  onCallEnded(id: number, outcome: CallOutcome): void {
    if (this.#calls === null) throw new Error(`${this.name} makes no calls`)
    const ready = this.#calls.ended(id, outcome)
    if (ready.length > 0) this.#run(this.#resultsOf(ready))
    this.#forwardWatermark()
  }

  /** The coordinator begins a checkpoint: only sources hear of it directly. */
  onInject(epoch: number, nowMs: number): void {
    this.#takeSnapshot(epoch, nowMs)
  }

  /** The checkpoint that the last snapshot was for came to nothing: what it took goes into the next one. */
  onAborted(): void {
    this.#grouping?.restoreDirty()
    this.#calls?.restoreDirty()
    const since = this.#outputs
    this.#outputs = new Map(this.#inSnapshot)
    for (const [sinkId, outputs] of since) this.#outputs.set(sinkId, appendOutputs(this.#outputs.get(sinkId) ?? emptyOutputs(), outputs))
    this.#inSnapshot = new Map()
  }

  /** The last snapshot is durable: what it took is the store's. */
  onPersisted(): void {
    this.#inSnapshot = new Map()
  }

  // ---- what the host asks

  wakeAt(): number {
    return this.#grouping?.wakeAt() ?? Infinity
  }

  /** Whoever feeds this task should wait. */
  congested(): boolean {
    return this.#channels.heldCount > 0 || this.#calls?.busy === true
  }

  /** Outputs that wait for a checkpoint, in bytes with a share for each row; what a snapshot took is no longer among them. */
  pendingBytes(): number {
    let bytes = 0
    for (const outputs of this.#outputs.values()) bytes += heldBytes(outputs)
    return bytes
  }

  /** Event time is over, and nothing is left to do. */
  finished(): boolean {
    return this.#watermarks.output === Instant.max && (this.#calls?.size ?? 0) === 0
  }

  outputWatermark(): number {
    return this.#watermarks.output
  }

  inputWatermark(): number {
    return this.#watermarks.input
  }

  droppedLate(): number {
    return this.#grouping?.droppedLate() ?? 0
  }

  stateSize(): number {
    return this.#grouping?.size() ?? 0
  }

  // ---- inside

  #source(): SourceSplits {
    if (this.splits === null) throw new Error(`${this.name} is no source`)
    return this.splits
  }

  #onBatch(batch: Batch, nowMs: number): void {
    if (this.#grouping !== null) {
      this.#sawElements = true
      this.#grouping.add(batch, nowMs)
      this.#forwardWatermark()
    } else if (this.#calls !== null) this.#calls.add(batch)
    else throw new Error(`${this.name}: a source gets no batches`)
  }

  #resultsOf(calls: ReadonlyArray<PendingCall>): Batch {
    const batch = emptyBatch({ keyed: false, windowed: calls[0]?.windows !== null, panes: true })
    for (const { value, timestamp, windows, pane, outcome } of calls) {
      if (outcome === null) throw new Error(`${this.name}: a call without an outcome was taken for ended`)
      batch.values.push(this.#spec.outcomeOf(value, outcome))
      batch.timestamps.push(timestamp)
      if (windows !== null) batch.windows?.push(windows)
      batch.panes?.push(pane ?? NO_FIRING)
    }
    return batch
  }

  /** Runs the stage over a batch and hands on what comes out. */
  #run(batch: Batch, split = ''): void {
    this.#instance.run(batch)
    for (const buffer of this.#instance.exits) {
      const { exit } = buffer
      switch (exit._tag) {
        case 'Shuffle':
        case 'Forward': {
          if (buffer.table !== null && buffer.table.size > largestTable) this.#flushTable(buffer.table.flush(), exit.to)
          const out = buffer.takeBatch()
          if (out !== null) this.#send(exit.to, out)
          break
        }
        case 'Sink': {
          const outputs = buffer.takeOutputs()
          if (outputs === null) break
          if (exit.mode === 'checkpointed') this.#outputs.set(exit.sinkId, appendOutputs(this.#outputs.get(exit.sinkId), outputs))
          // Splits have names of their own only within their source.
          else this.#outbox.publish(exit.sinkId, `${this.stage.id}/${split}`, outputs)
          break
        }
        case 'Assert':
          break
      }
    }
  }

  #send(to: string, batch: Batch): void {
    const { shards, shard, downstream } = this.#spec
    const head = downstream.get(to)?.head
    if (shards === 1 || head?._tag !== 'Group') return this.#outbox.send(to, shard, { _tag: 'Batch', batch })
    for (const [owner, part] of exchange(batch, head.keyCoder, shards).entries()) {
      if (part !== null) this.#outbox.send(to, owner, { _tag: 'Batch', batch: part })
    }
  }

  #flushTable(batch: Batch | null, to: string): void {
    if (batch !== null) this.#send(to, batch)
  }

  /** What a lifted combine has gathered goes on before every watermark and barrier. */
  #flushTables(): void {
    for (const { exit, table } of this.#instance.exits)
      if (exit._tag === 'Shuffle' && table !== null) this.#flushTable(table.flush(), exit.to)
  }

  #advanceTo(inputWatermark: number, nowMs: number): void {
    if (inputWatermark <= this.#watermarks.input) return
    this.#watermarks.input = inputWatermark
    this.#grouping?.onWatermark(nowMs)
    if (inputWatermark === Instant.max) this.#giveDefault()
    this.#forwardWatermark()
  }

  /** Beam: a global combine of nothing, in the global window, is what its function makes of nothing. */
  #giveDefault(): void {
    const { head } = this.stage
    if (head._tag !== 'Group' || !head.withDefault || this.#sawElements || this.#gaveDefault || !this.#ownsNull(head.keyCoder)) return
    if (head.strategy.windowFn.kind._tag !== 'Global' || head.fn === null) return
    this.#gaveDefault = true
    const accumulating = accumulatingOf(head.fn)
    const pane = { timing: 'onTime', index: 0, nonSpeculativeIndex: 0, isFirst: true, isLast: true } as const
    this.#run({
      keys: [null],
      values: [accumulating.extract(accumulating.create())],
      timestamps: [Instant.max - 2],
      windows: null,
      panes: [pane],
      positions: null,
      lifted: false,
    })
  }

  /** Only the task that the one key of a global combine belongs to knows whether there was anything. */
  #ownsNull(keyCoder: Coder<unknown> | null): boolean {
    const key = new ByteWriter()
    streamOf(keyCoder ?? Coder.structural<unknown>()).write(null, key)
    return ownsKey(this.#spec.shard, this.#spec.shards)(key.finish())
  }

  #forwardWatermark(): void {
    const at = Math.min(this.#watermarks.input, this.#grouping?.hold() ?? Infinity, this.#calls?.lowestTimestamp() ?? Infinity)
    if (at <= this.#watermarks.output) return
    this.#flushTables()
    this.#watermarks.output = at
    this.#broadcast({ _tag: 'Watermark', at })
  }

  #broadcast(message: Message): void {
    for (const stage of this.#spec.downstream.keys())
      for (let shard = 0; shard < this.#spec.shards; shard++) this.#outbox.send(stage, shard, message)
  }

  #takeSnapshot(epoch: number, nowMs: number): void {
    this.#flushTables()
    this.#inSnapshot = this.#outputs
    this.#outputs = new Map()
    this.#outbox.snapshot(epoch, this.#snapshot(this.#spec.scopeOf(epoch)))
    this.#broadcast({ _tag: 'Barrier', epoch })
    for (const [channel, message] of this.#channels.release()) this.onMessage(channel, message, nowMs)
  }

  #state(scope: SnapshotScope): Uint8Array | null {
    try {
      return this.#grouping?.snapshot(scope) ?? (scope === 'none' ? null : (this.#calls?.snapshot() ?? null))
    } catch (cause) {
      throw UserCodeError.onState(this.stage.id, cause)
    }
  }

  #snapshot(scope: SnapshotScope): TaskSnapshot {
    return {
      task: this.name,
      record: {
        inputWatermark: this.#watermarks.input,
        outputWatermark: this.#watermarks.output,
        channels: this.#channels.watermarks(),
        splits: this.splits?.records() ?? [],
        sawElements: this.#sawElements,
      },
      keyed: this.#state(scope),
      outputs: [...this.#inSnapshot].map(([sinkId, outputs]) => ({ sinkId, outputs })),
    }
  }
}
