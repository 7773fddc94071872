// The HTTP endpoint of a job, asked by real clients while the job runs against a real server.
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as dial } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, type Job, millis, orThrow } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import type { RunningServer } from 'jetbeam/testing/nats-server'
import { relayProgram } from '../../support/endpoint-program.ts'
import { recentServer } from '../../support/recent-server.ts'
import { scraped } from '../../support/scrape.ts'
import { until } from '../../support/until.ts'

const get = async (url: string, headers: Record<string, string> = {}) => {
  const response = await fetch(url, { headers })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

describe('The endpoint of a job', () => {
  let server: RunningServer
  let folder: string
  let job: Job
  let url: string
  let logged: string[]

  const started = async (start: (o: object) => Promise<Job>): Promise<void> => {
    logged = []
    job = await start({
      provide: [JetStreamIO.connection({ servers: server.url })],
      checkpoints: Checkpoints.directory(await mkdtemp(join(folder, 'job-')), { every: millis(50) }),
      metrics: '127.0.0.1:0',
      log: (_: string, message: string) => void logged.push(message),
    })
    url = /(http:\/\/127\.0\.0\.1:\d+)\/metrics/.exec(logged.find(line => line.startsWith('Metrics and health')) ?? '')?.[1] ?? ''
    await until(
      'outputs are stored',
      () => job.metrics().checkpoints.completed > 0 && job.metrics().sinks['JetStreamIO.write(OUT)#1']?.['published'] === 20,
    )
  }
  const onDirect = () => started(async o => orThrow(DirectRunner.start(o)(relayProgram())))

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-test-'))
    server = await recentServer()
    const nc = await connect({ servers: server.url })
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'IN', subjects: ['in'] })
    await jsm.streams.add({ name: 'OUT', subjects: ['out'], allow_atomic: true })
    for (let i = 0; i < 20; i++) await jetstream(nc).publish('in', `${i}`)
    await nc.close()
  })
  afterEach(async () => {
    await orThrow(job.cancel)
    await server.stop()
    await rm(folder, { recursive: true })
  })

  for (const [name, start] of [
    ['the direct runner', onDirect],
    ['two worker threads', () => started(async o => orThrow(WorkerThreadsRunner.start({ ...o, workers: 2 })(relayProgram())))],
  ] as const)
    it(`answers with typed series in both formats on ${name}, and is closed when the job has ended`, async () => {
      await start()
      const plain = await get(`${url}/metrics`)
      assert.deepEqual([plain.status, plain.type], [200, 'text/plain; version=0.0.4; charset=utf-8'])
      const { samples, types } = scraped(plain.text, false)
      assert.strictEqual(samples.get('jetbeam_elements_read_total{job_name="endpoint-relay"}'), 20)
      assert.strictEqual(samples.get('jetbeam_lag{job_name="endpoint-relay"}'), 0)
      assert.strictEqual(samples.get('jetbeam_job_state{job_name="endpoint-relay",state="running"}'), 1)
      assert.strictEqual(samples.get('jetbeam_sink_published_total{job_name="endpoint-relay",sink="JetStreamIO.write(OUT)#1"}'), 20)
      assert.deepEqual(
        [...types].filter(([, type]) => type === 'untyped'),
        [],
      )
      assert.isTrue([...types.keys()].includes('jetbeam_watermark_held_since_timestamp_seconds'))
      const open = await get(`${url}/metrics`, { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' })
      assert.deepEqual([open.status, open.type], [200, 'application/openmetrics-text; version=1.0.0; charset=utf-8'])
      const strict = scraped(open.text, true)
      assert.strictEqual(strict.types.get('jetbeam_elements_read'), 'counter')
      assert.sameMembers([...strict.samples.keys()], [...scraped((await get(`${url}/metrics`)).text, false).samples.keys()])
      await orThrow(job.suspend)
      assert.strictEqual(await get(`${url}/live`).catch((error: unknown) => String(error)), 'TypeError: fetch failed')
    })

  it('is ready while it runs, and not while its server is away, but live all the time', async () => {
    await onDirect()
    assert.deepEqual(JSON.parse((await get(`${url}/ready`)).text), { ready: true, state: 'running', reasons: [] })
    await server.kill()
    await until('the outage is noticed', async () => (await get(`${url}/ready`)).status === 503)
    const reasons = (await get(`${url}/ready`)).text
    assert.include(reasons, 'JetStreamIO.read(IN)#1/range-0: the connection is down.')
    assert.include(reasons, 'JetStreamIO.write(OUT)#1: the connection is down.')
    assert.deepEqual(await get(`${url}/live`).then(({ status }) => status), 200)
    await server.restart()
    await until('the job is ready again', async () => (await get(`${url}/ready`)).status === 200)
  })

  it('only reads: it refuses other methods and unknown paths', async () => {
    await onDirect()
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const response = await fetch(`${url}/metrics`, { method })
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'])
    }
    const { status, text } = await get(`${url}/admin?verb=cancel`)
    assert.deepEqual([status, JSON.parse(text)], [404, { error: 'Unknown path. There are /metrics, /live and /ready.' }])
    assert.strictEqual(await fetch(`${url}/metrics`, { method: 'HEAD' }).then(response => response.text()), '')
    assert.strictEqual(job.state(), 'running')
  })

  it('answers others while clients never finish their requests, and ends with the job all the same', async () => {
    await onDirect()
    const slow = Array.from({ length: 8 }, () => dial(Number(new URL(url).port), '127.0.0.1'))
    const closed = slow.map(socket => new Promise(resolve => socket.once('close', resolve).on('error', () => undefined)))
    for (const socket of slow) socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n')
    assert.strictEqual((await get(`${url}/live`)).status, 200)
    await orThrow(job.suspend)
    await Promise.all(closed)
  })

  it('ends a start by name where its port is taken or its address is none', async () => {
    await onDirect()
    const start = async (metrics: string) => DirectRunner.start({ metrics, job: 'another' })(relayProgram())()
    const taken = await start(new URL(url).host)
    assert.deepInclude(taken, { _tag: 'Left' })
    if (taken._tag === 'Left')
      assert.match(taken.left.message, /^metrics: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE.*Choose another port/)
    const none = await start('http://127.0.0.1:9464/')
    assert.deepInclude(none, { _tag: 'Left' })
    if (none._tag === 'Left') assert.include(none.left.message, 'metrics: it is not HOST:PORT')
  })
})
