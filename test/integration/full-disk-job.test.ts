// A full disk fails checkpoints, not data: the run goes on when there is room again, or ends by name and is taken up later.
import * as N from 'fp-ts/lib/number.js'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import {
  Checkpoints,
  Coder,
  Combine,
  Decoder,
  Encoder,
  FixedWindows,
  Instant,
  type Job,
  millis,
  orThrow,
  PCollection,
  type PDone,
  Pipeline,
  pipe,
  Reify,
  seconds,
  Window,
} from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'
import { countOnce } from '../support/count-once.ts'
import { streamTexts } from '../support/read-stream.ts'
import { skip } from '../support/skip.ts'
import { type SmallDisk, smallDisk } from '../support/small-disk.ts'

const isNumber = (value: unknown): value is number => typeof value === 'number'
const range = (from: number, to: number): ReadonlyArray<number> => Array.from({ length: to - from }, (_, i) => from + i)
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Leaves as it comes. */
const relay = (from: string, to: string): PDone =>
  pipe(
    JetStreamIO.read({ stream: from, coder: Coder.bytes }),
    PCollection.orFail,
    JetStreamIO.write({ stream: to, subject: to, coder: Coder.bytes }),
  )

const perSecond = 10

/** Waits for the checkpoint that holds it: the sum of each second, ten numbers long. */
const sums = (from: string, to: string): PDone =>
  pipe(
    JetStreamIO.read({ stream: from, coder: Decoder.json(isNumber), timestamp: n => Instant.ofMillis(n * (1_000 / perSecond)) }),
    PCollection.orFail,
    PCollection.keyBy(n => n % 2 === 0),
    Window.into(FixedWindows.of(seconds(1))),
    Combine.perKey(N.MonoidSum),
    Reify.windowed,
    PCollection.map(({ value: [even, sum], window }) => `${window.start} ${even} ${sum}`),
    JetStreamIO.write({ stream: to, subject: to, coder: Encoder.json<string>() }),
  )

/** Of the seconds that later numbers have brought to their end. */
const expectedSums = (count: number): ReadonlyArray<string> =>
  range(0, Math.floor((count - 1) / perSecond)).flatMap(second =>
    [true, false].map(even => {
      const numbers = range(second * perSecond, (second + 1) * perSecond).filter(n => (n % 2 === 0) === even)
      return JSON.stringify(`${second * 1_000} ${even} ${numbers.reduce((a, b) => a + b, 0)}`)
    }),
  )

const kinds = {
  'what leaves as it comes': { build: relay, expected: (count: number) => range(0, count).map(String) },
  'what waits for checkpoints': { build: sums, expected: expectedSums },
} as const

describe('A full disk under the checkpoints of a run', () => {
  let server: RunningServer
  let nc: NatsConnection
  let disk: SmallDisk | null = null
  let streams = 0

  before(async () => {
    server = await NatsServer.start({ control: true })
    nc = await connect({ servers: server.url })
  })
  beforeEach(async function () {
    const made = await smallDisk(512)
    if (typeof made === 'string') return skip(this, made)
    disk = made
  })
  afterEach(async () => {
    await disk?.remove()
    disk = null
  })
  after(async () => {
    await nc.close()
    await server.stop()
  })

  for (const [what, { build, expected }] of Object.entries(kinds)) {
    const setUp = async () => {
      const [from, to] = [`from${streams}`, `to${streams++}`]
      const jsm = await jetstreamManager(nc)
      for (const name of [from, to]) await jsm.streams.add({ name, subjects: [name] })
      const js = jetstream(nc)
      let fed = 0
      const logged: string[] = []
      const path = (disk ?? assert.fail('there is no disk')).path
      const start = (): Promise<Job> =>
        orThrow(
          pipe(
            Pipeline.of(build(from, to)),
            DirectRunner.start({
              provide: [JetStreamIO.connection({ servers: server.url })],
              checkpoints: Checkpoints.directory(path, { every: millis(100) }),
              job: 'full-disk',
              log: (level, message) => {
                if (level === 'error') logged.push(message)
              },
            }),
          ),
        )
      return {
        disk: disk ?? assert.fail('there is no disk'),
        start,
        logged,
        feed: async (count: number): Promise<void> => {
          for (const n of range(fed, fed + count)) await js.publish(from, JSON.stringify(n))
          fed += count
        },
        /** Until nothing is missing; then nothing may be there twice. */
        arrived: async (): Promise<void> => {
          const deadline = Date.now() + 90_000
          let counts = countOnce(expected(fed), await streamTexts(nc, to))
          while (counts.lost.length > 0 && Date.now() < deadline) {
            await pause(100)
            counts = countOnce(expected(fed), await streamTexts(nc, to))
          }
          assert.deepStrictEqual(counts, { lost: [], repeated: [], unexpected: [] })
        },
      }
    }

    it(`fails checkpoints while it lasts, and loses and repeats nothing of ${what} when there is room again`, async () => {
      const { disk: full, start, logged, feed, arrived } = await setUp()
      const job = await start()
      await feed(200)
      await arrived()
      while (logged.length < 2) {
        await full.fillUp()
        await feed(20)
        await pause(50)
      }
      await full.makeRoom()
      await feed(200)
      await arrived()
      const { checkpoints } = job.metrics()
      assert.isAtLeast(checkpoints.failed, 2)
      assert.match(
        logged[0] ?? '',
        /^a checkpoint failed \(1 of 5 in a row until the run fails\): Could not .* The disk is full: make room; .*the next checkpoint tries again\.$/,
      )
      assert.strictEqual((await orThrow(job.suspend)).state, 'suspended')
      await arrived()
    })

    it(`ends the run by name after five in a row, and a later start with room goes on with ${what}, nothing lost or repeated`, async () => {
      const { disk: full, start, logged, feed, arrived } = await setUp()
      const job = await start()
      await feed(200)
      await arrived()
      await full.fillUp()
      await feed(100)
      // What an earlier checkpoint leaves behind when it is removed is room for the next one.
      while (job.state() === 'running') {
        await full.fillUp()
        await pause(20)
      }
      const ended = await job.done()
      if (ended._tag === 'Right') return assert.fail(`it ended as ${ended.right.state}`)
      if (ended.left._tag !== 'CheckpointFailed') return assert.fail(ended.left.message)
      assert.strictEqual(ended.left.kind, 'StoreFull')
      assert.include(ended.left.message, full.path)
      assert.include(ended.left.message, 'make room')
      assert.strictEqual(logged.length, 4)
      await full.makeRoom()
      await feed(50)
      const again = await start()
      await arrived()
      await feed(50)
      await arrived()
      await orThrow(again.suspend)
      await arrived()
    })
  }
})
