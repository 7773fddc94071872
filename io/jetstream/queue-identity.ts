// Whether a queue is still the one that was read, and takes acknowledgments: asked for before any of them is sent.
import type { ConsumerInfo, StreamInfo } from '@nats-io/jetstream'
import type { HostContext } from '../../sdk/model/bindings.ts'
import { type ConsumerPlace, requireAcknowledgeable } from './ack-subject.ts'
import { type HistoryPlace, compareHistory } from './history.ts'
import type { SequenceSet } from './sequence-set.ts'
import { requireSameQueue } from './stream-info.ts'

export interface IdentityPlace extends HistoryPlace, ConsumerPlace {
  readonly context: Pick<HostContext, 'log'>
  readonly split: string
  /** The stream's creation time when the run began. */
  readonly created: string
}

export class QueueIdentity {
  readonly #o: IdentityPlace
  /** Acknowledgments are known to reach the server. */
  #acknowledgeable = false
  #unverified = 0

  constructor(o: IdentityPlace) {
    this.#o = o
  }

  /**
   * Compares the stream with what was handed on; the last of it is the best evidence, because all before it is older. Gives the consumer, null
   * where there is none. Rejects with StreamRecreated or StreamTruncated.
   */
  async verified(info: StreamInfo, handedOn: SequenceSet, consumer: () => Promise<ConsumerInfo | null>): Promise<ConsumerInfo | null> {
    const { last, lastKnown } = handedOn
    requireSameQueue(info, { ...this.#o, last })
    const isShown = lastKnown === null || (await compareHistory(this.#o, info, lastKnown))
    const found = await consumer()
    // What was acknowledged is gone as a rule: a consumer that remembers its delivery shows as much.
    if (isShown || (found?.delivered.stream_seq ?? 0) >= last) return found
    const { context, label, stream, split } = this.#o
    context.log(
      'warn',
      `${label}: message ${last} of the stream ${stream}, the last one read, is gone, and its consumer does not remember it: nothing shows whether the stream is still the one that was read. The read goes on`,
      { split, sequence: last, unverified: ++this.#unverified },
    )
    return found
  }

  /** Rejects with NotPermitted where acknowledgments do not reach the server. Asks until it is known once. */
  async requireAcknowledgeable(signal: AbortSignal): Promise<void> {
    if (this.#acknowledgeable) return
    await requireAcknowledgeable(this.#o.link, this.#o, signal)
    this.#acknowledgeable = true
  }
}
