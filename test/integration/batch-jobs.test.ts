// Jobs whose outputs leave in atomic batches: what they say of it, what they pass on, and what becomes of it when they end or go back.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type MsgHdrs, type NatsConnection, headers as makeHeaders } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, type JobEvent, millis, orThrow, pipe } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { isMarker } from '../../io/jetstream/marker-subject.ts'
import type { RunningServer } from '../../io/jetstream/testing/index.ts'
import { batchRelay } from '../support/batch-programs.ts'
import { pause } from '../support/nats-place.ts'
import { readStream } from '../support/read-stream.ts'
import { recentServer } from '../support/recent-server.ts'

describe('A job that writes in atomic batches', () => {
  let server: RunningServer
  let nc: NatsConnection
  let jsm: JetStreamManager
  let folder: string

  before(async () => {
    server = await recentServer()
    nc = await connect({ servers: server.url })
    jsm = await jetstreamManager(nc)
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-test-'))
  })
  after(async () => {
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    await jsm.streams.add({ name: 'IN', subjects: ['in'] })
    await jsm.streams.add({ name: 'OUT', subjects: ['out.*'], allow_atomic: true })
  })
  afterEach(async () => {
    for (const stream of ['IN', 'OUT']) await jsm.streams.delete(stream)
  })

  const feed = async (from: number, to: number, headers?: MsgHdrs): Promise<void> => {
    const js = jetstream(nc)
    const some = Array.from({ length: to - from }, (_, i) => js.publish('in', String(from + i), headers === undefined ? {} : { headers }))
    await Promise.all(some)
  }
  const options = (job: string) => ({
    provide: [JetStreamIO.connection({ servers: server.url })],
    checkpoints: Checkpoints.directory(join(folder, job), { every: millis(50) }),
    job,
    log: (): void => undefined,
  })
  const outputs = async (): Promise<ReadonlyArray<string>> => {
    const texts: string[] = []
    await readStream(nc, 'OUT', (payload, subject) => {
      if (!isMarker(subject)) texts.push(Buffer.from(payload).toString())
    })
    return texts
  }
  const until = async (count: number): Promise<void> => {
    while ((await outputs()).length < count) await pause(30)
  }
  const markers = async (): Promise<ReadonlyArray<string>> =>
    Object.keys((await jsm.streams.info('OUT', { subjects_filter: '>' })).state.subjects ?? {}).filter(isMarker)
  const numbers = (from: number, to: number): ReadonlyArray<string> => Array.from({ length: to - from }, (_, i) => String(from + i))

  it('says so in its log, its events and what explains it, passes no header on that steers a server, and on two workers stores each output once', async () => {
    const headers = makeHeaders()
    headers.set('Nats-Expected-Stream', 'IN')
    headers.set('Nats-Msg-Size', '7')
    headers.set('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
    await feed(0, 1_500, headers)
    const [events, log]: [JobEvent[], string[]] = [[], []]
    const run = {
      ...options('said'),
      workers: 2,
      onEvent: (event: JobEvent) => void events.push(event),
      log: (_: string, text: string) => void log.push(text),
    }
    const said = `exactly once by atomic batches, published once their checkpoint is durable, because it was asked for.`
    assert.include(await orThrow(pipe(batchRelay(), WorkerThreadsRunner.explain(run))), said)
    assert.deepEqual(await markers(), [], 'whoever asks changes nothing')
    const { state } = await orThrow(pipe(batchRelay(), WorkerThreadsRunner.run({ ...run, until: 'end' })))
    assert.equal(state, 'done')
    const opened = events.find(event => event._tag === 'SinkOpened') ?? assert.fail()
    assert.equal(opened.way, 'atomicBatch')
    assert.include(opened.guarantee, said)
    assert.isTrue(log.some(line => line.includes(said)))
    assert.deepEqual([...(await outputs())].sort(), [...numbers(0, 1_500)].sort())
    const some = await jsm.streams.getMessage('OUT', { last_by_subj: 'out.a' })
    assert.deepEqual(some?.header.keys().sort(), ['Nats-Batch-Id', 'Nats-Batch-Sequence', 'traceparent'], 'the batch is this one')
    const { last_seq: before } = (await jsm.streams.info('OUT')).state
    await orThrow(pipe(batchRelay(), WorkerThreadsRunner.run({ ...run, until: 'end' })))
    assert.equal((await jsm.streams.info('OUT')).state.last_seq, before, 'a job that is done leaves its destination alone')
  })

  it('goes on with another number of workers, whose markers are others, from where the first ones were', async () => {
    await feed(0, 500)
    const first = await orThrow(pipe(batchRelay(), WorkerThreadsRunner.start({ ...options('moved'), workers: 2 })))
    await until(500)
    await orThrow(first.suspend)
    await feed(500, 1_000)
    const second = await orThrow(pipe(batchRelay(), DirectRunner.start(options('moved'))))
    await until(1_000)
    await orThrow(second.suspend)
    assert.deepEqual([...(await outputs())].sort(), [...numbers(0, 1_000)].sort())
  })

  it('takes the markers of the run before it over when it goes back to a savepoint, and begins others', async () => {
    await feed(0, 100)
    const job = await orThrow(pipe(batchRelay(), DirectRunner.start(options('back'))))
    await until(100)
    await orThrow(job.savepoint('s'))
    await feed(100, 200)
    await until(200)
    const [old] = await markers()
    assert.isDefined(old)
    await orThrow(job.rollback('s'))
    await until(300)
    await feed(200, 250)
    await until(350)
    await orThrow(job.suspend)
    assert.lengthOf(await markers(), 2)
    const taken = (await jsm.streams.getMessage('OUT', { last_by_subj: old }))?.json<{ readonly owner: { readonly generation: number } }>()
    assert.isAbove(taken?.owner.generation ?? 0, 1)
    assert.deepEqual(await outputs(), [...numbers(0, 200), ...numbers(100, 250)])
  })
})
