// Runs the soak's pipeline for a while and looks at what it keeps: entries of each structure of each transform, readers, handles and the heap.
// What grows with the input between the middle and the end of a run is a leak.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Checkpoints, type JobMetrics, millis, orThrow, pipe } from '../../sdk/index.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { WorkerThreadsRunner } from '../../runners/worker-threads/index.ts'
import { soak } from './shapes.ts'

export interface SoakRun {
  readonly runner: 'direct' | 'worker-threads'
  readonly store: boolean
}

export const soakRuns: ReadonlyArray<SoakRun> = [
  { runner: 'direct', store: false },
  { runner: 'direct', store: true },
  { runner: 'worker-threads', store: false },
  { runner: 'worker-threads', store: true },
]

export const nameOf = ({ runner, store }: SoakRun): string => `${runner}, ${store ? 'with' : 'without'} a checkpoint store`

interface Sample {
  readonly elements: number
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
/** Growth that a run may show without a leak: batches that are under way differ from one look to the next. */
const allowed = { entries: 3_000, heap: 16 * megabyte, others: 20 } as const

export const runSoak = async ({ runner, store }: SoakRun, ms: number): Promise<SoakReport> => {
  const folder = await mkdtemp(join(tmpdir(), 'jetbeam-soak-'))
  const samples: Sample[] = []
  const onProgress = (metrics: JobMetrics): void => void samples.push(sampleOf(metrics))
  const options = {
    job: 'soak',
    log: () => undefined,
    onProgress,
    // TextIO keeps checkpoints wherever it writes, unless told where: without a store nothing is written.
    ...(store ? { checkpoints: Checkpoints.directory(join(folder, 'checkpoints'), { every: millis(200) }) } : {}),
  }
  try {
    const pipeline = soak({ ms, text: store ? join(folder, 'numbers.txt') : '' })
    const run = runner === 'direct' ? DirectRunner.run(options) : WorkerThreadsRunner.run({ ...options, workers: 2 })
    const { metrics } = await orThrow(pipe(pipeline, run))
    return reportOf(samples, metrics.elementsRead)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const sampleOf = (metrics: JobMetrics): Sample => {
  const counts = new Map<string, number>([
    ['readers', metrics.splits.filter(({ status }) => status !== 'done').length],
    ['handles', process.getActiveResourcesInfo().length],
  ])
  for (const { transform, state } of metrics.transforms)
    for (const [structure, entries] of Object.entries(state)) counts.set(`${transform}: ${structure}`, entries)
  const heap = metrics.user.find(({ name }) => name === 'heap')
  if (heap?.kind === 'gauge') counts.set('heap', heap.attempted.value)
  return { elements: metrics.elementsRead, counts }
}

/** The least of a part of the run is what it keeps in any case. */
const least = (samples: ReadonlyArray<Sample>, count: string): number =>
  Math.min(...samples.map(({ counts }) => counts.get(count) ?? Infinity))

const reportOf = (samples: ReadonlyArray<Sample>, elements: number): SoakReport => {
  const reading = samples.filter(sample => sample.elements > 0)
  const third = Math.floor(reading.length / 3)
  const [middle, end] = [reading.slice(third, 2 * third), reading.slice(2 * third)]
  const counts = [...new Set(reading.flatMap(sample => [...sample.counts.keys()]))].sort()
  const grown = counts.flatMap(count => {
    const [before, after] = [least(middle, count), least(end, count)]
    const most = count === 'heap' ? allowed.heap : count.includes(': ') ? allowed.entries : allowed.others
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
  ].join(', ')
  const problems = [
    ...grown,
    ...missing.map(count => `${count}: never counted`),
    ...(reading.length < 9 ? [`only ${reading.length} looks: run it for longer`] : []),
  ]
  return { elements, figures, problems }
}
