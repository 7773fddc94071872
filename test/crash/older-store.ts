// A server that comes back with an older store, where other messages take the sequences that the pipeline has read; later the newer store is back.
import { cp, rename, rm } from 'node:fs/promises'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { DisturbedPlace } from './disturbances.ts'
import { inputStream, until } from './stream-state.ts'

/** What others publish under the sequences that the pipeline has read. */
const foreign = 300

/** Whether the older store really was older, and the pipeline refused it. */
export const olderStore = async ({ server, nc, feed, victim, note }: DisturbedPlace): Promise<boolean> => {
  const store = server.storeDir
  if (store === null) throw new Error('a store can be replaced only where this process started the server')
  const [older, newer] = [`${store}-older`, `${store}-newer`]
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const last = (): Promise<number> =>
    until('a server', async () => (await jsm.streams.info(inputStream).catch(() => null))?.state.last_seq ?? null)
  await feed.pause()
  await server.kill()
  await cp(store, older, { recursive: true })
  await server.restart()
  feed.resume()
  const before = await last()
  await until('more messages', async () => ((await last()) > before + foreign ? true : null))
  await feed.pause()
  const newest = await last()
  // A checkpoint that lies before the older store's end would rightly go on from it.
  await until('a pipeline that has read all', async () => {
    for await (const { delivered } of jsm.consumers.list(inputStream)) if (delivered.stream_seq >= newest) return true
    return null
  })
  await victim.untilCheckpoints(2)
  const refused = victim.untilRefused()
  // Where something else fails, nothing waits for it.
  refused.catch(() => undefined)
  await server.kill()
  await rename(store, newer)
  await rename(older, store)
  await server.restart()
  const restored = await last()
  const js = jetstream(nc)
  for (let i = 0; i < foreign; i++) await js.publish('events', `{"foreign":${i}}`, { retries: 20 })
  await refused
  note(`an older store ends at ${restored}, the newer one at ${newest}`)
  await server.kill()
  await rm(store, { recursive: true })
  await rename(newer, store)
  await server.restart()
  feed.resume()
  return restored < newest && (await last()) >= newest
}
