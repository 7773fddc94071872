// Metrics of a pipeline's own functions: whose they are, what is committed, what a restart keeps.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { TestPipeline, TestStream } from '../../../runners/direct/testing.ts'
import {
  Checkpoints,
  Coder,
  Combine,
  CombineFn,
  Create,
  emit,
  millis,
  Metrics,
  minutes,
  named,
  orThrow,
  ParDo,
  PCollection,
  pipe,
  Pipeline,
  seconds,
} from '../../../sdk/index.ts'
import { Feed, Journal, until } from './feed.ts'

const seen = Metrics.counter('seen')
const sizes = Metrics.distribution('sizes')
const latest = Metrics.gauge('latest')
const names = Metrics.stringSet('names')
const numbers = Create.of([1, 2, 3, 4])

const counting = (n: number): number => {
  seen.inc()
  return n
}

describe('the metrics of a pipeline', () => {
  it('are counted apart for each transform, by any of its functions', async () => {
    const { metrics } = await pipe(
      numbers,
      named('First', PCollection.map(counting)),
      PCollection.filter(n => {
        seen.inc(10)
        return n > 2
      }),
      PCollection.flatMap(n => {
        seen.dec()
        return [n, n]
      }),
      named(
        'Bundles',
        ParDo.bundled({
          process: ({ value }) => {
            seen.inc(100)
            return [emit(value)]
          },
          finishBundle: () => {
            seen.inc(0)
            return []
          },
        }),
      ),
      PCollection.keyBy(n => {
        names.add(`key${n}`)
        return n
      }),
      TestPipeline.run(),
    )
    const at = (transform: string) => seen.of(metrics, { transform }).attempted
    assert.deepEqual(['First', 'filter#1', 'flatMap#1', 'Bundles', 'keyBy#1'].map(at), [4, 40, -2, 400, 0])
    assert.strictEqual(seen.of(metrics).committed, 442)
    assert.deepEqual(names.of(metrics).attempted, { strings: ['key3', 'key4'], isCut: false })
  })

  it('have the number, the sum and the bounds of a distribution, over all tasks', async () => {
    const sum = CombineFn.of<number, number, number>({
      create: () => 0,
      add: (a, n) => {
        sizes.update(n)
        return a + n
      },
      merge: (a, b) => {
        seen.inc()
        return a + b
      },
      extract: a => {
        latest.set(a)
        return a
      },
    })
    for (const tasks of [1, 3]) {
      const { metrics } = await pipe(
        numbers,
        PCollection.keyBy(n => n % 2),
        named('Sums', Combine.perKey(sum)),
        TestPipeline.run({ runner: DirectRunner.run({ tasks }) }),
      )
      assert.deepEqual(sizes.of(metrics, { transform: 'Sums' }).committed, { count: 4, sum: 10, min: 1, max: 4 })
      assert.include([4, 6], latest.of(metrics, { transform: 'Sums' }).attempted?.value)
    }
  })

  it('know which transform an asynchronous function belongs to, after it has waited too', async () => {
    const { metrics } = await pipe(
      numbers,
      named(
        'Slow',
        PCollection.mapAsync(
          async n => {
            seen.inc()
            await new Promise(resolve => setTimeout(resolve, 5 - n))
            seen.inc(10)
            return n
          },
          { concurrency: 4 },
        ),
      ),
      named(
        'Quick',
        PCollection.tryMapAsync(async n => {
          await Promise.resolve()
          seen.inc(1_000)
          if (n === 1) throw new Error('one')
          return n
        }),
      ),
      PCollection.filter(E.isRight),
      TestPipeline.run(),
    )
    assert.strictEqual(seen.of(metrics, { transform: 'Slow' }).committed, 44)
    assert.strictEqual(seen.of(metrics, { transform: 'Quick' }).committed, 4_000)
  })

  it('have the newest value of a gauge, by the processing time of the run', async () => {
    const { metrics } = await pipe(
      TestStream.of(
        Coder.varint,
        TestStream.elements([1, 5]),
        TestStream.advanceProcessingTime(seconds(1)),
        TestStream.elements([1, 3]),
        TestStream.advanceProcessingTime(seconds(1)),
      ),
      PCollection.map(n => (latest.set(n), n)),
      TestPipeline.run(),
    )
    assert.deepEqual(latest.of(metrics).committed, { value: 3, at: TestStream.startsAt + 1_000 })
  })

  it('refuse what is no number, as an error of the function', async () => {
    const result = await pipe(
      Pipeline.of(
        pipe(
          numbers,
          named(
            'Odd',
            PCollection.map(n => (seen.inc(n / 0), n)),
          ),
          PCollection.ignore,
        ),
      ),
      DirectRunner.run(),
    )()
    assert.isTrue(E.isLeft(result) && result.left._tag === 'UserCodeFailed' && result.left.transform === 'Odd/map#1')
    assert.match(E.isLeft(result) ? result.left.message : '', /the counter "seen" takes a number, and Infinity is none/)
  })

  it('are told while the job runs: attempted at once, committed with the checkpoint that has them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-metrics-'))
    try {
      const [feed, journal] = [new Feed(), new Journal()]
      const pipeline = Pipeline.of(
        pipe(
          feed.read(),
          PCollection.map(item => counting(item.n)),
          journal.write(),
        ),
      )
      const start = (every: number) =>
        orThrow(
          pipe(pipeline, DirectRunner.start({ checkpoints: Checkpoints.directory(folder, { every: millis(every) }), job: 'counted' })),
        )
      const slow = await start(minutes(10))
      feed.push({ key: 'a', n: 1, at: 1 }, { key: 'a', n: 2, at: 2 })
      await until(() => seen.of(slow.metrics()).attempted === 2)
      assert.deepEqual(seen.of(slow.metrics()), { attempted: 2, committed: 0 })
      const suspended = await orThrow(slow.suspend)
      assert.deepEqual(seen.of(suspended.metrics), { attempted: 2, committed: 2 })

      // What a process attempted and could not commit is gone with it.
      const cut = await start(minutes(10))
      feed.push({ key: 'a', n: 3, at: 3 })
      await until(() => seen.of(cut.metrics()).attempted === 3)
      assert.deepEqual(seen.of((await orThrow(cut.cancel)).metrics), { attempted: 3, committed: 2 })

      const quick = await start(5)
      feed.push({ key: 'a', n: 4, at: 4 })
      await until(() => seen.of(quick.metrics()).committed === 4)
      feed.end()
      assert.deepEqual(seen.of((await orThrow(quick.done)).metrics), { attempted: 4, committed: 4 })

      const again = await start(5)
      assert.deepEqual(seen.of((await orThrow(again.done)).metrics), { attempted: 4, committed: 4 }, 'of a job that is done')
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('are no more than a thousand of a task', async () => {
    const { metrics } = await pipe(
      Create.of(Array.from({ length: 1_200 }, (_, i) => i)),
      PCollection.map(n => (Metrics.counter(`number ${n}`).inc(), n)),
      TestPipeline.run({ runner: DirectRunner.run() }),
    )
    assert.lengthOf(metrics.user, 1_000)
  })
})
