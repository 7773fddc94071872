// A key-value bucket of a real server as a side input: what is there when the job begins, and what changes while it runs.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect, headers } from '@nats-io/transport-node'
import { assert } from 'chai'
import * as O from 'fp-ts/lib/Option.js'
import { Decoder, KV, orThrow, PCollection, pipe, Pipeline, View } from '../../sdk/index.ts'
import { JetStreamIO, KvIO } from '../../io/jetstream/index.ts'
import { NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { Journal, until } from '../runners/direct/feed.ts'

describe('KvIO.watch', () => {
  let server: RunningServer
  let nc: NatsConnection
  before(async () => {
    server = await NatsServer.start({ control: true })
    nc = await connect({ servers: server.url })
    const { streams } = await jetstreamManager(nc)
    await streams.add({ name: 'KV_colours', subjects: ['$KV.colours.>'], max_msgs_per_subject: 1, allow_rollup_hdrs: true })
    await streams.add({ name: 'ASKED', subjects: ['asked'] })
  })
  after(async () => {
    await nc.close()
    await server.stop()
  })

  it('is a table of what is there, then of every change and deletion', async () => {
    const js = jetstream(nc)
    const put = (key: string, value: string): Promise<unknown> => js.publish(`$KV.colours.${key}`, value)
    await put('sky', 'grey')
    await put('sky', 'blue')
    await put('deep.sea', 'green')
    await put('hidden.cave', 'black')
    const journal = new Journal()
    const table = pipe(
      KvIO.watch({ bucket: 'colours', coder: Decoder.text, keys: ['*', 'deep.>'] }),
      PCollection.orFail,
      PCollection.map(({ key, value }) => KV.of(key, value)),
      View.asTable,
    )
    const pipeline = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: 'ASKED', coder: Decoder.text }),
        PCollection.orFail,
        PCollection.mapWith({ table }, (key, { table }) => [key, O.toNullable(table.get(key))]),
        journal.write(),
      ),
    )
    // Asked before the table is there: it waits.
    await js.publish('asked', 'sky')
    const job = await orThrow(DirectRunner.start({ provide: [JetStreamIO.connection({ servers: server.url })] })(pipeline))
    const ask = async (key: string): Promise<unknown> => {
      const before = journal.values().length
      await js.publish('asked', key)
      await until(() => journal.values().length > before)
      return journal.values().at(-1)
    }
    await until(() => journal.values().length === 1)
    assert.deepEqual(journal.values(), [['sky', 'blue']])
    assert.deepEqual(await ask('deep.sea'), ['deep.sea', 'green'])
    assert.deepEqual(await ask('hidden.cave'), ['hidden.cave', null])

    const read = job.metrics().elementsRead
    await put('sky', 'red')
    const deleted = headers()
    deleted.set('KV-Operation', 'DEL')
    await js.publish('$KV.colours.deep.sea', '', { headers: deleted })
    await until(() => job.metrics().elementsRead === read + 2)
    assert.deepEqual(await ask('sky'), ['sky', 'red'])
    assert.deepEqual(await ask('deep.sea'), ['deep.sea', null])
    await orThrow(job.cancel)
  })

  it('refuses what cannot be the name of a bucket', () =>
    assert.throws(() => KvIO.watch({ bucket: 'a.b', coder: Decoder.text }), /^KvIO\.watch\(a\.b\): bucket: .*the name of a bucket/))
})
