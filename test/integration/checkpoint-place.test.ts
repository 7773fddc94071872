// Where checkpoints are kept by default, and a start that does not find them: against real servers.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, Coder, PCollection, Pipeline, pipe, type RunOptions } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { NatsCluster, NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'
import { streamTexts } from '../support/read-stream.ts'

const copy = Pipeline.define(import.meta, 'copy', () =>
  pipe(
    JetStreamIO.read({ stream: 'IN', coder: Coder.string }),
    PCollection.orFail,
    JetStreamIO.write({ stream: 'OUT', subject: 'out', coder: Coder.string }),
  ),
)

describe('Checkpoints', () => {
  let server: RunningServer
  let nc: NatsConnection
  let home = ''
  const stateHome = process.env['XDG_STATE_HOME']
  const logged: string[] = []
  beforeEach(async () => {
    server = await NatsServer.start({ config: { authorization: { users: [...users] } } })
    nc = await connect({ servers: server.url, user: 'all', pass: 'all' })
    const { streams } = await jetstreamManager(nc)
    await streams.add({ name: 'IN', subjects: ['in'] })
    await streams.add({ name: 'OUT', subjects: ['out'] })
    for (const text of ['a', 'b']) await jetstream(nc).publish('in', text)
    home = await mkdtemp(join(tmpdir(), 'jetbeam-home-'))
    process.env['XDG_STATE_HOME'] = home
    logged.length = 0
  })
  afterEach(async () => {
    if (stateHome === undefined) delete process.env['XDG_STATE_HOME']
    else process.env['XDG_STATE_HOME'] = stateHome
    await nc.close()
    await server.stop()
    await rm(home, { recursive: true })
  })

  const run = (o: RunOptions = {}, user = 'all') => {
    const servers = server.url.replace('://', `://${user}:${user}@`)
    const log = (_level: string, message: string) => void logged.push(message)
    return DirectRunner.runNow(copy(), { until: 'end', provide: [JetStreamIO.connection({ servers })], log, ...o })
  }
  const failureOf = async (work: Promise<unknown>) => {
    const error: unknown = await work.then(
      () => assert.fail('it did not fail'),
      (e: unknown) => e,
    )
    return error as { readonly kind?: string; readonly message: string }
  }
  const outputs = () => streamTexts(nc, 'OUT')
  const otherDirectory = () => mkdtemp(join(home, 'other-'))

  it('go to a bounded stream of the NATS that the pipeline uses by default, and the place is logged', async () => {
    assert.strictEqual((await run()).state, 'done')
    const { config } = await (await jetstreamManager(nc)).streams.info('JETBEAM_CHECKPOINTS')
    assert.strictEqual(config.max_bytes, 1_073_741_824)
    assert.strictEqual(config.num_replicas, 1)
    assert.include(logged, `copy: checkpoints in stream JETBEAM_CHECKPOINTS at ${server.url}`)
    await jetstream(nc).publish('in', 'c')
    assert.strictEqual((await run({ job: 'copy' })).state, 'done')
    assert.deepEqual(await outputs(), ['a', 'b'], 'a job that is done does nothing')
  })

  it('go to the default place with other times', async () => {
    assert.strictEqual((await run({ checkpoints: Checkpoints.auto({ keep: 1 }) })).state, 'done')
    assert.include(logged, `copy: checkpoints in stream JETBEAM_CHECKPOINTS at ${server.url}`)
  })

  it('that are lost make the next start refuse, unless it begins anew', async () => {
    await run({ checkpoints: Checkpoints.directory(await otherDirectory()) })
    const lost = { checkpoints: Checkpoints.directory(await otherDirectory()) }
    for (const options of [lost, {}]) {
      const { kind, message } = await failureOf(run(options))
      assert.strictEqual(kind, 'CheckpointsMissing')
      assert.match(
        message,
        /^The job "copy" has written to the stream OUT since 20\S+, and .* has no checkpoints of it: .* Its checkpoints were in directory \S+ \(host .*--begin-anew\.$/,
      )
    }
    assert.deepEqual(await outputs(), ['a', 'b'], 'the refused starts published nothing')
    assert.strictEqual((await run({ ...lost, beginAnew: true })).state, 'done')
    assert.deepEqual(await outputs(), ['a', 'b', 'a', 'b'])
    assert.strictEqual((await run({ ...lost, beginAnew: true })).state, 'done', 'where checkpoints are, it goes on from them')
    assert.deepEqual(await outputs(), ['a', 'b', 'a', 'b'])
  })

  it('that are lost together with their stream make the next start refuse', async () => {
    await run()
    await (await jetstreamManager(nc)).streams.delete('JETBEAM_CHECKPOINTS')
    assert.strictEqual((await failureOf(run())).kind, 'CheckpointsMissing')
  })

  it('may be missing where the destination was created again, and for another job', async () => {
    await run()
    const other = { checkpoints: Checkpoints.directory(await otherDirectory()) }
    assert.strictEqual((await run({ ...other, job: 'another' })).state, 'done')
    const { streams } = await jetstreamManager(nc)
    await streams.delete('OUT')
    await streams.add({ name: 'OUT', subjects: ['out'] })
    assert.strictEqual((await run(other)).state, 'done')
    assert.deepEqual(await outputs(), ['a', 'b'])
  })

  it('that an earlier version left in the default folder are not passed over', async () => {
    await run({ checkpoints: Checkpoints.directory() })
    await (await jetstreamManager(nc)).streams.delete('JETBEAM_JOBS')
    const { kind, message } = await failureOf(run())
    assert.strictEqual(kind, 'CheckpointsMissing')
    assert.include(message, `The job "copy" has checkpoints in directory ${home}`)
    assert.strictEqual((await run({ checkpoints: Checkpoints.directory() })).state, 'done')
    assert.deepEqual(await outputs(), ['a', 'b'])
  })

  it('are refused by name where the user may not create their stream', async () => {
    const { kind, message } = await failureOf(run({}, 'noCheckpoints'))
    assert.strictEqual(kind, 'NotPermitted')
    assert.match(message, /JETBEAM_CHECKPOINTS.*Allow this user .*--checkpoints DIR/)
    assert.deepEqual(await outputs(), [])
  })

  it('are not missing where the job ended before its first one was durable', async () => {
    assert.strictEqual((await failureOf(run({}, 'noSegments'))).kind, 'NotPermitted')
    assert.strictEqual((await run()).state, 'done')
    assert.deepEqual(await outputs(), ['a', 'b'])
  })

  it('without a register, which the user may not write, are kept all the same, and the start says so', async () => {
    assert.strictEqual((await run({}, 'noRegister')).state, 'done')
    const warning = logged.find(text => text.startsWith('copy: no register of this job can be kept beside OUT'))
    assert.match(warning ?? '', /if its checkpoints are lost, a start publishes its outputs again without a warning\. .*JETBEAM_JOBS/)
  })

  it('have as many replicas as the streams of the pipeline, and a warning where they have fewer', async () => {
    const cluster = await NatsCluster.start()
    const away = await connect({ servers: cluster.url.split(',') })
    try {
      const { streams } = await jetstreamManager(away)
      await streams.add({ name: 'IN', subjects: ['in'], num_replicas: 3 })
      await streams.add({ name: 'OUT', subjects: ['out'], num_replicas: 1 })
      const provide = [JetStreamIO.connection({ servers: cluster.url })]
      assert.strictEqual((await run({ provide })).state, 'done')
      for (const stream of ['JETBEAM_CHECKPOINTS', 'JETBEAM_JOBS'])
        assert.strictEqual((await streams.info(stream)).config.num_replicas, stream === 'JETBEAM_JOBS' ? 1 : 3, stream)
      await streams.update('JETBEAM_CHECKPOINTS', { num_replicas: 1 })
      await run({ provide })
      assert.isDefined(logged.find(text => /JETBEAM_CHECKPOINTS.* has 1 replica, and the pipeline's streams have 3/.test(text)))
    } finally {
      await away.close()
      await cluster.stop()
    }
  })
})

const api = (...denied: ReadonlyArray<string>) => ({
  publish: { deny: denied.flatMap(name => [`$JS.API.STREAM.*.${name}`, `$JETBEAM.${name}.>`]) },
})
const noSegments = { publish: { deny: ['$JETBEAM.JETBEAM_CHECKPOINTS.*.segment.>'] } }
const users = [
  { user: 'noSegments', password: 'noSegments', permissions: noSegments },
  { user: 'all', password: 'all' },
  { user: 'noCheckpoints', password: 'noCheckpoints', permissions: api('JETBEAM_CHECKPOINTS') },
  { user: 'noRegister', password: 'noRegister', permissions: api('JETBEAM_JOBS') },
]
