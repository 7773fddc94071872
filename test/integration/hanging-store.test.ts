// A store that hangs: checkpoints are given up and taken again when it answers, nothing is lost, and in the end the run fails by name.
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import { Checkpoints, Combine, FixedWindows, type JobEvent, millis, orThrow, PCollection, pipe, Pipeline, Window } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'
import { Feed, Journal, until } from '../runners/direct/feed.ts'

describe('A store that hangs', () => {
  let server: RunningServer
  beforeEach(async () => {
    server = await NatsServer.start({ control: true })
  })
  afterEach(async () => {
    server.resume()
    await server.stop()
  })

  const sums = (feed: Feed, journal: Journal): Pipeline =>
    Pipeline.of(
      pipe(
        feed.read(),
        Window.into(FixedWindows.of(millis(10))),
        PCollection.keyBy(item => item.key),
        PCollection.mapValues(item => item.n),
        Combine.perKey(N.MonoidSum),
        journal.write(),
      ),
    )
  const start = (pipeline: Pipeline, events: JobEvent[], failures: number) =>
    orThrow(
      pipe(
        pipeline,
        DirectRunner.start({
          job: 'job',
          provide: [JetStreamIO.connection({ servers: server.url })],
          checkpoints: Checkpoints.jetstream({ every: millis(50), timeout: millis(400), failures }),
          log: () => undefined,
          onEvent: event => void events.push(event),
        }),
      ),
    )
  const count = (events: ReadonlyArray<JobEvent>, tag: JobEvent['_tag']): number => events.filter(({ _tag }) => _tag === tag).length

  it('costs the checkpoints of that time and nothing else: what they held is in the next one, once', async () => {
    const events: JobEvent[] = []
    const feed = new Feed({ saysIdle: true })
    const journal = new Journal()
    const job = await start(sums(feed, journal), events, 100)
    let next = 0
    const push = (): void => void feed.push({ key: `k${next % 3}`, n: next, at: next++ })
    for (; next < 100;) push()
    await until(() => count(events, 'CheckpointCompleted') > 1)
    await server.pause()
    for (; next < 200;) push()
    await until(() => count(events, 'CheckpointAborted') > 0)
    const aborted = events.find(event => event._tag === 'CheckpointAborted') ?? assert.fail()
    assert.include(aborted.message, 'was not finished within 400 ms')
    assert.isAtLeast(aborted.durationMs, 400)
    server.resume()
    const before = count(events, 'CheckpointCompleted')
    await until(() => count(events, 'CheckpointCompleted') > before + 3)
    feed.end()
    const { metrics } = await orThrow(job.done)
    assert.isAbove(metrics.checkpoints.failed, 0)
    const expected = new Map<string, number>()
    for (let i = 0; i < next; i++) {
      const id = `k${i % 3} ${Math.floor(i / 10)}`
      expected.set(id, (expected.get(id) ?? 0) + i)
    }
    const got = journal.values() as ReadonlyArray<readonly [string, number]>
    assert.sameDeepMembers(
      got.map(([key, sum]) => `${key} ${sum}`),
      [...expected].map(([id, sum]) => `${id.split(' ')[0] ?? ''} ${sum}`),
    )
  })

  it('ends the run after so many in a row, by name, and the job goes on later from the last one that was completed', async () => {
    const events: JobEvent[] = []
    const feed = new Feed({ saysIdle: true }).push({ key: 'a', n: 1, at: 1 })
    const journal = new Journal()
    const job = await start(sums(feed, journal), events, 2)
    await until(() => count(events, 'CheckpointCompleted') > 0)
    await server.pause()
    feed.push({ key: 'a', n: 2, at: 2 })
    const ended = await job.done()
    if (ended._tag === 'Right') return assert.fail(ended.right.state)
    assert.deepInclude(ended.left, { _tag: 'CheckpointFailed', kind: 'TimedOut' })
    assert.strictEqual(count(events, 'CheckpointAborted'), 2)
    const failures = job.metrics().errors.map(({ error, count: times }) => `${error} ${times}`)
    assert.deepEqual(failures, ['TimedOut 2'], 'one that the run went on from, and one that ended it')
    assert.strictEqual(job.state(), 'failed')
    server.resume()
    feed.end()
    const again = await start(sums(feed, journal), events, 2)
    await orThrow(again.done)
    assert.deepEqual(journal.values(), [['a', 3]])
  })
})
