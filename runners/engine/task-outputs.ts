// What leaves a task: batches to the tasks behind it, outputs that leave at once, and those that wait for a checkpoint.
import { emptyOutputs, type OutputBatch } from '../../sdk/graph/sink.ts'
import type { Batch } from '../harness/batch.ts'
import type { Exit } from '../plan/stage.ts'
import { exchange, spread } from './exchange.ts'
import { withNamedKeys } from './key-failure.ts'
import type { Message, Outbox, TaskSnapshot } from './messages.ts'
import { appendOutputs, heldBytes } from './outputs.ts'
import type { TaskPlace } from './task-place.ts'

// A lifted table larger than this is flushed without waiting for a watermark.
const largestTable = 100_000

export class TaskOutputs {
  readonly #place: TaskPlace
  readonly #outbox: Outbox
  #waiting = new Map<string, OutputBatch>()
  #inSnapshot: ReadonlyMap<string, OutputBatch> = new Map()
  /** Of the last snapshot, until it is known what became of it. */
  #epoch: number | null = null
  #turn = 0

  constructor(place: TaskPlace, outbox: Outbox) {
    this.#place = place
    this.#outbox = outbox
  }

  /** Hands on what the stage's exits hold, and what its functions ask for once that is durable; `origin` names where it was read. */
  takeExits(origin: string): void {
    for (const buffer of this.#place.instance.exits) {
      const { exit } = buffer
      switch (exit._tag) {
        case 'Shuffle':
        case 'Forward':
        case 'Side': {
          const { table } = buffer
          if (table !== null && (table.eachBundle || table.size > largestTable)) this.#send(exit, table.flush())
          this.#send(exit, buffer.takeBatch())
          break
        }
        case 'Sink': {
          const outputs = buffer.takeOutputs()
          if (outputs === null) break
          this.#place.instance.work.gave(outputs.payloads.length, outputs.bytes)
          if (exit.mode === 'checkpointed') this.#waiting.set(exit.sinkId, appendOutputs(this.#waiting.get(exit.sinkId), outputs))
          else this.#outbox.publish(exit.sinkId, origin, outputs)
          break
        }
        case 'Assert':
          break
      }
    }
    for (const finalizer of this.#place.instance.takeFinalizers()) this.#outbox.afterCommit(finalizer)
  }

  /** What a lifted combine has gathered goes on before every watermark and barrier. */
  flushTables(): void {
    for (const { exit, table } of this.#place.instance.exits) if (exit._tag === 'Shuffle' && table !== null) this.#send(exit, table.flush())
  }

  #send(exit: Extract<Exit, { readonly to: string }>, batch: Batch | null): void {
    if (batch === null) return
    const { shards, shard } = this.#place
    this.#place.instance.work.gave(batch.values.length, 0)
    if (exit._tag === 'Side') return this.#toAll(exit.to, { _tag: 'Batch', batch, side: exit.side })
    for (const [to, part] of this.#partsOf(exit, batch, shards, shard))
      if (part !== null) this.#outbox.send(exit.to, to, { _tag: 'Batch', batch: part, side: null })
  }

  #partsOf(exit: Exclude<Extract<Exit, { readonly to: string }>, { readonly _tag: 'Side' }>, batch: Batch, shards: number, shard: number) {
    if (shards === 1) return [[0, batch] as const]
    if (exit._tag === 'Shuffle') return this.#exchanged(exit.to, batch)
    if (!exit.spread) return [[shard, batch] as const]
    const parts = spread(batch, shards, this.#turn)
    this.#turn = (this.#turn + batch.values.length) % shards
    return parts.entries()
  }

  #exchanged(to: string, batch: Batch) {
    const stage = this.#place.downstream.get(to)
    if (stage === undefined || !('keyCoder' in stage.head)) throw new Error(`${to} is no place for keys`)
    const { keyCoder } = stage.head
    return withNamedKeys(to, keyCoder, batch.keys, () => exchange(batch, keyCoder, this.#place.shards).entries())
  }

  #toAll(stage: string, message: Message): void {
    for (let shard = 0; shard < this.#place.shards; shard++) this.#outbox.send(stage, shard, message)
  }

  /** To all tasks of all stages behind this one. */
  broadcast(message: Message): void {
    for (const stage of this.#place.downstream.keys()) this.#toAll(stage, message)
  }

  /** Outputs that wait for a checkpoint, in bytes with a share for each row; what a snapshot took is no longer among them. */
  waitingBytes(): number {
    let bytes = 0
    for (const outputs of this.#waiting.values()) bytes += heldBytes(outputs)
    return bytes
  }

  snapshot(epoch: number): TaskSnapshot['outputs'] {
    this.#epoch = epoch
    this.#inSnapshot = this.#waiting
    this.#waiting = new Map()
    return [...this.#inSnapshot].map(([sinkId, outputs]) => ({ sinkId, outputs }))
  }

  /** The checkpoint came to nothing: what its snapshot took goes into the next one. Says whether there was one. */
  onAborted(epoch: number): boolean {
    if (this.#epoch !== epoch) return false
    this.#epoch = null
    const since = this.#waiting
    this.#waiting = new Map(this.#inSnapshot)
    for (const [sinkId, outputs] of since) this.#waiting.set(sinkId, appendOutputs(this.#waiting.get(sinkId) ?? emptyOutputs(), outputs))
    this.#inSnapshot = new Map()
    return true
  }

  /** The last snapshot is durable: what it took is the store's. */
  onPersisted(): void {
    this.#epoch = null
    this.#inSnapshot = new Map()
  }
}
