// Whether a consumer is read by somebody already: two jobs with its name, or two processes of one whose checkpoints lie in two places.
import { type DurablePlace, consumerInfo } from './durable-consumer.ts'
import { JetStreamIOError } from './errors.ts'
import { sleep } from './patience.ts'

const askAgainMs = 250
const graceMs = 2_000

/**
 * Rejects with UnsuitableConsumer where requests for messages keep waiting that are not of this run: what one reader holds, the other would
 * take for lost, and ask for again. Those of a process that died without a word wait for no longer than `expiresMs`.
 */
export const requireUnread = async (
  { link, stream, label }: DurablePlace,
  name: string,
  expiresMs: number,
  signal: AbortSignal,
): Promise<void> => {
  for (const deadline = Date.now() + expiresMs + graceMs; ;) {
    const info = await consumerInfo(link, stream, name)
    if (info === null || info.num_waiting === 0) return
    if (Date.now() > deadline)
      throw new JetStreamIOError(
        'UnsuitableConsumer',
        `${label}: somebody else reads through the consumer ${name} of the stream ${stream}: requests for messages wait there that this run has not made. Together they would lose the count of what each holds. Stop the other one; or, where both are the same job, keep their checkpoints in one place, so that one waits for the other.`,
      )
    await sleep(askAgainMs, signal)
  }
}
