// The oldest server that is supported: each way to read and to write runs a small job on it, end to end.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, Create, Decoder, Encoder, PCollection, type PDone, Pipeline, hours, orThrow, pipe } from '../../sdk/index.ts'
import { Acknowledge, Delivery, JetStreamIO, KvIO, KvPut, NatsIO, ObjectStoreIO, SplitBy, StopAt } from '../../io/jetstream/index.ts'
import type { RunningServer } from '../../io/jetstream/testing/index.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { oldestServer } from '../support/oldest-server.ts'
import { streamTexts } from '../support/read-stream.ts'

describe('A server of version 2.9', () => {
  let server: RunningServer | null = null
  let nc: NatsConnection
  let jsm: JetStreamManager
  let folder: string

  before(async function () {
    server = await oldestServer(this)
    nc = await connect({ servers: server.url })
    jsm = await jetstreamManager(nc)
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-test-'))
    await jsm.streams.add({ name: 'IN', subjects: ['in.>'] })
    for (const text of texts) await jetstream(nc).publish(`in.${text}`, text)
  })
  after(async () => {
    if (server === null) return
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const texts = ['a', 'b', 'c']
  let jobs = 0
  const run = (leaf: PDone) => {
    const job = `job-${++jobs}`
    return DirectRunner.run({
      provide: [JetStreamIO.connection({ servers: server?.url ?? '' })],
      checkpoints: Checkpoints.directory(join(folder, job)),
      job,
      until: 'end',
      log: () => undefined,
    })(Pipeline.of(leaf))
  }
  const read = () => pipe(JetStreamIO.read({ stream: 'IN', coder: Decoder.text, stop: StopAt.end }), PCollection.orFail)
  const made = { createSubjects: ['made.>'], createMaxAge: hours(1), createMaxMessages: 10_000, createReplicas: 1 }

  for (const delivery of [Delivery.exactlyOnce, Delivery.messageIds, Delivery.chain, Delivery.atLeastOnce, Delivery.atMostOnce])
    it(`takes outputs by ${delivery._tag}, into a stream that is made`, async () => {
      const stream = `OUT_${delivery._tag}`
      const to = { stream, subject: `made.${delivery._tag}`, coder: Encoder.text(), delivery }
      await orThrow(run(pipe(read(), JetStreamIO.write({ ...to, ...made, createSubjects: [to.subject] }))))
      assert.deepEqual(await streamTexts(nc, stream), texts)
    })

  it('refuses atomic batches by name', async () => {
    await jsm.streams.add({ name: 'BATCHES', subjects: ['batches.>'], allow_atomic: true })
    const to = { stream: 'BATCHES', subject: 'batches.a', coder: Encoder.text(), delivery: Delivery.atomicBatch }
    const ended = await run(pipe(read(), JetStreamIO.write(to)))()
    const error = ended._tag === 'Left' ? ended.left : assert.fail('it was not refused')
    assert.match(error.message, /atomic batches is not possible: the server is 2\.9\.\d+, and atomic batches need 2\.12\.1\. Update it/)
    assert.equal((await jsm.streams.info('BATCHES')).state.messages, 0)
  })

  it('is read by several subjects, and split by them', async () => {
    await jsm.streams.add({ name: 'SOME', subjects: ['some'] })
    const subjects = ['in.a', 'in.c']
    for (const splitBy of [undefined, SplitBy.subject()]) {
      const some = JetStreamIO.read({ stream: 'IN', coder: Decoder.text, subjects, splitBy, stop: StopAt.end })
      await orThrow(run(pipe(some, PCollection.orFail, JetStreamIO.write({ stream: 'SOME', subject: 'some', coder: Encoder.text() }))))
    }
    assert.deepEqual([...(await streamTexts(nc, 'SOME'))].sort(), ['a', 'a', 'c', 'c'])
  })

  for (const retention of ['workqueue', 'interest'] as const)
    it(`is read by acknowledgments, of ${retention} retention`, async () => {
      const [stream, out] = [`Q_${retention}`, `Q_${retention}_OUT`]
      await jsm.streams.add({ name: stream, subjects: [stream], retention })
      await jsm.streams.add({ name: out, subjects: [out] })
      // Interest begins with a consumer: the read's own, as it would make it.
      await jsm.consumers.add(stream, { durable_name: 'reader', ack_policy: 'explicit' })
      for (const text of texts) await jetstream(nc).publish(stream, text)
      const queue = JetStreamIO.read({
        stream,
        coder: Decoder.text,
        acknowledge: Acknowledge.onCheckpoint,
        consumer: 'reader',
        stop: StopAt.end,
      })
      await orThrow(run(pipe(queue, PCollection.orFail, JetStreamIO.write({ stream: out, subject: out, coder: Encoder.text() }))))
      assert.deepEqual(await streamTexts(nc, out), texts)
      assert.equal((await jsm.streams.info(stream)).state.messages, 0)
    })

  it('has key-value buckets', async () => {
    await jsm.streams.add({ name: 'KV_flags', subjects: ['$KV.flags.>'], max_msgs_per_subject: 5, allow_rollup_hdrs: true })
    const puts = [KvPut.of('sky', 'blue', { expected: 0 }), KvPut.of('sea', 'green'), KvPut.delete('sea')]
    await orThrow(run(pipe(Create.of(puts), KvIO.write({ bucket: 'flags', coder: Encoder.text() }))))
    assert.equal((await jsm.streams.getMessage('KV_flags', { last_by_subj: '$KV.flags.sky' }))?.string(), 'blue')
    assert.equal((await jsm.streams.getMessage('KV_flags', { last_by_subj: '$KV.flags.sea' }))?.header.get('KV-Operation'), 'DEL')
  })

  it('has object stores', async () => {
    const subjects = ['$O.images.C.>', '$O.images.M.>']
    await jsm.streams.add({ name: 'OBJ_images', subjects, allow_rollup_hdrs: true })
    await jsm.streams.add({ name: 'SIZES', subjects: ['sizes'] })
    const bucket = { bucket: 'images' }
    await orThrow(run(pipe(Create.of([{ name: 'large', data: new Uint8Array(300_000) }]), ObjectStoreIO.write(bucket))))
    const sizes = pipe(
      ObjectStoreIO.list(bucket),
      PCollection.orFail,
      ObjectStoreIO.get(bucket),
      PCollection.map(([{ name }, data]) => `${name} ${data.length}`),
    )
    await orThrow(run(pipe(sizes, JetStreamIO.write({ stream: 'SIZES', subject: 'sizes', coder: Encoder.text() }))))
    assert.deepEqual(await streamTexts(nc, 'SIZES'), ['large 300000'])
  })

  it('asks services and tells listeners over core NATS', async () => {
    const heard: string[] = []
    const listener = nc.subscribe('told', { callback: (_, message) => void heard.push(message.string()) })
    const service = nc.subscribe('upper', { callback: (_, message) => void message.respond(message.string().toUpperCase()) })
    await nc.flush()
    const asked = NatsIO.request({ subject: 'upper', request: Encoder.text(), reply: Decoder.text })
    const told = NatsIO.publish({ subject: 'told', coder: Encoder.text() })
    await orThrow(
      run(
        pipe(
          read(),
          asked,
          PCollection.map(([one, other]) => one + other),
          told,
        ),
      ),
    )
    await nc.flush()
    for (const subscription of [listener, service]) subscription.unsubscribe()
    assert.deepEqual(heard, ['aA', 'bB', 'cC'])
  })
})
