// Writing to a real stream: each output once through crashes of the server and of the writer, and what is refused.
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { assert } from 'chai'
import type { ConnectedSink, SinkContext } from '../../sdk/graph/sink.ts'
import { StopAt } from '../../io/jetstream/index.ts'
import type { SinkOptions } from '../../io/jetstream/sink.ts'
import { doubtfulLease } from '../support/doubtful-lease.ts'
import { hostContext, outputs, range, readAll, rejection, sinkContext, testSink, testSource, wait } from '../support/jetstream-context.ts'
import { NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import { steadyConnection, whenBack } from '../support/steady-connection.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

const shortestWindow = 100_000_000

describe('JetStreamIO.write', () => {
  let server: RunningServer
  let nc: NatsConnection
  let jsm: JetStreamManager

  before(async () => {
    server = await NatsServer.start({ control: true })
    nc = await steadyConnection(server.url)
    jsm = await jetstreamManager(nc)
  })
  after(async () => {
    await nc.close()
    await server.stop()
  })

  let streams = 0
  const newStream = async (config: object = {}): Promise<string> => {
    const name = `D${++streams}`
    await jsm.streams.add({ name, subjects: [`${name}.>`], ...config })
    return name
  }
  const open = (
    stream: string,
    context: Partial<SinkContext> = {},
    url = server.url,
    o: Partial<SinkOptions<never>> = {},
  ): Promise<ConnectedSink> => testSink(stream, o).connect(sinkContext(url, context))
  const feed = async (sink: ConnectedSink, subject: string, positions: ReadonlyArray<number>, pauseMs = 0): Promise<void> => {
    for (let i = 0; i < positions.length; i += 100) {
      sink.publish('origin', outputs(subject, positions.slice(i, i + 100)))
      if (sink.congested()) await new Promise<void>(resolve => sink.onReady(resolve))
      if (pauseMs > 0) await wait(pauseMs)
    }
  }
  /** The payloads in the stream, as positions, sorted. */
  const stored = async (stream: string): Promise<ReadonlyArray<number>> => {
    const source = await testSource(stream, { stop: StopAt.end }).connect(hostContext(server.url))
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    const messages = await readAll(await source.open(split, { last: null, claimed: 0, note: null }))
    await source.close()
    return messages.map(m => Number(new TextDecoder().decode(m.payload).split(' ')[1])).sort((a, b) => a - b)
  }

  const positionOf = (recorded: unknown): number => (recorded as { readonly lastSequence: number }).lastSequence

  it('publishes in order and says where the destination stands', async () => {
    const stream = await newStream()
    const sink = await open(stream)
    await feed(sink, `${stream}.a`, range(0, 10_000))
    // A position is taken when it is asked for: only the second time is everything known to be stored.
    assert.isAtMost(positionOf(await sink.flush()), 10_000)
    assert.equal(positionOf(await sink.flush()), 10_000)
    await sink.close()
    assert.deepEqual(await stored(stream), range(0, 10_000))
  })

  it('stores each output once while the server is killed five times', async () => {
    const stream = await newStream({ duplicate_window: shortestWindow })
    const sink = await open(stream)
    const feeding = feed(sink, `${stream}.a`, range(0, 20_000), 8)
    for (let i = 0; i < 5; i++) {
      await wait(250)
      await server.kill()
      await wait(i === 2 ? 600 : 50)
      await server.restart()
    }
    await feeding
    await sink.flush()
    assert.isAbove(sink.metrics()['recoveries'] ?? 0, 0)
    await whenBack(nc)
    assert.deepEqual(await stored(stream), range(0, 20_000))
    await sink.close()
  })

  it('stores each output once through an outage longer than the duplicate window', async () => {
    const stream = await newStream({ duplicate_window: shortestWindow })
    const sink = await open(stream)
    await feed(sink, `${stream}.a`, range(0, 4_000))
    await server.kill()
    const feeding = feed(sink, `${stream}.a`, range(4_000, 6_000))
    await wait(1_500)
    await server.restart()
    await feeding
    await sink.flush()
    await whenBack(nc)
    assert.deepEqual(await stored(stream), range(0, 6_000))
    await sink.close()
  })

  it('stores each output once while its connection is cut again and again', async () => {
    const stream = await newStream({ duplicate_window: shortestWindow })
    const proxy = await tcpProxy(server.port)
    const sink = await open(stream, {}, `nats://127.0.0.1:${proxy.port}`)
    const feeding = feed(sink, `${stream}.a`, range(0, 10_000), 8)
    for (let i = 0; i < 6; i++) {
      await wait(150)
      proxy.cut()
    }
    await feeding
    await sink.flush()
    assert.deepEqual(await stored(stream), range(0, 10_000))
    await sink.close()
    await proxy.close()
  })

  it('stores each output once when nothing passes for longer than an acknowledgment may take', async () => {
    const stream = await newStream({ duplicate_window: shortestWindow })
    const proxy = await tcpProxy(server.port)
    const sink = await open(stream, {}, `nats://127.0.0.1:${proxy.port}`)
    await feed(sink, `${stream}.a`, range(0, 1_000))
    proxy.stall(true)
    await feed(sink, `${stream}.a`, range(1_000, 3_000))
    await wait(6_500)
    proxy.stall(false)
    await sink.flush()
    assert.deepEqual(await stored(stream), range(0, 3_000))
    await sink.close()
    await proxy.close()
  })

  it('skips, after a restart, what the run before it had already published', async () => {
    const stream = await newStream({ duplicate_window: shortestWindow })
    const first = await open(stream)
    const { protocol } = first
    await feed(first, `${stream}.a`, range(0, 500))
    await first.flush()
    const checkpoint = await first.flush()
    await feed(first, `${stream}.a`, range(500, 900))
    await first.flush()
    await first.close()
    await wait(300)
    // The crash came after the outputs and before the next checkpoint: the records from 500 on are read again.
    const second = await open(stream, { protocol, restored: checkpoint })
    await feed(second, `${stream}.a`, range(500, 700))
    const early = await second.flush()
    assert.include(early, { lastSequence: 500 }, 'what is still to be replayed must be found by the next scan, too')
    await second.close()
    const third = await open(stream, { protocol, restored: early })
    await feed(third, `${stream}.a`, range(700, 1_200))
    assert.strictEqual(third.recalls?.(), true, 'what is read may not go elsewhere yet')
    third.passed?.(new Map([['origin', 1_199]]))
    assert.strictEqual(third.recalls?.(), false)
    await third.flush()
    assert.include(await third.flush(), { lastSequence: 1_200 })
    assert.equal(third.metrics()['skipped'], 200)
    await third.close()
    assert.deepEqual(await stored(stream), range(0, 1_200))
  })

  it('publishes a checkpoint’s outputs once, however often it is committed', async () => {
    const stream = await newStream({ duplicate_window: shortestWindow })
    const id = { shard: 'stage/1', generation: 2, epoch: 7 }
    const first = await open(stream, { mode: 'checkpointed' })
    const checkpoint = await first.flush()
    await first.commit(id, outputs(`${stream}.a`, range(0, 300)), false)
    await first.close()
    await wait(300)
    const second = await open(stream, { mode: 'checkpointed', protocol: first.protocol, restored: checkpoint })
    await second.commit(id, outputs(`${stream}.a`, range(0, 400)), true)
    await second.commit({ ...id, epoch: 8 }, outputs(`${stream}.a`, range(400, 500)), false)
    assert.include(await second.flush(), { lastSequence: 500 })
    await second.close()
    assert.deepEqual(await stored(stream), range(0, 500))
  })

  it('goes on from where its destination stands once a checkpoint is committed again, whatever earlier checkpoints lie behind', async () => {
    const stream = await newStream()
    const id = { shard: 'stage/1', generation: 2, epoch: 6 }
    const first = await open(stream, { mode: 'checkpointed' })
    // As where another worker has published nothing since: its position is the one that counts.
    const checkpoint = await first.flush()
    await first.commit(id, outputs(`${stream}.a`, range(0, 100)), false)
    await first.commit({ ...id, epoch: 7 }, outputs(`${stream}.a`, range(100, 200)), false)
    await first.close()
    const second = await open(stream, { mode: 'checkpointed', protocol: first.protocol, restored: checkpoint })
    await second.commit({ ...id, epoch: 7 }, outputs(`${stream}.a`, range(100, 200)), true)
    await second.flush()
    await second.flush()
    assert.include(await second.flush(), { lastSequence: 200 })
    assert.equal(second.metrics()['skipped'], 100)
    await second.close()
    assert.deepEqual(await stored(stream), range(0, 200))
  })

  it('fails when what it would have to look through was erased', async () => {
    const stream = await newStream()
    const first = await open(stream)
    const checkpoint = await first.flush()
    await feed(first, `${stream}.a`, range(0, 100))
    await first.flush()
    await first.close()
    await jsm.streams.purge(stream)
    assert.equal((await rejection(open(stream, { protocol: first.protocol, restored: checkpoint }))).name, 'RecoveryImpossible')
  })

  it('goes on with a warning where single messages were deleted, which may have been those of another writer', async () => {
    const stream = await newStream()
    const first = await open(stream)
    const checkpoint = await first.flush()
    await feed(first, `${stream}.a`, range(0, 100))
    await first.flush()
    await first.close()
    await jsm.streams.deleteMessage(stream, 50)
    const logged: string[] = []
    const log = (level: string, message: string): void => void logged.push(`${level}: ${message}`)
    const second = await open(stream, { protocol: first.protocol, restored: checkpoint, log })
    assert.match(logged.join('\n'), /warn: .*1 messages from sequence 1 of the stream .* were deleted one by one/)
    await feed(second, `${stream}.a`, range(0, 110))
    await second.flush()
    await second.close()
    // Within the duplicate window the server drops what it still knows, the deleted one among it.
    assert.deepEqual(
      await stored(stream),
      range(0, 110).filter(n => n !== 49),
    )
  })

  it('names the subject that its stream does not take', async () => {
    const stream = await newStream()
    const other = await newStream()
    const elsewhere = await open(stream)
    await feed(elsewhere, `${other}.a`, [1])
    const stray = await rejection(elsewhere.flush())
    assert.equal(stray.name, 'SubjectNotInStream')
    assert.include(stray.message, other)
    await elsewhere.close()
    const nowhere = await open(stream)
    await feed(nowhere, 'nobody.takes.this', [1])
    const lost = await rejection(nowhere.flush())
    assert.equal(lost.name, 'SubjectNotInStream')
    assert.include(lost.message, 'nobody.takes.this')
    assert.equal(nowhere.failure(), lost)
    await nowhere.close()
    assert.equal((await rejection(open(stream, {}, server.url, { subject: 'nobody.takes.this' }))).name, 'SubjectNotInStream')
  })

  it('refuses exactly-once where the stream would defeat it, and says what to do', async () => {
    const configurations: ReadonlyArray<readonly [config: object, word: string]> = [
      [{ retention: 'workqueue' }, 'workqueue'],
      [{ retention: 'interest' }, 'interest'],
      [{ max_msgs_per_subject: 1 }, 'max_msgs_per_subject'],
      [{ max_msgs: 100 }, 'max_msgs'],
      [{ max_age: 10_000_000_000, duplicate_window: 1_000_000_000 }, 'max_age'],
      [{ no_ack: true }, 'no_ack'],
    ]
    for (const [config, word] of configurations) {
      const stream = await newStream(config)
      const error = await rejection(open(stream))
      assert.equal(error.name, 'UnsafeDestination')
      assert.include(error.message, word)
      if (word === 'no_ack') continue
      const plain = await open(stream, { mode: 'plain' }, server.url, { delivery: 'atLeastOnce' })
      await feed(plain, `${stream}.a`, [1, 2])
      await plain.flush()
      await plain.close()
    }
  })

  it('sends nothing while the lease of its job is in doubt, for another may have sent it meanwhile', async () => {
    const stream = await newStream()
    const lease = doubtfulLease()
    const sink = await open(stream, { lease })
    await feed(sink, `${stream}.a`, range(0, 10))
    await sink.flush()
    lease.doubt()
    sink.publish('origin', outputs(`${stream}.a`, range(10, 20)))
    assert.equal(sink.metrics()['inFlight'], 0)
    lease.hold()
    await sink.flush()
    assert.deepEqual(await stored(stream), range(0, 20))
    await sink.close()
  })

  it('ends a commit and a flush that wait for a lease which is lost, and sends nothing', async () => {
    const stream = await newStream()
    const lease = doubtfulLease()
    const sink = await open(stream, { lease, mode: 'checkpointed' })
    lease.doubt()
    const committing = rejection(sink.commit({ shard: 'a@0', generation: 1, epoch: 1 }, outputs(`${stream}.a`, range(0, 10)), true))
    lease.lose(new Error('another process took over'))
    assert.include((await committing).message, 'another process took over')
    assert.include((await rejection(sink.flush())).message, 'another process took over')
    assert.deepEqual(await stored(stream), [])
    await sink.close()
  })

  it('refuses to write into what its own pipeline reads', async () => {
    const stream = await newStream()
    const sources = [{ stream, subjects: [`${stream}.in.>`] }]
    assert.equal((await rejection(open(stream, { sources: [{ stream, subjects: [] }] }))).name, 'FeedbackLoop')
    assert.equal((await rejection(open(stream, { sources }, server.url, { subject: `${stream}.in.a` }))).name, 'FeedbackLoop')
    const sink = await open(stream, { sources })
    await feed(sink, `${stream}.out.a`, [1])
    await sink.flush()
    assert.throws(() => sink.publish('origin', outputs(`${stream}.in.a`, [2])), /for ever/)
    await sink.close()
  })

  it('publishes again without ids what was in doubt, when once is not asked for', async () => {
    const stream = await newStream()
    const proxy = await tcpProxy(server.port)
    const sink = await open(stream, { mode: 'plain' }, `nats://127.0.0.1:${proxy.port}`, { delivery: 'atLeastOnce' })
    const feeding = feed(sink, `${stream}.a`, range(0, 5_000), 5)
    await wait(100)
    proxy.cut()
    await feeding
    await sink.flush()
    assert.deepEqual([...new Set(await stored(stream))], range(0, 5_000))
    await sink.close()
    await proxy.close()
  })

  it('keeps ids apart from those of another sink and another run', async () => {
    const stream = await newStream()
    for (const context of [{ sinkId: 'a' }, { sinkId: 'b' }, { sinkId: 'a', runId: 'run-2' }]) {
      const sink = await open(stream, context)
      await feed(sink, `${stream}.a`, range(0, 10))
      await sink.flush()
      await sink.close()
    }
    assert.lengthOf(await stored(stream), 30)
    const info = await jetstream(nc).streams.get(stream)
    assert.equal((await info.info()).state.messages, 30)
  })
})
