// Where a read ends, and what a list of keys holds: shown by the stream's leader, not by a consumer that has nothing more to send.
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import { Checkpoints, Coder, Create, millis, orThrow, PCollection, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO, KvIO, KvPut, StartAt, StopAt } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { hostContext, range, readAll, rejection, testSource } from '../support/jetstream-context.ts'
import { natsPlace } from '../support/nats-place.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const keys = 8_000

describe('What is there', () => {
  const nats = natsPlace()
  let jsm: JetStreamManager

  before(async () => {
    jsm = await jetstreamManager(nats.nc())
  })

  const api = async (subject: string, body: string): Promise<unknown> => {
    const answer = (await nats.nc().request(`$JS.API.${subject}`, body, { timeout: 5_000 })).json<{ readonly error?: unknown }>()
    assert.isUndefined(answer.error, JSON.stringify(answer.error))
    return answer
  }
  const publish = async (subjects: ReadonlyArray<string>): Promise<void> => {
    const js = jetstream(nats.nc())
    for (let i = 0; i < subjects.length; i += 500) await Promise.all(subjects.slice(i, i + 500).map((s, k) => js.publish(s, `${i + k}`)))
  }
  const bucket = async (name: string, count: number): Promise<void> => {
    await api(`STREAM.CREATE.KV_${name}`, JSON.stringify({ name: `KV_${name}`, subjects: [`$KV.${name}.>`], max_msgs_per_subject: 1 }))
    await publish(range(0, count).map(i => `$KV.${name}.k${i}`))
  }

  const watched = (name: string, found: Set<string>): Pipeline =>
    Pipeline.of(
      pipe(
        KvIO.watch({ bucket: name, coder: Coder.string }),
        PCollection.orFail,
        PCollection.map(({ key }) => found.add(key)),
        PCollection.ignore,
      ),
    )
  const newest = (name: string, found: Set<string>): Pipeline =>
    Pipeline.of(
      pipe(
        JetStreamIO.readMessages({ stream: `KV_${name}`, coder: Coder.string, start: StartAt.lastPerSubject, stop: StopAt.end }),
        PCollection.orFail,
        PCollection.map(({ subject }) => found.add(subject)),
        PCollection.ignore,
      ),
    )

  describe('in a bucket whose keys are being listed when the connection is cut', () => {
    before(() => bucket('CUT', keys))

    for (const [what, pipelineOf] of Object.entries({ 'KvIO.watch': watched, 'StartAt.lastPerSubject': newest }))
      it(`is found by ${what}, every key`, async () => {
        const proxy = await tcpProxy(Number(new URL(nats.url()).port))
        proxy.throttle(500_000)
        const found = new Set<string>()
        const options = {
          provide: [JetStreamIO.connection({ servers: `nats://127.0.0.1:${proxy.port}` })],
          checkpoints: Checkpoints.directory(nats.folder(`cut-${what}`), { every: millis(100) }),
          until: 'end' as const,
          log: () => undefined,
        }
        const run = orThrow(DirectRunner.run(options)(pipelineOf('CUT', found)))
        const listing = async (): Promise<number> => {
          for (const consumer of await jsm.consumers.list('KV_CUT').next())
            if (consumer.config.deliver_policy === 'last_per_subject') return consumer.delivered.consumer_seq
          return 0
        }
        await until('a list that has begun', async () => (await listing()) > 0)
        proxy.cut()
        assert.isBelow(await listing(), keys, 'it was cut in the middle')
        await run
        assert.isAbove(proxy.made(), 1)
        assert.strictEqual(found.size, keys)
        await proxy.close()
      })
  })

  it('in a mirror of a bucket is watched like the bucket, by key', async () => {
    await bucket('ORIGIN', 10)
    await api('STREAM.CREATE.KV_MIRROR', JSON.stringify({ name: 'KV_MIRROR', mirror: { name: 'KV_ORIGIN' }, max_msgs_per_subject: 1 }))
    await until('the mirror', async () => (await jsm.streams.info('KV_MIRROR')).state.messages === 10)
    const found = new Set<string>()
    await orThrow(DirectRunner.run({ ...nats.options('mirror'), until: 'end' })(watched('MIRROR', found)))
    assert.sameMembers(
      [...found],
      range(0, 10).map(i => `k${i}`),
    )
    const some = Pipeline.of(
      pipe(
        KvIO.watch({ bucket: 'MIRROR', keys: ['k3'], coder: Coder.string }),
        PCollection.orFail,
        PCollection.map(({ key }) => found.add(`only ${key}`)),
        PCollection.ignore,
      ),
    )
    await orThrow(DirectRunner.run({ ...nats.options('mirror-key'), until: 'end' })(some))
    assert.deepEqual(
      [...found].filter(key => key.startsWith('only')),
      ['only k3'],
    )
    const puts = Pipeline.of(
      pipe(
        Create.of(['a']),
        PCollection.map(key => KvPut.of(key, 'x')),
        KvIO.write({ bucket: 'MIRROR', coder: Coder.string }),
      ),
    )
    const refused = await DirectRunner.run(nats.options('mirror-puts'))(puts)()
    assert.include(E.isLeft(refused) ? refused.left.message : 'it wrote', 'MIRROR is a mirror')
    assert.include(E.isLeft(refused) ? refused.left.message : 'it wrote', 'Write to the bucket that it mirrors: ORIGIN')
  })

  it('in a filtered mirror that was empty when the read began is read, at each restart as well', async () => {
    await jsm.streams.add({ name: 'WIDE', subjects: ['wide.*'] })
    await api('STREAM.CREATE.NARROW', JSON.stringify({ name: 'NARROW', mirror: { name: 'WIDE', filter_subject: 'wide.b' } }))
    const source = await testSource('NARROW', { stop: null }).connect(hostContext(nats.url()))
    const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
    const reader = await source.open(split, { last: null, claimed: 0, note: null })
    await publish(range(0, 100).map(() => 'wide.a'))
    await publish(range(0, 5).map(() => 'wide.b'))
    assert.deepEqual(
      (await readAll(reader, read => read.length === 5)).map(({ sequence }) => sequence),
      range(101, 106),
    )
    const again = await source.open(split, { last: null, claimed: 0, note: null })
    assert.lengthOf(await readAll(again, read => read.length === 5), 5)
    await source.close()
  })

  it('with sequences beyond 2^53 is refused by name', async () => {
    for (const first of ['9007199254740990', '10000000000000000000']) {
      const name = `FAR_${first}`
      await api(`STREAM.CREATE.${name}`, `{"name":"${name}","subjects":["far.${first}"],"first_seq":${first}}`)
      await publish(range(0, 5).map(() => `far.${first}`))
      const source = await testSource(name)
        .connect(hostContext(nats.url()))
        .catch((error: unknown) => error)
      assert.deepInclude(source, { _tag: 'UnsupportedSequences' })
    }
  })

  it('before its sequences pass 2^53 is read, and then the run fails by name', async () => {
    const first = Number.MAX_SAFE_INTEGER - 10
    await api('STREAM.CREATE.NEAR', `{"name":"NEAR","subjects":["near"],"first_seq":${first}}`)
    await publish(range(0, 5).map(() => 'near'))
    const source = await testSource('NEAR', { stop: null }).connect(hostContext(nats.url()))
    const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
    const reader = await source.open(split, { last: null, claimed: 0, note: null })
    await readAll(reader, read => read.length === 5)
    await publish(range(0, 8).map(() => 'near'))
    assert.strictEqual((await rejection(readAll(reader))).name, 'UnsupportedSequences')
    await source.close()
  })

  it('is read to its end where a consumer counts nothing and the last messages are deleted', async () => {
    await jsm.streams.add({ name: 'TAIL', subjects: ['tail.*'] })
    await publish(range(0, 50).map(i => (i === 10 ? 'tail.b' : 'tail.a')))
    for (const sequence of range(41, 51)) await jsm.streams.deleteMessage('TAIL', sequence)
    for (const [filters, count] of [
      [[], 40],
      [['tail.b'], 1],
      [['tail.b', 'tail.c'], 1],
      [['tail.c'], 0],
    ] as const) {
      const source = await testSource('TAIL', { filters }).connect(hostContext(nats.url()))
      const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
      assert.lengthOf(await readAll(await source.open(split, { last: null, claimed: 0, note: null })), count)
      await source.close()
    }
  })
})
