// The way from one worker to another: encoded batches whose buffers change hands, control messages between them in their order, and
// credits back. Whoever has sent more than was taken in should read no more from its sources for a while; messages are never held back,
// since a barrier or a watermark may be what the other side waits for.
import type { Message } from '../engine/messages.ts'
import type { Waiting } from '../engine/pausing.ts'
import type { Stage } from '../plan/stage.ts'
import { BatchCodec } from './batch-codec.ts'
import type { PeerPort } from './port.ts'
import { oneWay, type ToPeer } from './protocol.ts'

/** On the way to one worker and not taken in yet. */
const mostBytes = 4 * 1_024 * 1_024

export interface LinkListener {
  /** What comes in for a task here. */
  readonly deliver: (from: string, stage: string, message: Message) => void
  readonly onWaiting: (waiting: Waiting) => void
  /** There is room again. */
  readonly onCredit: () => void
}

export class Link {
  readonly #port: PeerPort
  readonly #codecs: ReadonlyMap<string, BatchCodec>
  readonly #listener: LinkListener
  #inFlightBytes = 0
  sent = 0
  received = 0

  constructor(port: PeerPort, stages: ReadonlyArray<Stage>, listener: LinkListener) {
    this.#port = port
    this.#listener = listener
    this.#codecs = new Map(stages.map(stage => [stage.id, new BatchCodec(stage)]))
  }

  /** What comes in is delivered from now on; what has come is kept until then. */
  listen(): void {
    this.#port.on('message', (message: ToPeer) => this.#take(message))
  }

  #codec(stage: string): BatchCodec {
    const codec = this.#codecs.get(stage)
    if (codec === undefined) throw new Error(`link: there is no stage ${stage}`)
    return codec
  }

  send(from: string, stage: string, message: Message): void {
    this.sent++
    if (message._tag !== 'Batch') return this.#post({ ...oneWay, _tag: 'Control', from, stage, message })
    const bytes = this.#codec(stage).encode(message.batch)
    this.#inFlightBytes += bytes.byteLength
    this.#port.postMessage({ oneWay: true, _tag: 'Batch', from, stage, bytes, side: message.side }, [bytes])
  }

  sayWaiting(waiting: Waiting): void {
    this.#post({ ...oneWay, _tag: 'Waiting', waiting })
  }

  #post(message: ToPeer): void {
    this.#port.postMessage(message)
  }

  #take(message: ToPeer): void {
    const { deliver, onWaiting, onCredit } = this.#listener
    switch (message._tag) {
      case 'Batch': {
        const { from, stage, bytes, side } = message
        const size = bytes.byteLength
        this.received++
        deliver(from, stage, { _tag: 'Batch', batch: this.#codec(stage).decode(bytes), side })
        return this.#post({ ...oneWay, _tag: 'Credit', bytes: size })
      }
      case 'Control':
        this.received++
        return deliver(message.from, message.stage, message.message)
      case 'Waiting':
        return onWaiting(message.waiting)
      case 'Credit':
        this.#inFlightBytes -= message.bytes
        return onCredit()
    }
  }

  get congested(): boolean {
    return this.#inFlightBytes > mostBytes
  }

  close(): void {
    this.#port.close()
  }
}
