// A queue's consumer that an operator pauses while messages arrive.
import { jetstreamManager } from '@nats-io/jetstream'
import type { DisturbedPlace } from './disturbances.ts'
import { inputStream, longestMs, queueConsumer, until } from './stream-state.ts'

/** Fewer than arrive in a second. */
const behind = 150

/** Whether the consumer was paused while messages arrived. */
export const consumerPaused = async ({ nc }: DisturbedPlace): Promise<boolean> => {
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  /** The pipeline may not have created it yet. */
  const pause = (isPaused: boolean): Promise<true> =>
    until(`a consumer that is ${isPaused ? 'paused' : 'resumed'}`, async () => {
      const request = isPaused ? { pause_until: new Date(Date.now() + 2 * longestMs).toISOString() } : {}
      const subject = `$JS.API.CONSUMER.PAUSE.${inputStream}.${queueConsumer}`
      const answer = await nc.request(subject, JSON.stringify(request), { timeout: 5_000 }).catch(() => null)
      const { error, paused = false } = answer?.json<{ readonly error?: unknown; readonly paused?: boolean }>() ?? { error: 'none' }
      return error === undefined && paused === isPaused ? true : null
    })
  await pause(true)
  const pending = async (): Promise<number | null> => {
    const info = await jsm.consumers.info(inputStream, queueConsumer).catch(() => null)
    return info?.paused === true ? info.num_pending : null
  }
  const first = await until('a consumer that is paused', pending)
  const last = await until('messages behind the consumer', async () => {
    const now = await pending()
    return now !== null && now >= first + behind ? now : null
  })
  await pause(false)
  return last >= first + behind
}
