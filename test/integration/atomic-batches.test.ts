// Outputs in atomic batches with a marker, against a server that has them: each once, through lost answers, cuts, kills and writers that wake
// up too late.
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { assert } from 'chai'
import type { ConnectedSink, SinkContext, SinkSite } from '../../sdk/graph/sink.ts'
import type { SinkOptions } from '../../io/jetstream/sink.ts'
import type { RunningServer } from '../../io/jetstream/testing/index.ts'
import { hostContext, outputs, range, readAll, rejection, sinkContext, testSink, testSource, wait } from '../support/jetstream-context.ts'
import { startProgram } from '../support/program.ts'
import { recentServer } from '../support/recent-server.ts'
import { steadyConnection, whenBack } from '../support/steady-connection.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

const shard = 'stage@0'
const hourNs = 3_600_000_000_000

const siteOf = (generation: number, o: Partial<SinkSite> = {}): SinkSite => ({
  generation,
  shards: [shard],
  writers: 1,
  role: 'main',
  ...o,
})

interface Position {
  readonly _tag: string
  readonly markers: Readonly<Record<string, { readonly subject: string; readonly sequence: number }>>
}

describe('A sink that writes in atomic batches', () => {
  let server: RunningServer
  let nc: NatsConnection
  let jsm: JetStreamManager

  before(async () => {
    server = await recentServer()
    nc = await steadyConnection(server.url)
    jsm = await jetstreamManager(nc)
  })
  after(async () => {
    await nc.close()
    await server.stop()
  })

  let streams = 0
  const newStream = async (config: object = {}): Promise<string> => {
    const name = `B${++streams}`
    await jsm.streams.add({ name, subjects: [`${name}.>`], allow_atomic: true, duplicate_window: 100_000_000, ...config })
    return name
  }
  const open = (
    stream: string,
    context: Partial<SinkContext> = {},
    o: Partial<SinkOptions<never>> = {},
    url = server.url,
  ): Promise<ConnectedSink> => testSink(stream, o).connect(sinkContext(url, { mode: 'checkpointed', site: siteOf(1), ...context }))
  const commit = (
    sink: ConnectedSink,
    stream: string,
    epoch: number,
    positions: ReadonlyArray<number>,
    recovering = false,
    generation = 1,
  ): Promise<void> => sink.commit({ shard, generation, epoch }, outputs(`${stream}.a`, positions), recovering)
  /** What a pipeline that reads the stream gets, as positions, in order. */
  const stored = async (stream: string): Promise<ReadonlyArray<number>> => {
    const source = await testSource(stream).connect(hostContext(server.url))
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    const messages = await readAll(await source.open(split, { last: null, claimed: 0, note: null }))
    await source.close()
    return messages.map(m => Number(new TextDecoder().decode(m.payload).split(' ')[1]))
  }
  const markerOf = async (sink: ConnectedSink): Promise<Position['markers'][string]> => {
    const marker = ((await sink.flush()) as Position).markers[shard]
    assert.isDefined(marker)
    return marker
  }
  const batchesIn = (sink: ConnectedSink): number => sink.metrics()['batches'] ?? 0

  it('stores more than a thousand outputs of a checkpoint in order, in batches, and whoever reads the stream sees no marker', async () => {
    const stream = await newStream()
    const sink = await open(stream)
    await commit(sink, stream, 1, range(0, 2_500))
    await commit(sink, stream, 2, range(2_500, 2_600))
    assert.equal(batchesIn(sink), 4)
    await sink.close()
    assert.deepEqual(await stored(stream), range(0, 2_600))
    assert.equal((await jsm.streams.info(stream)).state.messages, 2_600 + 1 + 4, 'the claim, and a marker a batch')
  })

  it('knows that a batch is stored whose acknowledgment was lost', async () => {
    const stream = await newStream({ max_age: hourNs })
    const proxy = await tcpProxy(server.port)
    const sink = await open(stream, {}, {}, `nats://127.0.0.1:${proxy.port}`)
    // The answer to what a flush asks passes, and keeps those behind it waiting for minutes.
    proxy.throttle(1)
    await sink.flush()
    const committing = commit(sink, stream, 1, range(0, 700))
    while ((await jsm.streams.info(stream)).state.messages < 702) await wait(10)
    proxy.throttle(null)
    proxy.cut()
    await committing
    await commit(sink, stream, 2, range(700, 800))
    assert.deepInclude(sink.metrics(), { foundStored: 700, published: 100 })
    assert.strictEqual(sink.latency?.().count, 100, 'what was acknowledged was timed')
    await sink.close()
    await proxy.close()
    assert.deepEqual(await stored(stream), range(0, 800))
  })

  it('stores each output once while its connection is cut again and again, and its server killed', async () => {
    const stream = await newStream()
    const proxy = await tcpProxy(server.port)
    const sink = await open(stream, {}, { window: { messages: 200, bytes: 1_000_000 } }, `nats://127.0.0.1:${proxy.port}`)
    const writing = (async () => {
      for (let epoch = 1; epoch <= 20; epoch++) await commit(sink, stream, epoch, range(epoch * 500, (epoch + 1) * 500))
    })()
    for (let i = 0; i < 5; i++) {
      await wait(60)
      proxy.cut()
    }
    await server.kill()
    await wait(200)
    await server.restart()
    await writing
    assert.isAbove(sink.metrics()['recoveries'] ?? 0, 0)
    await sink.close()
    await proxy.close()
    await whenBack(nc)
    assert.deepEqual(await stored(stream), range(500, 10_500))
  })

  it('goes on in the middle of a checkpoint that the process before it had published in part', async () => {
    const stream = await newStream({ max_age: hourNs })
    const proxy = await tcpProxy(server.port)
    const crash = new AbortController()
    const first = await open(
      stream,
      { signal: crash.signal },
      { window: { messages: 100, bytes: 1_000_000 } },
      `nats://127.0.0.1:${proxy.port}`,
    )
    proxy.throttle(1)
    const checkpoint = await first.flush()
    const committing = rejection(commit(first, stream, 4, range(0, 1_000)))
    while ((await jsm.streams.info(stream)).state.messages < 102) await wait(10)
    crash.abort()
    assert.equal((await committing).name, 'Closed')
    const second = await open(stream, { protocol: first.protocol, restored: checkpoint, site: siteOf(2) })
    await commit(second, stream, 4, range(0, 1_000), true)
    assert.deepInclude(second.metrics(), { skipped: 100, published: 900 })
    await Promise.all([first.close(), second.close(), proxy.close()])
    assert.deepEqual(await stored(stream), range(0, 1_000))
  })

  it('keeps a process out that was stopped while its successor went on', async () => {
    const stream = await newStream()
    const old = startProgram('./batch-writer.ts', [server.url, stream, '1500'])
    try {
      while (!old.errors().includes('durable 4')) await wait(5)
      old.signal('SIGSTOP')
      await wait(100)
      const durable = Number(/durable (\d+)\s*$/.exec(old.errors())?.[1])
      const successor = await open(stream, { site: siteOf(2) })
      await commit(successor, stream, durable, range(durable * 1_500, (durable + 1) * 1_500), true)
      old.signal('SIGCONT')
      for (let epoch = durable + 1; epoch < durable + 4; epoch++)
        await commit(successor, stream, epoch, range(epoch * 1_500, (epoch + 1) * 1_500), false, 2)
      assert.equal(await old.ended, 1)
      assert.match(old.errors(), /Fenced\s*$/)
      await successor.close()
      assert.deepEqual(await stored(stream), range(1_500, (durable + 4) * 1_500))
    } finally {
      old.signal('SIGKILL')
    }
  })

  it('lets a successor take over tasks that have never published, and the tasks of another layout', async () => {
    const stream = await newStream()
    const two = siteOf(1, { shards: ['stage@0', 'stage@1'] })
    const first = await open(stream, { site: two })
    const second = await open(stream, { protocol: first.protocol, site: siteOf(2) })
    for (const task of two.shards) {
      const late = await rejection(first.commit({ shard: task, generation: 1, epoch: 1 }, outputs(`${stream}.a`, [1]), false))
      assert.equal(late.name, 'Fenced')
    }
    await first.close()
    await second.close()
    assert.deepEqual(await stored(stream), [])
  })

  it('begins markers of its own after a rollback, and keeps writers of the run before it out', async () => {
    const stream = await newStream()
    const first = await open(stream)
    await commit(first, stream, 1, range(0, 10))
    const newest = await first.flush()
    const second = await open(stream, { runId: 'run-2', fromSavepoint: true, replaced: newest, site: siteOf(2) })
    const late = await rejection(commit(first, stream, 2, range(10, 20)))
    assert.equal(late.name, 'Fenced')
    await commit(second, stream, 1, range(0, 10), false, 2)
    assert.notEqual((await markerOf(second)).subject, (newest as Position).markers[shard]?.subject)
    await first.close()
    await second.close()
    assert.deepEqual(await stored(stream), [...range(0, 10), ...range(0, 10)])
  })

  it('writes its marker again before the limits of the stream reach it', async () => {
    const stream = await newStream({ max_msgs: 10_000 })
    const others = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) nc.publish(`${stream}.other`)
      await nc.flush()
      await jetstream(nc).publish(`${stream}.other`)
    }
    const sink = await open(stream)
    const before = await markerOf(sink)
    await others(6_000)
    const refreshed = await markerOf(sink)
    assert.isAbove(refreshed.sequence, before.sequence)
    await others(9_000)
    await commit(sink, stream, 1, range(0, 10))
    assert.equal(sink.metrics()['refreshed'], 1)
    await sink.close()
  })

  it('fails where its marker is gone, and publishes nothing then', async () => {
    const stream = await newStream()
    const first = await open(stream)
    await commit(first, stream, 1, [1, 2])
    const checkpoint = await first.flush()
    await jsm.streams.purge(stream)
    assert.equal((await rejection(commit(first, stream, 2, [3]))).name, 'RecoveryImpossible')
    await first.close()
    const error = await rejection(open(stream, { restored: checkpoint, site: siteOf(2) }))
    assert.equal(error.name, 'RecoveryImpossible')
    assert.include(error.message, 'is gone')
    assert.equal((await jsm.streams.info(stream)).state.messages, 0)
  })

  it('writes to several streams, to each in the best way that it has', async () => {
    const [batched, named] = [await newStream(), await newStream({ allow_atomic: false })]
    const both = { streams: [batched, named] }
    const first = await open('', {}, both)
    assert.equal(first.way, 'atomicBatch, messageIds')
    const mixed = (from: number, to: number) => {
      const rows = outputs(`${batched}.a`, range(from, to))
      return { ...rows, destinations: rows.destinations.map((_, i) => `${i % 2 === 0 ? batched : named}.a`) }
    }
    const checkpoint = await first.flush()
    await first.commit({ shard, generation: 1, epoch: 1 }, mixed(0, 3_000), false)
    await first.close()
    await wait(200)
    const second = await open('', { protocol: first.protocol, restored: checkpoint, site: siteOf(2) }, both)
    await second.commit({ shard, generation: 1, epoch: 1 }, mixed(0, 3_000), true)
    await second.commit({ shard, generation: 2, epoch: 2 }, mixed(3_000, 3_100), false)
    const stray = await rejection(second.commit({ shard, generation: 2, epoch: 3 }, outputs('nobody.takes.this', [1]), false))
    assert.equal(stray.name, 'SubjectNotInStream')
    await second.close()
    assert.deepEqual(
      await stored(batched),
      range(0, 3_100).filter(i => i % 2 === 0),
    )
    assert.deepEqual(
      await stored(named),
      range(0, 3_100).filter(i => i % 2 === 1),
    )
  })

  it('only looks where it is asked what it guarantees', async () => {
    const stream = await newStream()
    const sink = await open(stream, { site: siteOf(0, { shards: [], role: 'look' }) })
    assert.include(
      sink.guarantee,
      `exactly once by atomic batches, published once their checkpoint is durable, because the stream takes atomic batches and the server is ${server.version}`,
    )
    await sink.close()
    assert.equal((await jsm.streams.info(stream)).state.messages, 0)
  })

  it('is chosen where it can be, and refused with the reason and the remedy where it is asked for and cannot be', async () => {
    const refusals = [
      [{ allow_atomic: false }, {}, /does not take atomic batches\. Set its allow_atomic/],
      [{ subjects: ['ALONE'] }, {}, /has room for a marker\. Add one with a wildcard, such as _jetbeam\./],
      [{ max_msgs: 500 }, {}, /has max_msgs 500, and its marker must outlast every stop\. Raise it to 10000/],
      [{ max_age: 5_000_000_000 }, {}, /max_age 5000 ms/],
      [{ retention: 'workqueue' }, {}, /its consumers would take the marker away/],
      [{ discard: 'new', discard_new_per_subject: true, max_msgs_per_subject: 5 }, {}, /discard_new_per_subject/],
      [{}, { mode: 'immediate' }, /outputs leave at once, one by one/],
    ] as const
    for (const [config, context, reason] of refusals) {
      const stream = await newStream(config)
      const error = await rejection(open(stream, context, { delivery: 'atomicBatch' }))
      assert.equal(error.name, 'UnsafeDestination')
      assert.match(error.message, reason)
      await jsm.streams.delete(stream)
    }
    const stream = await newStream()
    for (const [delivery, way] of [
      ['exactlyOnce', 'atomicBatch'],
      ['atomicBatch', 'atomicBatch'],
      ['messageIds', 'messageIds'],
      ['chain', 'chain'],
    ] as const) {
      const sink = await open(stream, {}, { delivery })
      assert.equal(sink.way, way)
      await sink.close()
    }
    // What keeps only a subject's last message will do for a marker, and not for ids.
    const latest = await newStream({ max_msgs_per_subject: 1 })
    const sink = await open(latest)
    assert.equal(sink.way, 'atomicBatch')
    await sink.close()
  })

  it('goes on as its run was begun, and says so where another way is asked for', async () => {
    const stream = await newStream()
    const ids = await open(stream, {}, { delivery: 'messageIds' })
    await ids.close()
    const same = await open(stream, { protocol: ids.protocol })
    assert.equal(same.way, 'messageIds')
    await same.close()
    const error = await rejection(open(stream, { protocol: ids.protocol }, { delivery: 'atomicBatch' }))
    assert.match(error.message, /was begun with delivery: Delivery\.messageIds, and Delivery\.atomicBatch finds no trace/)
  })

  describe('whose markers consumers would receive', () => {
    /** By a consumer of the server's, as another program has it. */
    const receivedBy = async (stream: string, filter: string): Promise<ReadonlyArray<string>> => {
      const subjects: string[] = []
      const consumer = await jetstream(nc).consumers.get(stream, { filter_subjects: [filter] })
      const { num_pending: pending } = await consumer.info()
      for await (const { subject } of await consumer.fetch({ max_messages: pending })) subjects.push(subject)
      return subjects
    }

    it('says on which subject they lie', async () => {
      const stream = await newStream()
      const sink = await open(stream)
      assert.include(
        sink.guarantee,
        `Each batch ends with a marker on ${stream}._jetbeam-ID: a message that every consumer of ${stream} receives, unless its filter leaves that subject out (the option markerSubject`,
      )
      await commit(sink, stream, 1, range(0, 3))
      const markers = (await receivedBy(stream, `${stream}.>`)).filter(subject => subject !== `${stream}.a`)
      assert.isNotEmpty(markers)
      for (const subject of markers) assert.match(subject, new RegExp(`^${stream}\\._jetbeam-`))
      await sink.close()
    })

    it('puts them on markerSubject, which consumers of its outputs do not read', async () => {
      const stream = `B${++streams}`
      await jsm.streams.add({ name: stream, subjects: [`${stream}.>`, `apart.${stream}.>`], allow_atomic: true })
      const sink = await open(stream, {}, { markerSubject: `apart.${stream}.>` })
      assert.include(sink.guarantee, `a marker on apart.${stream}._jetbeam-ID`)
      await commit(sink, stream, 1, range(0, 3))
      assert.deepEqual(await receivedBy(stream, `${stream}.>`), [`${stream}.a`, `${stream}.a`, `${stream}.a`])
      assert.match((await markerOf(sink)).subject, new RegExp(`^apart\\.${stream}\\._jetbeam-`))
      await sink.close()
      const after = await open(stream, { protocol: sink.protocol })
      assert.match(
        (await markerOf(after)).subject,
        new RegExp(`^apart\\.${stream}\\._jetbeam-`),
        'a run keeps to the subject that it began with',
      )
      await after.close()
    })

    it('refuses a markerSubject that the stream does not take', async () => {
      const stream = await newStream()
      const error = await rejection(open(stream, {}, { markerSubject: 'elsewhere.>' }))
      assert.equal(error.name, 'InvalidOptions')
      assert.include(error.message, `the stream ${stream} does not take elsewhere.>, the markerSubject. Its subjects are ${stream}.>`)
    })
  })
})
