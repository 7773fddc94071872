// What a run measures of itself, on each runner: per split and per transform, by class of error, per thread.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import {
  Checkpoints,
  Create,
  type JobMetrics,
  Latency,
  millis,
  named,
  orThrow,
  PCollection,
  Pipeline,
  pipe,
  type PortablePipeline,
  prometheusText,
  type TransformMetrics,
} from 'jetbeam'
import { type DirectOptions, DirectRunner } from 'jetbeam/runners/direct'
import { TextIO } from 'jetbeam/io/text'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { Rates } from '../../../runners/host/rates.ts'
import { Feed } from '../direct/feed.ts'
import { breaksOnce, leastCallMs, measured, parse } from '../../support/measured-programs.ts'

const lines = 10_000
/** Every hundredth of them. */
const asked = 100

describe('What a run measures', () => {
  let folder: string
  let bytes = 0
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-measured-'))
    const text = Array.from({ length: lines }, (_, i) => `${i}\n`).join('')
    bytes = text.length
    await writeFile(join(folder, 'lines.txt'), text)
  })
  after(() => rm(folder, { recursive: true }))

  const at = (name: string): string => join(folder, name)
  const transform = ({ transforms }: JobMetrics, path: string): TransformMetrics => {
    const found = transforms.find(one => [one.transform, ...one.fused].some(it => it === path || it.startsWith(`${path}/`)))
    return found ?? assert.fail(`${path} is none of ${transforms.map(one => one.transform).join(', ')}`)
  }
  /** Where another took over the rest of a split, both may have read a few lines at the cut. */
  const wasRead = (figure: number): void => assert.approximately(figure, bytes + bytes / 200, bytes / 200)
  const figures = ({ elementsIn, elementsOut, bytesIn, bytesOut }: TransformMetrics) => ({ elementsIn, elementsOut, bytesIn, bytesOut })

  const runners = {
    'the direct runner': { workers: 1, start: DirectRunner.start },
    'two worker threads': {
      workers: 2,
      start: (o: { readonly checkpoints: Checkpoints }) => WorkerThreadsRunner.start({ ...o, workers: 2, restart: { attempts: 2 } }),
    },
  }
  for (const [runner, { workers, start }] of Object.entries(runners)) {
    describe(`on ${runner}`, () => {
      let metrics: JobMetrics
      before(async () => {
        const checkpoints = Checkpoints.directory(at(`state-${workers}`), { every: millis(20) })
        const pipeline: PortablePipeline = measured({ from: at('lines.txt'), to: at(`out-${workers}.txt`) })
        metrics = (await orThrow((await orThrow(start({ checkpoints })(pipeline))).done)).metrics
      })

      it('is how many elements and bytes each transform took and gave', async () => {
        const written = (await readFile(at(`out-${workers}.txt`), 'utf8')).length
        const reading = transform(metrics, 'Parse')
        assert.deepInclude(figures(reading), { elementsIn: lines, elementsOut: asked, bytesOut: 0 })
        wasRead(reading.bytesIn)
        assert.strictEqual(transform(metrics, 'Ask').elementsIn, asked)
        const counted = transform(metrics, 'Write')
        assert.deepInclude(figures(counted), { elementsOut: 7, bytesIn: 0, bytesOut: written })
        wasRead(metrics.bytesRead)
      })

      it('is how long elements took, each of them counted, and of calls each call', () => {
        assert.strictEqual(transform(metrics, 'Parse').latency.count, lines)
        const calls = transform(metrics, 'Ask').latency
        assert.strictEqual(calls.count, asked)
        assert.isAtLeast(Latency.quantile(calls, 0) ?? 0, leastCallMs)
        assert.isAbove(transform(metrics, 'Parse').latency.maxMs, 0)
      })

      it('is what went wrong, by transform and class', () => {
        const counts = metrics.errors.map(({ transform: path, error, count }) => `${path} ${error} ${count}`)
        assert.sameMembers(counts, ['Parse/tryMap#1 TypeError 10', 'Parse/tryMap#1 RangeError 4', 'Ask/tryMapAsync#1 Refused 1'])
      })

      it('is how much of each split was read', () => {
        const sum = (figure: 'elements' | 'bytes'): number => metrics.splits.reduce((total, split) => total + (split[figure] ?? NaN), 0)
        assert.strictEqual(sum('elements'), lines)
        wasRead(sum('bytes'))
        assert.strictEqual(metrics.lagMs, 0)
      })

      it('is how long each checkpoint took, and how old the last one is', () => {
        const { completed, durations, ageMs, lastDurationMs, lastAlignmentMs } = metrics.checkpoints
        assert.isAbove(completed, 0)
        assert.strictEqual(durations.count, completed)
        // Less than a microsecond is no time for any of these.
        for (const figure of [ageMs, lastDurationMs, lastAlignmentMs]) assert.isAbove(figure ?? 0, 0)
        assert.isAtLeast(lastDurationMs ?? 0, lastAlignmentMs ?? 0)
      })

      it('is what each sink was given, and how busy each thread is', () => {
        const [sink] = Object.values(metrics.sinks)
        assert.deepInclude(sink, { rows: 7, bytes: transform(metrics, 'Write').bytesOut })
        assert.deepEqual(
          metrics.workers.map(({ worker }) => worker),
          Array.from({ length: workers }, (_, i) => i),
        )
        for (const { busy, blocked } of metrics.workers) for (const share of [busy, blocked]) assert.isTrue(share >= 0 && share <= 1)
      })

      it('can be scraped', () => {
        const text = prometheusText(metrics, { job: 'a "b"' })
        for (const line of [
          `jetbeam_elements_read_total{job="a \\"b\\""} ${lines}`,
          'jetbeam_errors_total{job="a \\"b\\"",transform="Parse/tryMap#1",error="TypeError"} 10',
          'jetbeam_transform_latency_seconds_count{job="a \\"b\\"",transform="Ask/tryMapAsync#1"} 100',
          'jetbeam_transform_latency_seconds_bucket{job="a \\"b\\"",transform="Ask/tryMapAsync#1",le="0.001024"} 0',
          'jetbeam_transform_latency_seconds_bucket{job="a \\"b\\"",transform="Ask/tryMapAsync#1",le="+Inf"} 100',
        ])
          assert.include(text, `${line}\n`)
        const names = text.match(/^# TYPE \S+/gm) ?? []
        assert.lengthOf(new Set(names), names.length)
        for (const line of text.trimEnd().split('\n')) assert.match(line, /^(# (HELP|TYPE) jetbeam_\w+ .+|jetbeam_\w+\{.+\} -?[\d.e+-]+)$/)
      })
    })
  }

  it('is what an attempt failed with, by the class of the error, from a worker too', async () => {
    const run = WorkerThreadsRunner.run({
      workers: 2,
      checkpoints: Checkpoints.directory(at('broken-state'), { every: millis(20) }),
      restart: { attempts: 2, initial: millis(1) },
      log: () => undefined,
    })
    const { metrics } = await orThrow(run(breaksOnce({ from: at('lines.txt'), to: at('broken.txt'), flag: at('flag') })))
    assert.strictEqual(metrics.restarts, 1)
    const [error, ...more] = metrics.errors
    assert.deepInclude(error, { transform: 'Break/map#1', error: 'Broken', count: 1 })
    assert.isEmpty(more)
  })

  it('is what a run ended with, once, though it was a checkpoint or a call that failed', async () => {
    const ended = async (pipeline: Pipeline, o: DirectOptions = {}, meanwhile = (): Promise<void> => Promise.resolve()) => {
      const job = await orThrow(DirectRunner.start({ ...o, log: () => undefined })(pipeline))
      await meanwhile()
      assert.strictEqual((await job.done())._tag, 'Left')
      return job.metrics().errors.map(({ transform: path, error, count }) => `${path} ${error} ${count}`)
    }
    const state = at('taken-state')
    const endless = Pipeline.of(PCollection.ignore(new Feed().read()))
    const checkpoints = Checkpoints.directory(state, { every: millis(20) })
    assert.deepEqual(await ended(endless, { checkpoints, job: 'job' }, () => rm(join(state, 'job', 'lease'), { recursive: true })), [
      'null LeaseLost 1',
    ])
    const refused = PCollection.mapAsync(() => Promise.reject(new RangeError('no')), { retry: { attempts: 3, initial: millis(1) } })
    assert.deepEqual(await ended(Pipeline.of(PCollection.ignore(refused(Create.of([1]))))), ['mapAsync#1 RangeError 3'])
  })

  it('is how fast things go, and which share of the time they take, while they do', async () => {
    const slowly = named(
      'Slowly',
      PCollection.mapAsync((n: number) => pause(2, n), { concurrency: 1 }),
    )
    const endless = pipe(
      TextIO.read(at('lines.txt')),
      named('Parse', PCollection.tryMap(parse)),
      PCollection.flatMap(result => (E.isRight(result) ? [result.right] : [])),
      slowly,
      PCollection.map(String),
      TextIO.write(at('slowly.txt')),
    )
    const job = await orThrow(DirectRunner.start()(Pipeline.of(endless)))
    const left = new Set(['read', 'split', 'split bytes', 'in', 'out', 'bytes in', 'rows', 'errors', 'busy', 'thread'])
    while (left.size > 0 && job.state() === 'running') {
      await pause(10)
      const told = job.metrics()
      const [parsing, [split], [error], [thread], [sink]] = [
        transform(told, 'Parse'),
        told.splits,
        told.errors,
        told.workers,
        Object.values(told.sinks),
      ]
      const figures: Readonly<Record<string, number | null | undefined>> = {
        read: told.elementsPerSecond,
        split: split?.elementsPerSecond,
        'split bytes': split?.bytesPerSecond,
        in: parsing.elementsInPerSecond,
        out: parsing.elementsOutPerSecond,
        'bytes in': parsing.bytesInPerSecond,
        rows: sink?.['rowsPerSecond'],
        errors: error?.perSecond,
        busy: parsing.busy,
        thread: thread?.busy,
      }
      for (const name of left) if ((figures[name] ?? 0) > 0) left.delete(name)
    }
    await orThrow(job.cancel)
    assert.isEmpty([...left])
  })

  it('is a rate over about the last second', () => {
    const rates = new Rates(0)
    assert.strictEqual(rates.of('read', 10, 40), 0)
    assert.strictEqual(rates.of('read', 10, 100), 100)
    assert.strictEqual(rates.of('read', 300, 1_000), 300)
    assert.strictEqual(rates.of('read', 500, 1_500), 300)
    assert.strictEqual(rates.of('read', 500, 2_000), 200)
    assert.strictEqual(rates.of('read', 500, 3_000), 0)
    assert.strictEqual(rates.of('failed', 1, 4_000), 0.25)
  })

  it('is how long sources are held up by what lies behind them', async () => {
    let open = (): void => undefined
    const gate = new Promise<void>(resolve => (open = resolve))
    const slow = pipe(
      Create.of(Array.from({ length: 20_000 }, (_, i) => i)),
      PCollection.mapAsync(n => gate.then(() => n), { concurrency: 1, timeout: millis(60_000) }),
      PCollection.ignore,
    )
    const job = await orThrow(DirectRunner.start()(Pipeline.of(slow)))
    while ((job.metrics().workers[0]?.blocked ?? 0) < 0.5) await pause(20)
    await orThrow(job.cancel)
    open()
  })
})
