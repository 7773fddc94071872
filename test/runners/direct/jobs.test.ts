// The life of a job on the direct runner: how it ends, and what a later start goes on from.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import * as N from 'fp-ts/lib/number.js'
import { type DirectOptions, DirectRunner } from '../../../runners/direct/index.ts'
import {
  AfterProcessingTime,
  Checkpoints,
  Combine,
  Create,
  FixedWindows,
  Flatten,
  GlobalWindows,
  millis,
  named,
  orThrow,
  PCollection,
  pipe,
  Pipeline,
  Reify,
  Repeatedly,
  Window,
} from '../../../sdk/index.ts'
import { containsInAnyOrder, PAssert } from '../../../sdk/testing/index.ts'
import { ignore } from '../../../sdk/transforms/ignore.ts'
import { Feed, Journal, until } from './feed.ts'
import { leftOf } from '../../support/left-of.ts'

const totals = (feed: Feed, journal: Journal, size = 10): Pipeline =>
  Pipeline.of(
    pipe(
      feed.read(),
      Window.into(FixedWindows.of(millis(size))),
      PCollection.keyBy(item => item.key),
      PCollection.mapValues(item => item.n),
      named('Totals', Combine.perKey(N.MonoidSum)),
      Reify.windowed,
      PCollection.map(({ value: [key, n], window }) => [key, window.start, n]),
      journal.write(),
    ),
  )

describe('a job on the direct runner', () => {
  let folder = ''
  const kept = (o: DirectOptions = {}): DirectOptions => ({
    checkpoints: Checkpoints.directory(folder, { every: millis(20) }),
    job: 'job',
    log: () => undefined,
    ...o,
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-direct-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('may be suspended by one of its own functions, between two bundles', async () => {
    const [journal, stop] = [new Journal(), new AbortController()]
    const pipeline = Pipeline.of(
      pipe(
        Create.of([1, 2, 3]),
        PCollection.map(n => (stop.abort(), n)),
        journal.write('journal', { immediate: false }),
      ),
    )
    const first = await orThrow(pipe(pipeline, DirectRunner.run(kept({ signal: stop.signal }))))
    assert.strictEqual(first.state, 'suspended')
    const second = await orThrow(pipe(pipeline, DirectRunner.run(kept())))
    assert.strictEqual(second.state, 'done')
    assert.deepEqual(journal.values(), [1, 2, 3])
  })

  it('runs a bounded pipeline to its end, and counts what it read and wrote', async () => {
    const journal = new Journal()
    const { state, metrics } = await orThrow(
      pipe(
        Pipeline.of(
          pipe(
            Create.of([1, 2, 3]),
            PCollection.map(n => n * 2),
            journal.write(),
          ),
        ),
        DirectRunner.run(),
      ),
    )
    assert.strictEqual(state, 'done')
    assert.deepEqual(journal.values(), [2, 4, 6])
    assert.deepInclude(metrics, { elementsRead: 3, elementsWritten: 3 })
  })

  it('keeps the outputs of two sources apart, whose splits have the same name', async () => {
    const journal = new Journal()
    await orThrow(pipe(Pipeline.of(pipe(Flatten.of(Create.of([1, 2]), Create.of([3, 4])), journal.write())), DirectRunner.run()))
    assert.sameMembers([...journal.values()], [1, 2, 3, 4])
  })

  it('suspends, and goes on from there with its windows half full', async () => {
    const [feed, journal] = [new Feed(), new Journal()]
    feed.push({ key: 'a', n: 1, at: 1 }, { key: 'a', n: 2, at: 12 })
    const job = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
    await until(() => job.metrics().elementsRead === 2)
    assert.strictEqual((await orThrow(job.suspend)).state, 'suspended')
    assert.deepEqual(journal.values(), [['a', 0, 1]])
    feed.push({ key: 'a', n: 4, at: 13 }, { key: 'b', n: 8, at: 30 }).end()
    const { state, metrics } = await orThrow(DirectRunner.run(kept())(totals(feed, journal)))
    assert.strictEqual(state, 'done')
    assert.strictEqual(metrics.elementsRead, 2)
    assert.sameDeepMembers(
      [...journal.values()],
      [
        ['a', 0, 1],
        ['a', 10, 6],
        ['b', 30, 8],
      ],
    )
  })

  it('does nothing when it is started again after its end', async () => {
    const [feed, journal] = [new Feed().push({ key: 'a', n: 1, at: 1 }).end(), new Journal()]
    await orThrow(DirectRunner.run(kept())(totals(feed, journal)))
    const { state, metrics } = await orThrow(DirectRunner.run(kept())(totals(feed.push({ key: 'a', n: 5, at: 2 }), journal)))
    assert.strictEqual(state, 'done')
    assert.strictEqual(metrics.elementsRead, 0)
    assert.deepEqual(journal.values(), [['a', 0, 1]])
  })

  it('goes on from the newest checkpoint after it was cancelled, without saying anything twice', async () => {
    const [feed, journal] = [new Feed(), new Journal()]
    const job = await orThrow(DirectRunner.start(kept())(totals(feed.push({ key: 'a', n: 1, at: 1 }, { key: 'a', n: 1, at: 11 }), journal)))
    await until(() => journal.values().length === 1)
    feed.push({ key: 'a', n: 1, at: 12 })
    assert.strictEqual((await orThrow(job.cancel)).state, 'cancelled')
    feed.end()
    await orThrow(DirectRunner.run(kept())(totals(feed, journal)))
    assert.sameDeepMembers(
      [...journal.values()],
      [
        ['a', 0, 1],
        ['a', 10, 2],
      ],
    )
  })

  it('publishes again what a checkpoint holds when it failed between the two', async () => {
    const [feed, journal] = [new Feed().push({ key: 'a', n: 1, at: 1 }).end(), new Journal()]
    journal.onCommit = () => Promise.reject(new Error('the destination is away'))
    const error = await leftOf(DirectRunner.run(kept())(totals(feed, journal)))
    assert.deepInclude(error, { _tag: 'IoFailed', transform: 'journal' })
    assert.match(error.message, /the destination is away/)
    assert.deepEqual(journal.values(), [])
    journal.onCommit = null
    await orThrow(DirectRunner.run(kept())(totals(feed, journal)))
    assert.deepEqual(journal.values(), [['a', 0, 1]])
  })

  it('drains: every window fires, and the job cannot be resumed', async () => {
    const [feed, journal] = [new Feed().push({ key: 'a', n: 1, at: 1 }), new Journal()]
    const job = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
    await until(() => job.metrics().elementsRead === 1)
    assert.strictEqual((await orThrow(job.drain)).state, 'drained')
    assert.deepEqual(journal.values(), [['a', 0, 1]])
    const error = await leftOf(DirectRunner.run(kept())(totals(feed, journal)))
    assert.strictEqual(error._tag, 'InvalidPipeline')
    assert.match(error.message, /was drained/)
  })

  it('publishes what it held when it was drained, where that failed, on the next start', async () => {
    const [feed, journal] = [new Feed().push({ key: 'a', n: 1, at: 1 }), new Journal()]
    const job = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
    await until(() => job.metrics().elementsRead === 1)
    journal.onCommit = () => Promise.reject(new Error('the destination is away'))
    assert.match((await leftOf(job.drain)).message, /the destination is away/)
    assert.deepEqual(journal.values(), [])
    journal.onCommit = null
    assert.match((await leftOf(DirectRunner.run(kept())(totals(feed, journal)))).message, /was drained/)
    assert.deepEqual(journal.values(), [['a', 0, 1]])
  })

  it('goes on with a drain that the last process did not finish', async () => {
    const [feed, journal] = [new Feed().push({ key: 'a', n: 1, at: 1 }), new Journal()]
    let answer = (): void => undefined
    const answered = new Promise<void>(resolve => (answer = resolve))
    const pipeline = Pipeline.of(
      pipe(
        feed.read(),
        PCollection.mapAsync(async item => {
          await answered
          return item.n
        }),
        journal.write(),
      ),
    )
    const job = await orThrow(DirectRunner.start(kept())(pipeline))
    await until(() => job.metrics().elementsRead === 1)
    void job.drain()
    const { completed } = job.metrics().checkpoints
    await until(() => job.metrics().checkpoints.completed > completed + 1)
    await orThrow(job.cancel)
    answer()
    // The source has no end.
    assert.strictEqual((await orThrow(DirectRunner.run(kept())(pipeline))).state, 'drained')
    assert.deepEqual(journal.values(), [1])
  })

  it('ends in time when it is asked to while it waits to begin again', async () => {
    const [feed, journal, stop] = [new Feed().push({ key: 'a', n: 1, at: 1 }), new Journal(), new AbortController()]
    const restart = { attempts: 3, initial: millis(100_000), max: millis(100_000) }
    const job = await orThrow(
      DirectRunner.start(kept({ signal: stop.signal, restart, shutdownTimeout: millis(5_000) }))(totals(feed, journal)),
    )
    await until(() => job.metrics().elementsRead === 1)
    feed.fail(new Error('the server is away'))
    await until(() => job.state() === 'restarting')
    feed.failWith = null
    const since = performance.now()
    stop.abort()
    const { state } = await orThrow(job.done)
    assert.strictEqual(state, 'suspended')
    assert.isBelow(performance.now() - since, 5_000)
  })

  it('ends in time when it is asked to while a publish gets no answer, and names what it waited for', async () => {
    const [feed, journal, stop] = [
      new Feed().push({ key: 'a', n: 1, at: 1 }, { key: 'a', n: 1, at: 11 }),
      new Journal(),
      new AbortController(),
    ]
    let asked = false
    journal.onCommit = () => {
      asked = true
      return new Promise(() => undefined)
    }
    const job = await orThrow(DirectRunner.start(kept({ signal: stop.signal, shutdownTimeout: millis(1_000) }))(totals(feed, journal)))
    await until(() => asked)
    const since = performance.now()
    stop.abort()
    const error = await leftOf(job.done)
    assert.strictEqual(error._tag, 'ShutdownTimedOut')
    assert.match(error.message, /it is durable, and what it holds is not published yet/)
    assert.isBelow(performance.now() - since, 10_000)
  })

  it('takes checkpoints and fires timers of processing time after the wall clock was set back by an hour', async () => {
    const [feed, fired] = [new Feed().push({ key: 'a', n: 1, at: 1 }), new Journal()]
    const pipeline = Pipeline.of(
      pipe(
        feed.read(),
        Window.into(GlobalWindows, {
          trigger: Repeatedly.forever(AfterProcessingTime.pastFirstElement(millis(50))),
          accumulation: 'discarding',
        }),
        PCollection.keyBy(item => item.key),
        PCollection.mapValues(item => item.n),
        Combine.perKey(N.MonoidSum),
        PCollection.map(([key, n]) => [key, n]),
        fired.write(),
      ),
    )
    const job = await orThrow(DirectRunner.start(kept())(pipeline))
    await until(() => fired.values().length === 1)
    const { now } = Date
    Date.now = () => now() - 3_600_000
    try {
      const { completed } = job.metrics().checkpoints
      await until(() => job.metrics().checkpoints.completed > completed + 1)
      feed.push({ key: 'a', n: 2, at: 2 })
      await until(() => fired.values().length === 2)
    } finally {
      Date.now = now
    }
    await orThrow(job.cancel)
  })

  it('writes a savepoint, from which another beginning is made', async () => {
    const [feed, journal] = [new Feed().push({ key: 'a', n: 1, at: 1 }), new Journal()]
    const job = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
    await until(() => job.metrics().elementsRead === 1)
    assert.include(await orThrow(job.savepoint('before')), folder)
    feed.push({ key: 'a', n: 1, at: 2 })
    await until(() => job.metrics().elementsRead === 2)
    await orThrow(job.suspend)
    const other = new Journal()
    const { metrics } = await orThrow(DirectRunner.run(kept({ from: { savepoint: 'before' } }))(totals(feed.end(), other)))
    assert.strictEqual(metrics.elementsRead, 1)
    assert.deepEqual(other.values(), [['a', 0, 2]])
  })

  it('writes a savepoint that was asked for right before it was suspended', async () => {
    const [feed, journal] = [new Feed().push({ key: 'a', n: 1, at: 1 }), new Journal()]
    const job = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
    await until(() => job.metrics().elementsRead === 1)
    const [place, result] = await Promise.all([orThrow(job.savepoint('last')), orThrow(job.suspend)])
    assert.include(place, folder)
    assert.strictEqual(result.state, 'suspended')
  })

  it('refuses a savepoint that is not there, and one without checkpoints', async () => {
    const feed = new Feed()
    const error = await leftOf(DirectRunner.run(kept({ from: { savepoint: 'never' } }))(totals(feed, new Journal())))
    assert.deepInclude(error, { _tag: 'CheckpointFailed', kind: 'NoSuchSavepoint' })
    const job = await orThrow(DirectRunner.start()(totals(feed, new Journal())))
    const refused = await job.savepoint('x')()
    assert.isTrue(E.isLeft(refused) && /keeps no checkpoints/.test(refused.left.message))
    await orThrow(job.cancel)
  })

  it('refuses to go on with a pipeline whose state is another', async () => {
    const [feed, journal] = [new Feed().push({ key: 'a', n: 1, at: 1 }), new Journal()]
    const job = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
    await orThrow(job.suspend)
    const error = await leftOf(DirectRunner.run(kept())(totals(feed, journal, 20)))
    assert.strictEqual(error._tag, 'GraphMismatch')
    assert.match(error.message, /Totals/)
  })

  it('refuses a second run of the same job at the same time', async () => {
    const job = await orThrow(DirectRunner.start(kept())(totals(new Feed(), new Journal())))
    assert.deepInclude(await leftOf(DirectRunner.run(kept())(totals(new Feed(), new Journal()))), {
      _tag: 'CheckpointFailed',
      kind: 'LeaseHeld',
    })
    await orThrow(job.cancel)
  })

  it('is suspended by its signal, aborted before or after its start', async () => {
    const [early, later] = [new AbortController(), new AbortController()]
    early.abort()
    const feed = new Feed().push({ key: 'a', n: 1, at: 1 })
    assert.strictEqual((await orThrow(DirectRunner.run(kept({ signal: early.signal }))(totals(feed, new Journal())))).state, 'suspended')
    setTimeout(() => later.abort(), 50)
    assert.strictEqual((await orThrow(DirectRunner.run(kept({ signal: later.signal }))(totals(feed, new Journal())))).state, 'suspended')
  })

  it('ends with the transform and the element where a function throws', async () => {
    const broken = Pipeline.of(
      ignore(
        pipe(
          Create.of([1, 2]),
          named(
            'Broken',
            PCollection.map((n: number) => {
              if (n === 2) throw new Error('two')
              return n
            }),
          ),
        ),
      ),
    )
    const error = await leftOf(DirectRunner.run()(broken))
    assert.strictEqual(error._tag, 'UserCodeFailed')
    assert.isTrue(error._tag === 'UserCodeFailed' && error.transform.startsWith('Broken') && error.element === '2')
  })

  it('ends with what its source failed with', async () => {
    const feed = new Feed()
    const job = await orThrow(DirectRunner.start()(totals(feed, new Journal())))
    setTimeout(() => feed.fail(new Error('the server is gone')), 10)
    const error = await leftOf(job.done)
    assert.deepInclude(error, { _tag: 'IoFailed', transform: 'feed' })
    assert.match(error.message, /the server is gone/)
  })

  it('ends with an assertion that does not hold', async () => {
    const error = await leftOf(DirectRunner.run()(Pipeline.of(ignore(pipe(Create.of([1]), PAssert.that(containsInAnyOrder([2])))))))
    assert.strictEqual(error._tag, 'AssertionFailed')
  })

  it('gives the same with any number of tasks, strict or not', async () => {
    const items = Array.from({ length: 200 }, (_, i) => ({ key: `k${i % 13}`, n: i, at: i }))
    const run = async (o: DirectOptions): Promise<string> => {
      const journal = new Journal()
      await orThrow(DirectRunner.run(o)(totals(new Feed().push(...items).end(), journal, 50)))
      return journal
        .values()
        .map(row => JSON.stringify(row))
        .sort()
        .join()
    }
    const one = await run({})
    for (const tasks of [2, 3, 7]) for (const strict of [false, true]) assert.strictEqual(await run({ tasks, strict, seed: tasks }), one)
  })

  it('gives one default of a global combine of nothing, with any number of tasks', async () => {
    for (const tasks of [1, 2, 3, 4]) {
      const journal = new Journal()
      await orThrow(
        pipe(Pipeline.of(pipe(Create.of<number>([]), Combine.globally(N.MonoidSum), journal.write())), DirectRunner.run({ tasks })),
      )
      assert.deepEqual(journal.values(), [0], `${tasks} tasks, nothing`)
      const other = new Journal()
      await orThrow(pipe(Pipeline.of(pipe(Create.of([1, 2]), Combine.globally(N.MonoidSum), other.write())), DirectRunner.run({ tasks })))
      assert.deepEqual(other.values(), [3], `${tasks} tasks`)
    }
  })
})
