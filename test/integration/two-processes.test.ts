// Two processes of one job: the second is refused while the first is heard of, and a first one that wakes up too late must stop.
import { mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'
import { countOnce } from '../support/count-once.ts'
import { type Program, startProgram } from '../support/program.ts'
import { streamTexts } from '../support/read-stream.ts'

type Place = 'a folder' | 'a stream'

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

describe('Two processes of one job', function () {
  this.timeout(90_000)
  let server: RunningServer
  let nc: NatsConnection
  let folder: string
  let feed: Feed
  const running: Program[] = []

  beforeEach(async () => {
    server = await NatsServer.start({ control: true })
    nc = await connect({ servers: server.url })
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-two-'))
    feed = new Feed(nc)
  })
  afterEach(async () => {
    await feed.stop()
    for (const program of running.splice(0)) {
      program.signal('SIGKILL')
      await program.ended
    }
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const makeStreams = async (duplicateWindowMs: number): Promise<void> => {
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'NUMBERS', subjects: ['numbers'] })
    await jsm.streams.add({ name: 'RELAYED', subjects: ['relayed'], duplicate_window: duplicateWindowMs * 1_000_000 })
  }
  let places = 0
  /** With checkpoints in a stream, the processes have no file in common: they might be on two machines. */
  const start = (every: string, place: Place): Program => {
    const checkpoints = place === 'a folder' ? folder : 'jetstream'
    const state = join(folder, `machine-${++places}`)
    const program = startProgram(
      './relay-process.ts',
      ['--nats', server.url, '--checkpoints', checkpoints, '--every', every, '--quiet'],
      place === 'a folder' ? {} : { XDG_STATE_HOME: state, HOME: state },
    )
    running.push(program)
    return program
  }
  const relayed = async (): Promise<number> => (await (await jetstreamManager(nc)).streams.info('RELAYED')).state.messages
  const until = async (count: number): Promise<void> => {
    for (const deadline = Date.now() + 40_000; (await relayed()) < count;) {
      if (Date.now() > deadline)
        assert.fail(`${await relayed()} of ${count} arrived; ${running.map(program => program.errors()).join('\n')}`)
      await pause(50)
    }
  }

  for (const place of ['a folder', 'a stream'] as const)
    it(`refuses the second while the first runs, and names the process that runs it, with checkpoints in ${place}`, async () => {
      await makeStreams(120_000)
      const first = start('200ms', place)
      await feed.publish(10)
      await until(10)
      const second = start('200ms', place)
      assert.strictEqual(await second.ended, 1)
      assert.include(second.errors(), `relay-process failed: Process ${first.pid} on host ${hostname()}, since `)
      assert.include(second.errors(), 'Stop that process, or give this run another job name')
      await feed.publish(10)
      await until(20)
      first.signal('SIGTERM')
      assert.strictEqual(await first.ended, 0)
      const third = start('200ms', place)
      await feed.publish(10)
      await until(30)
      assert.deepStrictEqual(countOnce(feed.published, await streamTexts(nc, 'RELAYED')), { lost: [], repeated: [], unexpected: [] })
      third.signal('SIGTERM')
      assert.strictEqual(await third.ended, 0)
    })

  for (const [every, duplicateWindowMs, place] of [
    ['200ms', 120_000, 'a folder'],
    ['10m', 120_000, 'a stream'],
    ['10m', 500, 'a folder'],
  ] as const)
    it(`stops a first one that was paused until the second took over, with a checkpoint in ${place} every ${every} and a duplicate window of ${duplicateWindowMs} ms, and nothing is lost or repeated`, async () => {
      await makeStreams(duplicateWindowMs)
      const first = start(every, place)
      feed.start()
      await until(500)
      first.signal('SIGSTOP')
      let second = start(every, place)
      const pausedMs = performance.now()
      for (;;) {
        const reached = await relayed()
        const refused = await Promise.race([second.ended, until(reached + 1_000).then(() => 'runs' as const)])
        if (refused === 'runs') break
        assert.include(second.errors(), `Process ${first.pid} on host`, second.errors())
        assert.isBelow(performance.now() - pausedMs, 45_000, 'the lease should have expired')
        await pause(500)
        second = start(every, place)
      }
      first.signal('SIGCONT')
      const wokenMs = performance.now()
      const code = await Promise.race([first.ended, pause(10_000).then(() => assert.fail('the first one goes on'))])
      console.log(`      stopped ${Math.round(performance.now() - wokenMs)} ms after it woke up`)
      assert.strictEqual(code, 1)
      assert.include(first.errors(), `relay-process failed: Process ${second.pid} on host ${hostname()} took over`)
      assert.include(first.errors(), 'It must stop; the other one goes on from the last checkpoint')
      await feed.stop()
      await until(feed.published.length)
      second.signal('SIGTERM')
      assert.strictEqual(await second.ended, 0)
      assert.deepStrictEqual(countOnce(feed.published, await streamTexts(nc, 'RELAYED')), { lost: [], repeated: [], unexpected: [] })
    })
})

/** Numbers, each acknowledged, until it is stopped. */
class Feed {
  readonly published: string[] = []
  readonly #nc: NatsConnection
  #running = false
  #done: Promise<void> = Promise.resolve()

  constructor(nc: NatsConnection) {
    this.#nc = nc
  }

  async publish(count: number): Promise<void> {
    const js = jetstream(this.#nc)
    const some = Array.from({ length: count }, (_, i) => String(this.published.length + i))
    await Promise.all(some.map(text => js.publish('numbers', text)))
    this.published.push(...some)
  }

  start(): void {
    this.#running = true
    this.#done = this.#run()
  }

  async #run(): Promise<void> {
    while (this.#running) {
      await this.publish(50)
      await pause(20)
    }
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.#done
  }
}
