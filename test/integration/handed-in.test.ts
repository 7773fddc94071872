// A connection that a program made itself, by either package that services have: all that a pipeline does with its own goes through it.
import { type JetStreamManager, RetentionPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, errors } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import * as O from 'fp-ts/lib/Option.js'
import { connect as connectNats2 } from 'nats'
import * as E from 'fp-ts/lib/Either.js'
import {
  Checkpoints,
  Decoder,
  Encoder,
  Instant,
  PCollection as P,
  type PCollection,
  Pipeline,
  millis,
  orThrow,
  pipe,
} from '../../sdk/index.ts'
import {
  Acknowledge,
  Delivery,
  JetStreamIO,
  KvIO,
  KvPut,
  NatsIO,
  ObjectStoreIO,
  type ReadSettings,
  SplitBy,
  StartAt,
  StopAt,
} from '../../io/jetstream/index.ts'
import type { RunningServer } from '../../io/jetstream/testing/index.ts'
import { handedIn } from '../../io/nats/settings.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { PAssert, TestPipeline, containsInAnyOrder } from '../../runners/direct/testing.ts'
import { type WorkerThreadsOptions, WorkerThreadsRunner } from '../../runners/worker-threads/index.ts'
import { twoRelays } from '../support/crossing-relays.ts'
import { pause } from '../support/nats-place.ts'
import { recentServer } from '../support/recent-server.ts'
import { rejection } from '../support/jetstream-context.ts'
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts'

interface Place {
  readonly servers: string
  readonly user?: string
  readonly pass?: string
  readonly inboxPrefix?: string
}

/** What both packages give, as far as a test's program uses it. */
interface Own {
  readonly close: () => Promise<void>
  readonly isClosed: () => boolean
}

const families: ReadonlyArray<readonly [string, (place: Place) => Promise<Own>]> = [
  ['@nats-io', place => connect({ ...place, reconnectTimeWait: 50, timeout: 2_000 })],
  ['nats 2.29', place => connectNats2({ ...place, reconnectTimeWait: 50, timeout: 2_000 })],
]

const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await pause(5)
}

let server: RunningServer
let proxy: TcpProxy
let nc: NatsConnection
let jsm: JetStreamManager
const admin = { user: 'admin', pass: 'secret' }

describe('A connection that is handed in', () => {
  before(async () => {
    const users = [
      { user: 'admin', password: 'secret' },
      { user: 'ann', password: 'secret', permissions: { publish: { deny: 'forbidden' }, subscribe: '_INBOX_ann.>' } },
    ]
    server = await recentServer({ config: { authorization: { users } } })
    proxy = await tcpProxy(server.port)
    nc = await connect({ servers: `127.0.0.1:${server.port}`, ...admin })
    jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'IN', subjects: ['in.*'] })
    await jsm.streams.add({ name: 'KV_flags', subjects: ['$KV.flags.>'], max_msgs_per_subject: 1 })
    await jsm.streams.add({ name: 'CUT', subjects: ['cut'] })
    for (let i = 0; i < 100; i++) nc.publish(`in.${i % 10 === 0 ? 'rare' : 'often'}`, `${i}`)
    nc.publish('$KV.flags.dark', 'on')
    await nc.flush()
  })
  after(async () => {
    await nc.close()
    await proxy.close()
    await server.stop()
  })

  for (const [family, connectOwn] of families)
    describe(`made by ${family}`, () => {
      let own: Own
      beforeEach(async () => {
        await jsm.streams.add({ name: 'OUT', subjects: ['out'] })
        own = await connectOwn({ servers: `127.0.0.1:${proxy.port}`, ...admin })
      })
      afterEach(async () => {
        await own.close()
        await jsm.streams.delete('OUT')
      })

      const provide = () => [JetStreamIO.existingConnection(own)]
      let jobs = 0
      const place = () => ({
        provide: provide(),
        checkpoints: Checkpoints.jetstream({ every: millis(50) }),
        job: `${family.replace(/\W/g, '-')}-${jobs++}`,
      })
      const read = (o: Partial<ReadSettings>): PCollection<string> =>
        pipe(JetStreamIO.read({ stream: 'IN', coder: Decoder.text, stop: StopAt.end, ...o }), P.orFail)
      const relay = (o: Partial<ReadSettings>) =>
        Pipeline.of(pipe(read(o), JetStreamIO.write({ stream: 'OUT', subject: 'out', coder: Encoder.text() })))
      const gives = (o: Partial<ReadSettings>, expected: ReadonlyArray<string>) =>
        pipe(
          read(o),
          PAssert.that(containsInAnyOrder(expected)),
          TestPipeline.run({ runner: DirectRunner.run({ strict: true, provide: provide() }) }),
        )
      const arrived = async (): Promise<ReadonlyArray<string>> => {
        const { state } = await jsm.streams.info('OUT')
        const stored = Array.from({ length: state.messages }, (_, i) => jsm.streams.getMessage('OUT', { seq: i + 1 }))
        return (await Promise.all(stored)).map(message => message?.string() ?? '')
      }

      it('carries what is read, what is written and checkpoints, and stays open', async () => {
        await orThrow(DirectRunner.run(place())(relay({ subjects: ['in.rare'] })))
        assert.deepStrictEqual(await arrived(), ['0', '10', '20', '30', '40', '50', '60', '70', '80', '90'])
        assert.isFalse(own.isClosed())
        assert.deepStrictEqual(JetStreamIO.openConnections(), [])
      })

      it('finds where to start by time and by subject, and which few subjects to ask for', async () => {
        await gives({ start: StartAt.lastPerSubject }, ['90', '99'])
        const last = await jsm.streams.getMessage('IN', { seq: 100 })
        await gives({ start: StartAt.time(Instant.ofMillis((last?.time.getTime() ?? 0) + 1)) }, [])
        await gives({ subjects: ['in.rare', 'in.never'], splitBy: SplitBy.subject() }, [
          '0',
          '10',
          '20',
          '30',
          '40',
          '50',
          '60',
          '70',
          '80',
          '90',
        ])
      })

      it('watches a key-value bucket', async () => {
        const seen: unknown[] = []
        const job = await orThrow(
          DirectRunner.start({ provide: provide() })(
            Pipeline.of(
              pipe(
                KvIO.watch({ bucket: 'flags', coder: Decoder.text }),
                P.orFail,
                P.map(({ key, value }) => seen.push([key, O.toNullable(value)])),
                P.ignore,
              ),
            ),
          ),
        )
        await until(() => seen.length === 1)
        assert.deepStrictEqual(seen, [['dark', 'on']])
        await job.cancel()
      })

      it('carries reads of queues, requests, atomic batches, and puts of keys and objects', async () => {
        await jsm.streams.add({ name: 'WORK', subjects: ['work'], retention: RetentionPolicy.Workqueue })
        await jsm.streams.add({ name: 'OBJ_images', subjects: ['$O.images.C.>', '$O.images.M.>'], allow_rollup_hdrs: true })
        const service = nc.subscribe('upper', { callback: (_, message) => void message.respond(message.string().toUpperCase()) })
        await jsm.streams.add({ name: 'BATCHES', subjects: ['batches.>'], allow_atomic: true })
        for (const text of ['a', 'b', 'c']) nc.publish('work', text)
        await nc.flush()
        const asked = pipe(
          read({ stream: 'WORK', acknowledge: Acknowledge.onCheckpoint, consumer: 'reader' }),
          NatsIO.request({ subject: 'upper', request: Encoder.text(), reply: Decoder.text }),
        )
        const puts = pipe(
          asked,
          P.map(([key, value]) => KvPut.of(key, value)),
          KvIO.write({ bucket: 'flags', coder: Encoder.text() }),
        )
        const objects = pipe(
          asked,
          P.map(([name]) => ({ name, data: new Uint8Array(200_000) })),
          ObjectStoreIO.write({ bucket: 'images' }),
        )
        const batches = pipe(
          asked,
          P.map(([, value]) => value),
          JetStreamIO.write({ stream: 'BATCHES', subject: 'batches.a', coder: Encoder.text(), delivery: Delivery.atomicBatch }),
        )
        await orThrow(DirectRunner.run(place())(Pipeline.of(puts, objects, batches)))
        service.unsubscribe()
        const { state } = await jsm.streams.info('BATCHES', { subjects_filter: 'batches.a' })
        assert.deepEqual(state.subjects, { 'batches.a': 3 })
        for (const key of ['a', 'b', 'c'])
          assert.equal((await jsm.streams.getMessage('KV_flags', { last_by_subj: `$KV.flags.${key}` }))?.string(), key.toUpperCase())
        const sizes: unknown[] = []
        const seen = pipe(
          ObjectStoreIO.list({ bucket: 'images' }),
          P.orFail,
          ObjectStoreIO.get({ bucket: 'images' }),
          P.map(([{ name }, data]) => sizes.push([name, data.length])),
          P.ignore,
        )
        await orThrow(DirectRunner.run({ provide: provide() })(Pipeline.of(seen)))
        assert.sameDeepMembers(sizes, [
          ['a', 200_000],
          ['b', 200_000],
          ['c', 200_000],
        ])
        assert.equal((await jsm.streams.info('WORK')).state.messages, 0)
        for (const stream of ['WORK', 'OBJ_images', 'BATCHES']) await jsm.streams.delete(stream)
        for (const key of ['a', 'b', 'c']) await jsm.streams.purge('KV_flags', { filter: `$KV.flags.${key}` })
      })

      it('ends what a client of JetStream reads through it when it is closed', async () => {
        const consumer = await jetstream(handedIn(own)).consumers.get('IN')
        const messages = await consumer.consume()
        const read: string[] = []
        const reading = (async () => {
          for await (const message of messages) read.push(message.string())
        })()
        await until(() => read.length === 100)
        await own.close()
        await reading
      })

      it('loses nothing when it is cut', async () => {
        const job = await orThrow(DirectRunner.start(place())(relay({ stream: 'CUT', stop: undefined })))
        for (let i = 0; i < 5; i++) {
          proxy.cut()
          nc.publish('cut', `after cut ${i}`)
          await pause(100)
        }
        const { state } = await jsm.streams.info('CUT')
        await until(async () => (await jsm.streams.info('OUT')).state.messages >= state.messages)
        await job.cancel()
        assert.lengthOf(await arrived(), state.messages)
        assert.sameMembers(
          [...new Set(await arrived())],
          [0, 1, 2, 3, 4].map(i => `after cut ${i}`),
        )
      })

      it('ends a run when its owner closes it, and begins none', async () => {
        const job = await orThrow(DirectRunner.start(place())(relay({ stop: undefined })))
        await until(async () => (await jsm.streams.info('OUT')).state.messages >= 100)
        await own.close()
        const ended = await job.done()
        assert.include(E.isLeft(ended) ? ended.left.message : 'no error', 'was closed')
        const begun = await DirectRunner.run(place())(relay({}))()
        assert.include(E.isLeft(begun) ? begun.left.message : 'no error', 'Hand in one that is open')
      })

      it('asks with the inbox prefix that it was made with', async () => {
        const restricted = await connectOwn({ servers: `127.0.0.1:${server.port}`, user: 'ann', pass: 'secret', inboxPrefix: '_INBOX_ann' })
        await orThrow(DirectRunner.run({ ...place(), provide: [JetStreamIO.existingConnection(restricted)] })(relay({})))
        assert.lengthOf(await arrived(), 100)
        await restricted.close()
      })

      it('fails with the errors of @nats-io, by class', async () => {
        const restricted = await connectOwn({ servers: `127.0.0.1:${proxy.port}`, user: 'ann', pass: 'secret', inboxPrefix: '_INBOX_ann' })
        const link = handedIn(restricted)
        const alone = await rejection(link.request('nobody.there'))
        assert.instanceOf(alone, errors.RequestError)
        assert.instanceOf(alone.cause, errors.NoRespondersError)
        nc.subscribe('silent')
        await nc.flush()
        assert.instanceOf(await rejection(link.request('silent', '', { timeout: 20 })), errors.TimeoutError)
        const refused = new Promise<Error | null>(resolve => link.subscribe('forbidden.too', { callback: error => resolve(error) }))
        assert.instanceOf(await refused, errors.PermissionViolationError)
        assert.throws(() => link.publish('large', new Uint8Array(2_000_000)), errors.InvalidArgumentError)
        await restricted.close()
        assert.throws(() => link.publish('in.often'), errors.ClosedConnectionError)
        assert.instanceOf(await rejection(link.request('in.often')), errors.ClosedConnectionError)
        assert.instanceOf(await rejection(link.flush()), errors.ClosedConnectionError)
      })

      it('tells of disconnects, reconnects and its end', async () => {
        const told: string[] = []
        const link = handedIn(own)
        const following = (async () => {
          for await (const { type } of link.status()) told.push(type)
        })()
        proxy.cut()
        await until(() => told.includes('reconnect'))
        await own.close()
        await following
        assert.deepStrictEqual(
          told.filter(type => type === 'disconnect' || type === 'reconnect' || type === 'close'),
          ['disconnect', 'reconnect', 'close'],
        )
      })
    })

  it('made by nats 2.29 is refused what it cannot do, by name', async () => {
    const own = await connectNats2({ servers: `127.0.0.1:${server.port}`, ...admin })
    const link = handedIn(own)
    const refusals = [
      ['traceDestination', () => link.publish('out', '', { traceDestination: 'here' })],
      ['traceOnly', () => link.publish('out', '', { traceOnly: true })],
      ['slow', () => link.subscribe('out', { slow: 10 })],
    ] as const
    for (const [name, use] of refusals) assert.throws(use, new RegExp(`nats\` 2\\.x has no .*${name}.*transport-node`))
    await own.close()
  })

  it('is refused by worker threads, with what to provide instead', async () => {
    const own = await connectNats2({ servers: `127.0.0.1:${server.port}`, ...admin })
    const provide: unknown = [JetStreamIO.existingConnection(own)]
    const ended = await WorkerThreadsRunner.run({ workers: 2, provide: provide as WorkerThreadsOptions['provide'] })(twoRelays())()
    assert.match(E.isLeft(ended) ? ended.left.message : 'no error', /cannot leave its thread.*JetStreamIO\.connection/)
    await own.close()
  })
})
