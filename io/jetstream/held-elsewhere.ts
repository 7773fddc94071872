// Warns about a message that its queue holds and does not deliver here: another reader of the consumer has it, or the consumer is paused.
import type { HostContext } from '../../sdk/model/bindings.ts'
import { type DurablePlace, consumerInfo } from './durable-consumer.ts'

/** Longer than a pull takes, and than a message is on its way. */
const sayAfterMs = 5_000
const sayAgainMs = 60_000

export class HeldElsewhere {
  readonly #o: DurablePlace & { readonly context: HostContext; readonly name: string; readonly split: string }
  #sequence = 0
  #sinceMs = 0
  #sayAtMs = 0

  constructor(o: DurablePlace & { readonly context: HostContext; readonly name: string; readonly split: string }) {
    this.#o = o
  }

  /** The leader of the stream holds this message, and it has not come. */
  async found(sequence: number): Promise<void> {
    const now = Date.now()
    if (sequence !== this.#sequence) {
      this.#sequence = sequence
      this.#sinceMs = now
      this.#sayAtMs = now + sayAfterMs
    }
    if (now < this.#sayAtMs) return
    this.#sayAtMs = now + sayAgainMs
    const { link, stream, label, context, name, split } = this.#o
    const info = await consumerInfo(link, stream, name)
    const why =
      info?.paused === true
        ? `the consumer ${name} is paused until ${info.config.pause_until ?? 'it is resumed'}`
        : `another reader of the consumer ${name} holds it, or had it and has not acknowledged it (ack_wait: it comes again then)`
    context.log(
      'warn',
      `${label}: message ${sequence} of the stream ${stream} has not been delivered to this read, which waits for it: ${why}`,
      {
        split,
        sequence,
        consumer: name,
        waitedMs: now - this.#sinceMs,
      },
    )
  }
}
