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

/** A server, its streams, and the processes of one job that read and write them. */
class Scene {
  readonly #server: RunningServer
  readonly nc: NatsConnection
  readonly #folder: string
  readonly #place: Place
  readonly feed: Feed
  readonly #running: Program[] = []

  private constructor(server: RunningServer, nc: NatsConnection, folder: string, place: Place) {
    this.#server = server
    this.nc = nc
    this.#folder = folder
    this.#place = place
    this.feed = new Feed(nc)
  }

  static async make(place: Place, duplicateWindowMs: number): Promise<Scene> {
    const server = await NatsServer.start({ control: true })
    const nc = await connect({ servers: server.url })
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'NUMBERS', subjects: ['numbers'] })
    await jsm.streams.add({ name: 'RELAYED', subjects: ['relayed'], duplicate_window: duplicateWindowMs * 1_000_000 })
    return new Scene(server, nc, await mkdtemp(join(tmpdir(), 'jetbeam-two-')), place)
  }

  /** With checkpoints in a stream, the processes have no file in common: they might be on two machines. */
  start(every: string): Program {
    const [checkpoints, environment] =
      this.#place === 'a folder' ? [this.#folder, {}] : ['jetstream', ownMachine(join(this.#folder, `machine-${this.#running.length}`))]
    const program = startProgram(
      './relay-process.ts',
      ['--nats', this.#server.url, '--checkpoints', checkpoints, '--every', every, '--quiet'],
      environment,
    )
    this.#running.push(program)
    return program
  }

  async relayed(): Promise<number> {
    return (await (await jetstreamManager(this.nc)).streams.info('RELAYED')).state.messages
  }

  async until(count: number): Promise<void> {
    for (const deadline = Date.now() + 100_000; (await this.relayed()) < count;) {
      if (Date.now() > deadline)
        assert.fail(`${await this.relayed()} of ${count} arrived; ${this.#running.map(program => program.errors()).join('\n')}`)
      await pause(50)
    }
  }

  async requireOnce(): Promise<void> {
    const counted = countOnce(this.feed.published, await streamTexts(this.nc, 'RELAYED'))
    assert.deepStrictEqual(counted, { lost: [], repeated: [], unexpected: [] })
  }

  async close(): Promise<void> {
    await this.feed.stop()
    for (const program of this.#running.splice(0)) {
      program.signal('SIGKILL')
      await program.ended
    }
    await this.nc.close()
    await this.#server.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

const ownMachine = (home: string): Readonly<Record<string, string>> => ({ XDG_STATE_HOME: home, HOME: home })

/** The second takes over from a first one that was paused, `busy` or with nothing on its way, which then wakes up. */
const overtake = async (scene: Scene, every: string, busy: boolean): Promise<void> => {
  const { feed } = scene
  const first = scene.start(every)
  if (busy) feed.start()
  else await feed.publish(500)
  await scene.until(500)
  first.signal('SIGSTOP')
  if (!busy) feed.start()
  let second = scene.start(every)
  const pausedMs = performance.now()
  for (;;) {
    const reached = await scene.relayed()
    const refused = await Promise.race([second.ended, scene.until(reached + 1_000).then(() => 'runs' as const)])
    if (refused === 'runs') break
    assert.include(second.errors(), `Process ${first.pid} on host`, second.errors())
    assert.isBelow(performance.now() - pausedMs, 120_000, 'the lease should have expired')
    await pause(500)
    second = scene.start(every)
  }
  first.signal('SIGCONT')
  const wokenMs = performance.now()
  const code = await Promise.race([first.ended, pause(30_000).then(() => assert.fail('the first one goes on'))])
  console.log(`      stopped ${Math.round(performance.now() - wokenMs)} ms after it woke up`)
  assert.strictEqual(code, 1)
  assert.include(first.errors(), `relay-process failed: Process ${second.pid} on host ${hostname()} took over`, first.errors())
  assert.include(first.errors(), 'It must stop; the other one goes on from the last checkpoint')
  await feed.stop()
  await scene.until(feed.published.length)
  second.signal('SIGTERM')
  assert.strictEqual(await second.ended, 0)
  await scene.requireOnce()
}

describe('Two processes of one job', function () {
  this.timeout(240_000)
  const scenes: Scene[] = []
  const sceneOf = async (place: Place, duplicateWindowMs = 600_000): Promise<Scene> => {
    const scene = await Scene.make(place, duplicateWindowMs)
    scenes.push(scene)
    return scene
  }
  afterEach(() => Promise.all(scenes.splice(0).map(scene => scene.close())))

  for (const place of ['a folder', 'a stream'] as const)
    it(`refuses the second while the first runs, and names the process that runs it, with checkpoints in ${place}`, async () => {
      const scene = await sceneOf(place)
      const first = scene.start('200ms')
      await scene.feed.publish(10)
      await scene.until(10)
      const second = scene.start('200ms')
      assert.strictEqual(await second.ended, 1)
      assert.include(second.errors(), `relay-process failed: Process ${first.pid} on host ${hostname()}, since `)
      assert.include(second.errors(), 'Stop that process, or give this run another job name')
      await scene.feed.publish(10)
      await scene.until(20)
      first.signal('SIGTERM')
      assert.strictEqual(await first.ended, 0)
      const third = scene.start('200ms')
      await scene.feed.publish(10)
      await scene.until(30)
      await scene.requireOnce()
      third.signal('SIGTERM')
      assert.strictEqual(await third.ended, 0)
    })

  // Side by side: most of it is waiting for a lease to run out.
  it('stops a first one that was paused until the second took over, whatever the checkpoints and the duplicate window, and nothing is lost or repeated', async () => {
    // What a busy process has given to its connection leaves when it wakes up: only within the window does the server know the names.
    const all = [
      ['200ms', 'a folder', 600_000, true],
      ['10m', 'a stream', 600_000, true],
      ['10m', 'a folder', 500, false],
    ] as const
    await Promise.all(
      all.map(async ([every, place, duplicateWindowMs, busy]) => {
        try {
          await overtake(await sceneOf(place, duplicateWindowMs), every, busy)
        } catch (cause) {
          throw new Error(
            `with a checkpoint in ${place} every ${every} and a duplicate window of ${duplicateWindowMs} ms: ${String(cause)}`,
            { cause },
          )
        }
      }),
    )
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
