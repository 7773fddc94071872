// Where the next recovery begins to look through a destination: with several workers it moves on after a recovery, as with one.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import { type Job, type JobMetrics, millis, orThrow, pipe, seconds } from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { directoryStore } from '../../runners/checkpoint/index.ts'
import type { CheckpointContent } from '../../runners/host/checkpoint-content.ts'
import { countOnce } from '../support/count-once.ts'
import { natsPlace, pause } from '../support/nats-place.ts'
import { streamTexts } from '../support/read-stream.ts'
import { liveRelay, relayInParts, relayOfSlowHalf } from '../support/relay-programs.ts'

describe('where the next recovery begins', () => {
  const place = natsPlace()

  beforeEach(async () => {
    const jsm = await jetstreamManager(place.nc())
    for (const name of ['IN', 'OUT']) await jsm.streams.add({ name, subjects: [name.toLowerCase()], duplicate_window: 100_000_000 })
  })
  afterEach(async () => {
    const jsm = await jetstreamManager(place.nc())
    for (const name of ['IN', 'OUT']) await jsm.streams.delete(name)
  })

  const publish = async (from: number, to: number): Promise<void> => {
    const js = jetstream(place.nc())
    for (let n = from; n < to; n += 500)
      await Promise.all(
        texts(Math.min(to, n + 500))
          .slice(n)
          .map(text => js.publish('in', text)),
      )
  }
  const texts = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, n) => `message ${n}`)
  const outputs = async (): Promise<number> => {
    const { state } = await (await jetstreamManager(place.nc())).streams.info('OUT')
    return state.messages
  }
  const until = async (job: Job, count: number): Promise<void> => {
    while ((await outputs()) < count && job.state() === 'running') await pause(10)
  }
  /** What the newest checkpoint says. */
  const position = async (job: string): Promise<number> => {
    const session = await directoryStore({ path: place.folder(job) }).open(job)
    const { sinks } = session.latest?.content as CheckpointContent // nothing else is written there
    await session.release()
    const [sink] = Object.values(sinks)
    return (sink?.position as { readonly lastSequence: number }).lastSequence
  }
  const checkpoints = async (job: Job, names: ReadonlyArray<string>): Promise<void> => {
    for (const name of names) await orThrow(job.savepoint(name))
  }
  const relayed = ({ sinks }: JobMetrics, figure: string): number =>
    Object.values(sinks).reduce((sum, figures) => sum + (figures[figure] ?? 0), 0)

  it('is where the destination stands after a recovery of several workers, of which one had published', async () => {
    const options = { ...place.options('moves', seconds(3_600)), log: () => undefined }
    const first = await orThrow(pipe(liveRelay(), WorkerThreadsRunner.start({ ...options, workers: 2 })))
    await publish(0, 50)
    await until(first, 50)
    await checkpoints(first, ['a'])
    await publish(50, 90)
    await until(first, 90)
    await orThrow(first.cancel)
    await pause(200)
    const second = await orThrow(pipe(liveRelay(), WorkerThreadsRunner.start({ ...options, workers: 2 })))
    await publish(90, 100)
    await until(second, 100)
    await checkpoints(second, ['b', 'c', 'd'])
    // Workers tell their figures now and then.
    while (relayed(second.metrics(), 'skipped') < 40 && second.state() === 'running') await pause(10)
    assert.isAtLeast(relayed(second.metrics(), 'skipped'), 40)
    await orThrow(second.cancel)
    assert.strictEqual(await position('moves'), 100)
    assert.deepStrictEqual(await streamTexts(place.nc(), 'OUT'), texts(100))
  })

  it('loses and repeats nothing while parts go from some workers to more and to one', async () => {
    const count = 4_000
    await publish(0, count)
    const options = { ...place.options('parts', millis(60)), log: () => undefined }
    const lives = [2, 3].map(workers => () => pipe(relayInParts(), WorkerThreadsRunner.start({ ...options, workers })))
    for (const [i, start] of [...lives, () => pipe(relayInParts(), DirectRunner.start(options))].entries()) {
      const job = await orThrow(start())
      if (i === lives.length) await orThrow(job.done)
      else {
        await until(job, ((i + 1) * count) / 4)
        await orThrow(job.cancel)
        // Longer than the duplicate window: nothing but the ids that were found keeps an output from being repeated.
        await pause(200)
      }
    }
    const counted = countOnce(texts(count), await streamTexts(place.nc(), 'OUT'))
    assert.deepStrictEqual(counted, { lost: [], repeated: [], unexpected: [] })
  })

  for (const [when, every] of [
    ['before the next checkpoint', seconds(3_600)],
    ['behind another checkpoint', millis(60)],
  ] as const)
    it(`loses and repeats nothing of a part that an idle worker has taken from another, killed ${when}`, async () => {
      await publish(0, 4_000)
      const options = { ...place.options(`taken-${every}`, every), log: () => undefined, workers: 2 }
      const taken = ({ splits }: JobMetrics): number => splits.filter(({ elements }) => (elements ?? 0) > 0).length - 2
      const first = await orThrow(pipe(relayOfSlowHalf(), WorkerThreadsRunner.start(options)))
      while (taken(first.metrics()) < 1 && first.state() === 'running') await pause(5)
      const { completed } = first.metrics().checkpoints
      if (every < 1_000) while (first.metrics().checkpoints.completed < completed + 2 && first.state() === 'running') await pause(5)
      assert.strictEqual(first.state(), 'running')
      await orThrow(first.cancel)
      await pause(200)
      await orThrow(pipe(relayOfSlowHalf(), WorkerThreadsRunner.run(options)))
      const counted = countOnce(texts(4_000), await streamTexts(place.nc(), 'OUT'))
      assert.deepStrictEqual(counted, { lost: [], repeated: [], unexpected: [] })
    })
})
