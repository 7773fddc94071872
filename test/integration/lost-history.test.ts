// A server that has lost what it acknowledged, as after a restore from a backup, and a queue's stream that was made again: whoever has read
// further says so, and takes no other messages for those that it read.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager, type RetentionPolicy } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import type { ConsumerSettings } from '../../io/jetstream/durable-consumer.ts'
import type { StreamMessage } from '../../io/jetstream/message.ts'
import { NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import type { ConnectedSource, Split, SplitProgress, SplitReader } from '../../sdk/splittable/source.ts'
import { changed, hostContext, range, readAll, rejection, testSource } from '../support/jetstream-context.ts'

const unread: SplitProgress = { last: null, claimed: 0, note: null }
const consumer: ConsumerSettings = { consumer: 'reader', ackWaitMs: 30_000, maxAckPending: 1_000, inactiveMs: null }

describe('A stream that has lost what was read of it', () => {
  let server: RunningServer
  let folder: string
  const store = (): string => join(folder, 'store')
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-lost-'))
    server = await NatsServer.start({ control: true, storeDir: store() })
  })
  after(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const make = async (...streams: ReadonlyArray<readonly [name: string, retention: string]>): Promise<void> => {
    const nc = await connect({ servers: server.url })
    const jsm = await jetstreamManager(nc)
    for (const [name, retention] of streams) await jsm.streams.add({ name, subjects: [name], retention: retention as RetentionPolicy })
    await nc.close()
  }
  const publish = async (stream: string, count: number): Promise<void> => {
    const nc = await connect({ servers: server.url })
    for (const i of range(0, count)) await jetstream(nc).publish(stream, `${i}`)
    await nc.close()
  }

  interface Reading {
    readonly source: ConnectedSource<StreamMessage>
    readonly split: Split
    readonly reader: SplitReader<StreamMessage>
    readonly progress: SplitProgress
  }

  /** Ten messages, and the progress behind them. */
  const readTen = async (stream: string, acknowledges: boolean): Promise<Reading> => {
    const source = await testSource(stream, { stop: null, consumer: acknowledges ? consumer : null }).connect(hostContext(server.url))
    const [split = assert.fail('there is no split')] = await source.resolve({ desired: 1, toEnd: false })
    const reader = await source.open(split, unread)
    let progress = unread
    while (progress.claimed < 10) {
      const batch = reader.poll(10)
      if (batch === null) await changed(reader)
      else progress = { last: batch.positions.at(-1) ?? null, claimed: progress.claimed + batch.values.length, note: batch.note }
    }
    return { source, split, reader, progress }
  }

  it('ends a read of it that goes on, and a start behind what is lost: by position, and by acknowledgments', async () => {
    await make(['BY_POSITION', 'limits'], ['QUEUE', 'workqueue'])
    for (const stream of ['BY_POSITION', 'QUEUE']) await publish(stream, 5)
    await server.kill()
    await cp(store(), join(folder, 'backup'), { recursive: true })
    await server.restart()
    for (const stream of ['BY_POSITION', 'QUEUE']) await publish(stream, 5)
    const readings = [await readTen('BY_POSITION', false), await readTen('QUEUE', true)]
    await server.kill()
    await rm(store(), { recursive: true })
    await cp(join(folder, 'backup'), store(), { recursive: true })
    await server.restart()
    for (const { source, split, reader, progress } of readings) {
      for (const reading of [readAll(reader), source.open(split, progress)]) {
        const { name, message } = await rejection(reading)
        assert.deepEqual([name, /ends at sequence 5, but sequence 10 was/.test(message)], ['StreamTruncated', true], message)
      }
      await source.close()
    }
  })

  it('because it was deleted and made again ends a start of a read that acknowledges', async () => {
    await make(['AGAIN', 'workqueue'])
    await publish('AGAIN', 10)
    const { source, split, progress } = await readTen('AGAIN', true)
    const nc = await connect({ servers: server.url })
    await (await jetstreamManager(nc)).streams.delete('AGAIN')
    await nc.close()
    await make(['AGAIN', 'workqueue'])
    await publish('AGAIN', 20)
    const { name, message } = await rejection(source.open(split, progress))
    assert.deepEqual([name, message.includes('was deleted and created again')], ['StreamRecreated', true], message)
    await source.close()
  })
})
