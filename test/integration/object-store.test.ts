// Object stores on a real server, beside a client that most services have: each reads what the other puts.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import { type NatsConnection, type ObjectStore, connect } from 'nats'
import { Create, PCollection, Pipeline, millis, orThrow, pipe } from '../../sdk/index.ts'
import { emptyOutputs, type OutputBatch } from '../../sdk/graph/sink.ts'
import { JetStreamIOError, type ObjectInfo, ObjectStoreIO } from '../../io/jetstream/index.ts'
import { infoSubject } from '../../io/jetstream/object-info.ts'
import { objectSinkOf } from '../../io/jetstream/object-sink.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { type At, rejection, sinkContext } from '../support/jetstream-context.ts'
import { natsPlace, pause } from '../support/nats-place.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

const bytesOf = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) % 251)

describe('ObjectStoreIO', () => {
  const place = natsPlace()
  let jsm: JetStreamManager
  let other: NatsConnection
  let store: ObjectStore
  before(async () => {
    jsm = await jetstreamManager(place.nc())
    other = await connect({ servers: place.nc().getServer() })
  })
  after(() => other.close())
  beforeEach(async () => {
    store = await other.jetstream().views.os('images')
  })
  afterEach(() => jsm.streams.delete('OBJ_images'))

  const bucket = { bucket: 'images' }
  const run = (job: string, pipeline: Pipeline) => orThrow(DirectRunner.run(place.options(job))(pipeline))
  const stored = async (): Promise<number> => (await jsm.streams.info('OBJ_images')).state.messages

  const gathered = async (): Promise<ReadonlyArray<readonly [string, Uint8Array]>> => {
    const all: (readonly [string, Uint8Array])[] = []
    await orThrow(
      DirectRunner.run({ provide: place.options('').provide })(
        Pipeline.of(
          pipe(
            ObjectStoreIO.list(bucket),
            PCollection.orFail,
            PCollection.filter(info => !info.isDeleted),
            ObjectStoreIO.get(bucket),
            PCollection.map(([info, data]) => all.push([info.name, data])),
            PCollection.ignore,
          ),
        ),
      ),
    )
    return all
  }

  it('gets what another client has put, and knows what it deleted', async () => {
    const large = bytesOf(300_000, 1)
    await store.putBlob({ name: 'large one' }, large)
    await store.putBlob({ name: 'empty' }, new Uint8Array(0))
    await store.putBlob({ name: 'gone' }, bytesOf(10, 2))
    await store.delete('gone')
    assert.deepStrictEqual(await gathered(), [
      ['large one', large],
      ['empty', new Uint8Array(0)],
    ])
  })

  it('puts what another client gets, and the newest in place of what was there', async () => {
    const images = [
      { name: 'a/b c', data: bytesOf(131_073, 3) },
      { name: 'ü', data: new Uint8Array(0) },
    ]
    await run('put', Pipeline.of(pipe(Create.of(images), ObjectStoreIO.write(bucket))))
    for (const { name, data } of images) assert.deepStrictEqual(Uint8Array.from((await store.getBlob(name)) ?? []), data)
    assert.strictEqual(await stored(), 4, 'two chunks and two infos')
    await run('again', Pipeline.of(pipe(Create.of([{ name: 'a/b c', data: bytesOf(5, 4) }]), ObjectStoreIO.write(bucket))))
    assert.deepStrictEqual(Uint8Array.from((await store.getBlob('a/b c')) ?? []), bytesOf(5, 4))
    assert.strictEqual(await stored(), 3, 'one chunk and two infos')
  })

  const sinkAt = (at: At) =>
    objectSinkOf<never>({ ...bucket, label: 'ObjectStoreIO.write(images)', connection: undefined, encode: () => undefined }).connect(
      sinkContext(at, { mode: 'checkpointed' }),
    )

  it('leaves alone what is there when a checkpoint is committed again, and clears half an object away', async () => {
    const sink = await sinkAt(place.nc().getServer())
    const row = { ...emptyOutputs(), destinations: ['a'], headers: [null], payloads: [bytesOf(200_000, 5)] }
    const id = { shard: 'a', generation: 1, epoch: 1 }
    await sink.commit(id, row, false)
    await sink.commit(id, row, true)
    assert.deepInclude(sink.metrics(), { put: 1, found: 1 })
    assert.strictEqual(sink.latency?.().count, 1)
    // As after a crash between the second chunk and the info.
    await jsm.streams.deleteMessage('OBJ_images', 3)
    assert.strictEqual(await stored(), 2)
    await sink.commit(id, row, true)
    assert.strictEqual(await stored(), 3)
    assert.deepStrictEqual(await gathered(), [['a', bytesOf(200_000, 5)]])
    await sink.close()
  })

  it('clears away what an object has replaced, although it ended between the one and the other', async () => {
    const row = (data: Uint8Array): OutputBatch => ({ ...emptyOutputs(), destinations: ['a'], headers: [null], payloads: [data] })
    const id = { shard: 'a', generation: 1, epoch: 2 }
    await store.putBlob({ name: 'a' }, bytesOf(200_000, 5))
    let purges = 0
    const proxy = await tcpProxy(Number(place.nc().getServer().split(':').at(-1)), data => {
      // The first one is for what an earlier attempt may have left.
      if (data.includes('STREAM.PURGE') && ++purges === 2) void proxy.close()
    })
    const ending = await sinkAt({ servers: `127.0.0.1:${proxy.port}`, reconnectFor: millis(10) })
    await rejection(ending.commit(id, row(bytesOf(10, 6)), false))
    await ending.close()
    assert.strictEqual(await stored(), 4, 'two chunks of the old one, one of the new one and its info')
    const sink = await sinkAt(place.nc().getServer())
    await sink.commit(id, row(bytesOf(10, 6)), true)
    await sink.close()
    assert.deepInclude(sink.metrics(), { put: 0, found: 1 })
    assert.strictEqual(await stored(), 2)
    assert.deepStrictEqual(await gathered(), [['a', bytesOf(10, 6)]])
  })

  it('leaves others alone where what is there names the chunks of all', async () => {
    await store.putBlob({ name: 'b' }, bytesOf(10, 7))
    await jsm
      .jetstream()
      .publish(infoSubject('images', 'a'), JSON.stringify({ name: 'a', bucket: 'images', nuid: '>', size: 0, chunks: 0 }))
    await run('all', Pipeline.of(pipe(Create.of([{ name: 'a', data: bytesOf(5, 4) }]), ObjectStoreIO.write(bucket))))
    assert.deepStrictEqual(await gathered(), [
      ['b', bytesOf(10, 7)],
      ['a', bytesOf(5, 4)],
    ])
  })

  it('says what is gone, and what is damaged, by name', async () => {
    await store.putBlob({ name: 'a' }, bytesOf(10, 6))
    const infos: ObjectInfo[] = []
    const seen = pipe(
      ObjectStoreIO.list(bucket),
      PCollection.orFail,
      PCollection.map(info => infos.push(info)),
      PCollection.ignore,
    )
    await orThrow(DirectRunner.run({ provide: place.options('').provide })(Pipeline.of(seen)))
    const [info] = infos
    if (info === undefined) return assert.fail('nothing was listed')
    const failure = async (given: ObjectInfo): Promise<string> => {
      const got = Pipeline.of(pipe(Create.of([given]), ObjectStoreIO.get(bucket), PCollection.ignore))
      let error: unknown = await rejection(orThrow(DirectRunner.run({ provide: place.options('').provide })(got)))
      while (!(error instanceof JetStreamIOError) && error instanceof Error) error = error.cause
      return error instanceof JetStreamIOError ? `${error._tag}: ${error.message}` : 'no error of ours'
    }
    assert.match(await failure({ ...info, digest: 'SHA-256=x' }), /^ObjectDamaged: .*the object a of the bucket images.*digest/)
    assert.match(await failure({ ...info, size: 11 }), /^ObjectDamaged: .*10 bytes of 11/)
    assert.match(await failure({ ...info, isDeleted: true }), /^ObjectGone: .*deleted/)
    await store.putBlob({ name: 'a' }, bytesOf(10, 7))
    assert.match(await failure(info), /^ObjectGone: .*0 of its 1 chunks/)
  })

  it('watches what is put and deleted', async () => {
    await store.putBlob({ name: 'a' }, bytesOf(1, 8))
    const seen: unknown[] = []
    const watching = pipe(
      ObjectStoreIO.watch(bucket),
      PCollection.orFail,
      PCollection.map(i => seen.push([i.name, i.isDeleted])),
      PCollection.ignore,
    )
    const job = await orThrow(DirectRunner.start({ provide: place.options('').provide })(Pipeline.of(watching)))
    const until = async (n: number): Promise<void> => {
      while (seen.length < n) await pause(5)
    }
    await until(1)
    await store.putBlob({ name: 'b' }, bytesOf(1, 9))
    await until(2)
    await store.delete('a')
    await until(3)
    await job.cancel()
    assert.deepStrictEqual(seen, [
      ['a', false],
      ['b', false],
      ['a', true],
    ])
  })

  it('is refused without its bucket', async () => {
    const write = ObjectStoreIO.write({ bucket: 'nowhere' })
    const error = await rejection(run('nowhere', Pipeline.of(pipe(Create.of([{ name: 'a', data: bytesOf(1, 1) }]), write))))
    assert.include(error.message, 'no stream OBJ_nowhere')
    assert.throws(() => ObjectStoreIO.list({ bucket: 'a.b' }), JetStreamIOError, 'a.b')
  })
})
