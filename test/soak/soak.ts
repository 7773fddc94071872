// Runs the soak's pipeline for a while and looks at what it keeps: entries of each structure of each transform, readers, handles and the heap.
// What grows with the input between the middle and the end of a run is a leak.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Checkpoints, type JobMetrics, millis, orThrow, pipe } from '../../sdk/index.ts'
import { JetStreamIO } from '../../io/jetstream/index.ts'
import { NatsServer } from '../../io/jetstream/testing/index.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { WorkerThreadsRunner } from '../../runners/worker-threads/index.ts'
import { Feeder } from './feeder.ts'
import { soak } from './shapes.ts'
import { soakStreams } from './streams.ts'

export interface SoakRun {
  /** numbers: windows, triggers, state, timers, side inputs and splits. streams: JetStream's readers and sinks. */
  readonly of: 'numbers' | 'streams'
  readonly runner: 'direct' | 'worker-threads'
  readonly store: boolean
  /** Numbers run through one transform that keeps something of each. */
  readonly leaks?: boolean | undefined
}

export const soakRuns: ReadonlyArray<SoakRun> = (['numbers', 'streams'] as const).flatMap(of =>
  (['direct', 'worker-threads'] as const).flatMap(runner => [false, true].map(store => ({ of, runner, store }))),
)

export const nameOf = ({ of, runner, store }: SoakRun): string => `${of}, ${runner}, ${store ? 'with' : 'without'} a checkpoint store`

interface Sample {
  readonly elements: number
  /** More is to come from the read that the shapes share. */
  readonly isReading: boolean
  /** By what was counted. */
  readonly counts: ReadonlyMap<string, number>
}

export interface SoakReport {
  readonly elements: number
  readonly figures: string
  /** What grows, in words. */
  readonly problems: ReadonlyArray<string>
}

const megabyte = 1_048_576
/** Growth that a run may show without a leak: batches that are under way differ from one look to the next, and code is still compiled. */
const allowed = { entries: 3_000, heap: 16 * megabyte, heapOfShortRun: 64 * megabyte, others: 20 } as const
const shortMs = 60_000

export const runSoak = (run: SoakRun, ms: number): Promise<SoakReport> =>
  run.of === 'numbers' ? soakNumbers(run, ms) : soakOfStreams(run, ms)

const inFolder = async <A>(work: (folder: string) => Promise<A>): Promise<A> => {
  const folder = await mkdtemp(join(tmpdir(), 'jetbeam-soak-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const everyCheckpoint = millis(200)
const quietLog = (): void => undefined

const soakNumbers = ({ runner, store, leaks = false }: SoakRun, ms: number): Promise<SoakReport> =>
  inFolder(async folder => {
    const samples: Sample[] = []
    const options = {
      job: 'soak',
      log: quietLog,
      onProgress: (metrics: JobMetrics): void => void samples.push(sampleOf(metrics)),
      // TextIO keeps checkpoints wherever it writes, unless an option forbids it: without a store nothing is written.
      ...(store ? { checkpoints: Checkpoints.directory(join(folder, 'checkpoints'), { every: everyCheckpoint }) } : {}),
    }
    const pipeline = soak({ ms, text: store ? join(folder, 'numbers.txt') : '', leaks })
    const run = runner === 'direct' ? DirectRunner.run(options) : WorkerThreadsRunner.run({ ...options, workers: 2 })
    const { metrics } = await orThrow(pipe(pipeline, run))
    return reportOf(samples, metrics.elementsRead, ms)
  })

/** The store is a directory on the direct runner, and JetStream on worker threads. */
const soakOfStreams = ({ runner, store }: SoakRun, ms: number): Promise<SoakReport> =>
  inFolder(async folder => {
    const server = await NatsServer.start()
    const samples: Sample[] = []
    let [read, consumers, isRunning] = [0, 0, true]
    const feeder = await Feeder.make(server.url, { isRunning: () => isRunning, read: () => read, queue: store })
    try {
      const every = { every: everyCheckpoint }
      const checkpoints = runner === 'direct' ? Checkpoints.directory(join(folder, 'checkpoints'), every) : Checkpoints.jetstream(every)
      const options = {
        job: 'soak',
        log: quietLog,
        provide: [JetStreamIO.connection({ servers: server.url })],
        onProgress: (metrics: JobMetrics): void => {
          read = metrics.elementsRead
          samples.push(sampleOf(metrics, [['consumers', consumers]]))
        },
        ...(store ? { checkpoints } : {}),
      }
      const start = runner === 'direct' ? DirectRunner.start(options) : WorkerThreadsRunner.start({ ...options, workers: 2 })
      const job = await orThrow(pipe(soakStreams({ exactlyOnce: store }), start))
      const failed = orThrow(job.done).then(() => undefined)
      const feeding = feeder.feed()
      const until = Date.now() + ms
      while (Date.now() < until) {
        consumers = await feeder.consumers()
        await Promise.race([failed, new Promise(resolve => setTimeout(resolve, 200))])
      }
      const { elementsRead } = job.metrics()
      isRunning = false
      await feeding
      await orThrow(store ? job.suspend : job.cancel)
      await failed
      const open = JetStreamIO.openConnections().length
      const report = reportOf(samples, elementsRead, ms)
      return open === 0 ? report : { ...report, problems: [...report.problems, `${open} connections stayed open`] }
    } finally {
      isRunning = false
      await feeder.close()
      await server.stop()
    }
  })

const sampleOf = (metrics: JobMetrics, more: ReadonlyArray<readonly [string, number]> = []): Sample => {
  const counts = new Map<string, number>([
    ['readers', metrics.splits.filter(({ status }) => status !== 'done').length],
    ['handles', process.getActiveResourcesInfo().length],
    ...more,
  ])
  for (const { transform, state } of metrics.transforms)
    for (const [structure, entries] of Object.entries(state)) counts.set(`${transform}: ${structure}`, entries)
  const heap = metrics.user.find(({ name }) => name === 'heap')
  if (heap?.kind === 'gauge') counts.set('heap', heap.attempted.value)
  const isReading = metrics.splits.some(({ id, status }) => !id.startsWith('splits/') && status !== 'done')
  return { elements: metrics.elementsRead, isReading, counts }
}

/** The least of a part of the run is what it keeps in any case. */
const least = (samples: ReadonlyArray<Sample>, count: string): number =>
  Math.min(...samples.map(({ counts }) => counts.get(count) ?? Infinity))

const reportOf = (samples: ReadonlyArray<Sample>, elements: number, ms: number): SoakReport => {
  // At the end of the input all windows close, which would hide what was kept until then.
  const reading = samples.filter(({ elements: read, isReading }) => read > 0 && isReading)
  const third = Math.floor(reading.length / 3)
  const [middle, end] = [reading.slice(third, 2 * third), reading.slice(2 * third)]
  const counts = [...new Set(reading.flatMap(sample => [...sample.counts.keys()]))].sort()
  const grown = counts.flatMap(count => {
    const [before, after] = [least(middle, count), least(end, count)]
    const heap = ms < shortMs ? allowed.heapOfShortRun : allowed.heap
    const most = count === 'heap' ? heap : count.includes(': ') ? allowed.entries : allowed.others
    return after - before > Math.max(most, before / 4) ? [`${count} grew from ${before} to ${after}`] : []
  })
  const missing = ['heap', 'readers', 'handles'].filter(count => !Number.isFinite(least(end, count)))
  const last = reading.at(-1)
  const entries = [...(last?.counts ?? [])].filter(([count]) => count.includes(': '))
  const sum = (structure: string): number => entries.reduce((all, [count, n]) => (count.endsWith(`: ${structure}`) ? all + n : all), 0)
  const figures = [
    `${elements} elements`,
    `heap ${Math.round(least(middle, 'heap') / megabyte)} to ${Math.round(least(end, 'heap') / megabyte)} MB`,
    `${entries.reduce((all, [, n]) => all + n, 0)} entries`,
    ...['keys', 'windows', 'timers', 'holds', 'changes', 'splits'].map(structure => `${sum(structure)} ${structure}`),
    `${last?.counts.get('readers') ?? 0} readers`,
    `${last?.counts.get('handles') ?? 0} handles`,
    ...(last?.counts.has('consumers') === true ? [`${last.counts.get('consumers') ?? 0} consumers`] : []),
  ].join(', ')
  const problems = [
    ...grown,
    ...missing.map(count => `${count}: never counted`),
    ...(reading.length < 9 ? [`only ${reading.length} looks: run it for longer`] : []),
  ]
  return { elements, figures, problems }
}
