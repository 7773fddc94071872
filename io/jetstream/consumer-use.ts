// Whether a consumer is read by another reader already: two jobs with its name, or two processes of one whose checkpoints lie in two places.
import type { ConsumerInfo } from '@nats-io/jetstream'
import { type DurablePlace, consumerInfo } from './durable-consumer.ts'
import { JetStreamIOError } from './errors.ts'
import { sleep } from './patience.ts'

const askAgainMs = 200
/** A reader that has room asks again as soon as a request ends, so that none waits for milliseconds only. */
const unreadForMs = 600
const graceMs = 2_000

/**
 * Rejects with UnsuitableConsumer where requests for messages keep waiting that are not of this run: what one reader holds, the other would
 * take for lost, and ask for again. Those of a process that died without a word wait for no longer than `expiresMs`. A consumer is unread
 * where, for a while, no request waits, nothing is delivered and nothing is acknowledged; or where nobody holds a message of it.
 */
export const requireUnread = async (
  { link, stream, label }: DurablePlace,
  name: string,
  expiresMs: number,
  signal: AbortSignal,
): Promise<void> => {
  let still: { readonly since: number; readonly info: ConsumerInfo } | null = null
  for (const deadline = Date.now() + expiresMs + graceMs; ;) {
    const info = await consumerInfo(link, stream, name)
    if (info === null || isUntouched(info)) return
    const isStill: boolean = still !== null && isSame(still.info, info)
    if (still === null || !isStill) still = { since: Date.now(), info }
    if (info.num_waiting > 0) still = null
    else if (Date.now() - still.since >= unreadForMs) return
    if (Date.now() > deadline)
      throw new JetStreamIOError(
        'UnsuitableConsumer',
        `${label}: somebody else reads through the consumer ${name} of the stream ${stream}: requests for messages wait there that this run has not made. Together they would lose the count of what each holds. Stop the other one; or, where both are the same job, keep their checkpoints in one place, so that one waits for the other.`,
      )
    await sleep(askAgainMs, signal)
  }
}

/** No reader can hold a message that was never delivered, or that was acknowledged. */
const isUntouched = ({ num_waiting: waiting, num_ack_pending: pending }: ConsumerInfo): boolean => waiting === 0 && pending === 0

const isSame = (a: ConsumerInfo, b: ConsumerInfo): boolean =>
  a.delivered.consumer_seq === b.delivered.consumer_seq && a.ack_floor.consumer_seq === b.ack_floor.consumer_seq
