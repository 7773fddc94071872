// Puts into a key-value bucket of a real server: what a key holds once they are made, made again, in doubt, or too late.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import { Create, Decoder, Encoder, PCollection, Pipeline, orThrow, pipe } from '../../sdk/index.ts'
import { emptyOutputs, type OutputBatch } from '../../sdk/graph/sink.ts'
import { JetStreamIO, JetStreamIOError, KvIO, KvPut, StopAt } from '../../io/jetstream/index.ts'
import { type ConflictPolicy, kvSinkOf } from '../../io/jetstream/kv-sink.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { rejection, sinkContext } from '../support/jetstream-context.ts'
import { natsPlace } from '../support/nats-place.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

type Row = readonly [key: string, value: string, expected?: number]

const bytes = new TextEncoder()

const rows = (all: ReadonlyArray<Row>): OutputBatch => {
  const out = emptyOutputs()
  for (const [key, value, expected] of all) {
    out.destinations.push(`$KV.flags.${key}`)
    out.headers.push(expected === undefined ? null : { 'Nats-Expected-Last-Subject-Sequence': [`${expected}`] })
    out.payloads.push(bytes.encode(value))
  }
  return out
}

describe('KvIO.write', () => {
  const place = natsPlace()
  let jsm: JetStreamManager
  const id = { shard: 'a', generation: 1, epoch: 1 }

  beforeEach(async () => {
    jsm = await jetstreamManager(place.nc())
    await jsm.streams.add({ name: 'KV_flags', subjects: ['$KV.flags.>'], max_msgs_per_subject: 64, allow_rollup_hdrs: true })
  })
  afterEach(() => jsm.streams.delete('KV_flags'))

  const server = (): string => place.nc().getServer()
  const connected = (servers = server(), onConflict: ConflictPolicy = 'fail') =>
    kvSinkOf<never>({ bucket: 'flags', label: 'KvIO.write(flags)', connection: undefined, onConflict, encode: () => undefined }).connect(
      sinkContext(servers, { mode: 'checkpointed' }),
    )
  const valueOf = async (key: string) => (await jsm.streams.getMessage('KV_flags', { last_by_subj: `$KV.flags.${key}` }))?.string() ?? null
  const revisionOf = async (key: string) => (await jsm.streams.getMessage('KV_flags', { last_by_subj: `$KV.flags.${key}` }))?.seq ?? 0

  it('puts and deletes what a pipeline gives, in order', async () => {
    const puts = [KvPut.of('sky', 'grey'), KvPut.of('sea', 'green'), KvPut.of('sky', 'blue'), KvPut.delete('sea')]
    const place1 = place.options('puts')
    const write = KvIO.write({ bucket: 'flags', coder: Encoder.text() })
    await orThrow(DirectRunner.run(place1)(Pipeline.of(pipe(Create.of(puts), write))))
    assert.strictEqual(await valueOf('sky'), 'blue')
    const seen: unknown[] = []
    const read = JetStreamIO.readMessages({ stream: 'KV_flags', coder: Decoder.text, stop: StopAt.end })
    const look = PCollection.map((m: { subject: string; value: string; headers: Readonly<Record<string, ReadonlyArray<string>>> }) =>
      seen.push([m.subject, m.value, m.headers['KV-Operation']?.[0]]),
    )
    await orThrow(DirectRunner.run({ provide: place1.provide })(Pipeline.of(pipe(read, PCollection.orFail, look, PCollection.ignore))))
    assert.deepStrictEqual(seen, [
      ['$KV.flags.sky', 'grey', undefined],
      ['$KV.flags.sea', 'green', undefined],
      ['$KV.flags.sky', 'blue', undefined],
      ['$KV.flags.sea', '', 'DEL'],
    ])
  })

  it('leaves each key as it was when a checkpoint is committed again', async () => {
    const sink = await connected()
    const all = rows([
      ['a', 'first'],
      ['b', 'only'],
      ['a', 'newest'],
    ])
    await sink.commit(id, all, false)
    await sink.commit(id, all, true)
    assert.deepStrictEqual([await valueOf('a'), await valueOf('b')], ['newest', 'only'])
    assert.deepInclude(sink.metrics(), { put: 6, conflicts: 0, again: 0 })
    assert.strictEqual(sink.latency?.().count, 6)
    await sink.close()
  })

  it('ends with the newest value of each key while its connection is cut again and again', async () => {
    const proxy = await tcpProxy(Number(server().split(':').at(-1)))
    const sink = await connected(`127.0.0.1:${proxy.port}`)
    const all = rows(Array.from({ length: 3_000 }, (_, i) => [`k${i % 7}`, `${i}`] as const))
    const cutting = setInterval(() => proxy.cut(), 700)
    try {
      let cuts = 0
      for (let epoch = 1; cuts < 3; epoch++) {
        await sink.commit({ ...id, epoch }, all, false)
        assert.strictEqual(sink.metrics()['put'], epoch * 3_000, 'each is known to have been put')
        cuts = sink.metrics()['again'] ?? 0
      }
    } finally {
      clearInterval(cutting)
      await sink.close()
      await proxy.close()
    }
    for (let k = 0; k < 7; k++) assert.strictEqual(await valueOf(`k${k}`), `${2_999 - ((2_999 - k) % 7)}`)
  })

  it('puts where the key is at the revision that is expected, and nowhere else', async () => {
    const sink = await connected()
    await sink.commit(id, rows([['a', 'one', 0]]), false)
    const revision = await revisionOf('a')
    await sink.commit({ ...id, epoch: 2 }, rows([['a', 'two', revision]]), false)
    assert.strictEqual(await valueOf('a'), 'two')
    const late = await rejection(sink.commit({ ...id, epoch: 3 }, rows([['a', 'late', revision]]), false))
    assert.strictEqual(late.name, 'RevisionConflict')
    assert.include(late.message, `the key a is no longer at revision ${revision}`)
    const there = await rejection(sink.commit({ ...id, epoch: 4 }, rows([['a', 'new', 0]]), false))
    assert.strictEqual(there.name, 'RevisionConflict')
    assert.strictEqual(await valueOf('a'), 'two')
    await sink.close()
  })

  it('passes over what comes too late, and counts it, where that is asked for', async () => {
    const sink = await connected(server(), 'skip')
    await sink.commit(
      id,
      rows([
        ['a', 'one', 7],
        ['b', 'one', 0],
        ['c', 'one'],
      ]),
      false,
    )
    assert.deepStrictEqual([await valueOf('a'), await valueOf('b'), await valueOf('c')], [null, 'one', 'one'])
    assert.deepInclude(sink.metrics(), { put: 2, conflicts: 1, again: 0 })
    await sink.close()
  })

  it('knows what it put before a crash, also where it expected a revision', async () => {
    const all = rows([
      ['a', 'one', 0],
      ['b', 'one', 0],
    ])
    const [first, second] = [await connected(), await connected()]
    await first.commit(id, all, false)
    await second.commit(id, all, true)
    const other = await rejection(second.commit({ ...id, epoch: 2 }, all, false))
    assert.strictEqual(other.name, 'RevisionConflict')
    await Promise.all([first.close(), second.close()])
  })

  it('takes a deleted key for one that is not there', async () => {
    const sink = await connected()
    const deletion = rows([['a', '']])
    deletion.headers[0] = { 'KV-Operation': ['DEL'] }
    await sink.commit(id, rows([['a', 'one']]), false)
    await sink.commit({ ...id, epoch: 2 }, deletion, false)
    await sink.commit({ ...id, epoch: 3 }, rows([['a', 'again', 0]]), false)
    assert.strictEqual(await valueOf('a'), 'again')
    await sink.close()
  })

  it('keeps the order of a key whose revisions are expected', async () => {
    const sink = await connected()
    const next = (await revisionOf('b')) + 1
    await sink.commit(
      id,
      rows([
        ['b', 'one'],
        ['b', 'two', next],
        ['b', 'three'],
      ]),
      false,
    )
    assert.strictEqual(await valueOf('b'), 'three')
    await sink.close()
  })

  it('says that a bucket does not exist, or no longer does', async () => {
    const sink = await connected()
    await jsm.streams.delete('KV_flags')
    const gone = await rejection(sink.commit(id, rows([['a', 'one']]), false))
    assert.strictEqual(gone.name, 'StreamNotFound')
    await sink.close()
    assert.strictEqual((await rejection(connected())).name, 'StreamNotFound')
    await jsm.streams.add({ name: 'KV_flags', subjects: ['$KV.flags.>'] })
  })

  it('is refused with a key or a revision that is none, and where it would watch what it puts', async () => {
    const write = KvIO.write({ bucket: 'flags', coder: Encoder.text() })
    const run = (put: KvPut<string>) =>
      rejection(orThrow(DirectRunner.run(place.options('refused'))(Pipeline.of(pipe(Create.of([put]), write)))))
    assert.include((await run(KvPut.of('a.*', 'x'))).message, '"a.*" is no key')
    assert.include((await run(KvPut.of('a', 'x', { expected: -1 }))).message, 'revision -1')
    const echo = pipe(
      KvIO.watch({ bucket: 'flags', coder: Decoder.text }),
      PCollection.orFail,
      PCollection.map(({ key }) => KvPut.of(key, 'x')),
      write,
    )
    assert.include(
      (await rejection(orThrow(DirectRunner.run(place.options('echo'))(Pipeline.of(echo))))).message,
      'would read what it writes',
    )
    assert.throws(() => KvIO.write({ bucket: 'a.b', coder: Encoder.text() }), JetStreamIOError, 'a.b')
  })
})
