// A connection that is cut while a sink looks for what it has stored.
import { jetstreamManager } from '@nats-io/jetstream'
import { ownPrefix } from './consumer-tap.ts'
import type { DisturbedPlace } from './disturbances.ts'
import { burst, until } from './stream-state.ts'

const destination = 'OUT'
/** Slow enough to be met inside. */
const bytesPerSecond = 30_000
/** A process that had no outputs behind its checkpoint scans nothing. */
const unseenMs = 6_000

/** Whether the connection was cut behind the first message of a scan, and before its end. */
export const cutScan = async ({ pipeline, proxy, nc, feed, victim, note }: DisturbedPlace): Promise<boolean> => {
  if (proxy === null) throw new Error('nothing can be cut without a proxy')
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  /** How far the scan has come: it forgets its consumer in the end. */
  const scan = async (): Promise<number | null> => {
    for await (const consumer of jsm.consumers.list(destination))
      if (consumer.name.startsWith(ownPrefix) && consumer.config.headers_only === true && consumer.delivered.consumer_seq > 0)
        return consumer.delivered.consumer_seq
    return null
  }
  await until('the end of an earlier scan', async () => ((await scan()) === null ? true : null))
  await feed.pause()
  // The relay's outputs leave before their checkpoint, and others are committed behind it: the process dies in between.
  await Promise.all([victim.kill(pipeline === 'relay' ? 'beforeManifest' : 'duringCommit'), feed.burst(nc, burst)])
  try {
    proxy.throttle(bytesPerSecond)
    const reached = await Promise.race([until('a scan', scan), new Promise<null>(resolve => setTimeout(() => resolve(null), unseenMs))])
    if (reached === null) return false
    proxy.cut()
    const left = await scan()
    note(`a scan was cut at ${reached}, and is at ${left} now`)
    return left !== null
  } finally {
    proxy.throttle(null)
    feed.resume()
  }
}
