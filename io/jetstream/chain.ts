// The chain: each message says behind which sequence of the stream it is to be stored (Nats-Expected-Last-Sequence), so that nothing can be
// stored twice, out of order, or by a writer that somebody has followed. It needs the stream for itself.
import type { StreamInfo } from '@nats-io/jetstream'
import { JetStreamIOError } from './errors.ts'

export class Chain {
  readonly #label: string
  #last: number

  /** `last`: of the stream, now. */
  constructor(label: string, last: number) {
    this.#label = label
    this.#last = last
  }

  /** The header line of the next message. */
  next(): string {
    return `Nats-Expected-Last-Sequence: ${this.#last++}\r\n`
  }

  /** What was in flight and is not stored begins anew behind the stream's end. `own`: the last sequence that is known to be ours. Throws Fenced. */
  goOnAfter({ config, state }: StreamInfo, own: number): void {
    if (state.last_seq > own)
      throw new JetStreamIOError(
        'Fenced',
        `${this.#label}: somebody else has published to the stream ${config.name} (sequence ${own + 1} at the latest): another process has taken this job over, or the stream is not this sink's alone, which Delivery.chain needs. ` +
          'Let nobody else write to it, or write with delivery: Delivery.exactlyOnce.',
      )
    this.#last = state.last_seq
  }
}
