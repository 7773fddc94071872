// Ten million elements, half of them of one key, through a shuffle to who is slower than those that bring them: does memory stay flat?
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { BenchOptions } from './bench-options.ts'
import type { Row, Target } from './measure.ts'

const run = promisify(execFile)
const program = fileURLToPath(new URL('skewed-shuffle-process.ts', import.meta.url))

const megabyte = 1_048_576
const mostGrowth = 1.25
const mostMegabytes = 512
/** Heaps grow to the size that they need in this share of the elements. */
const warmUp = 0.1
const points = 12

const told = z.object({ ms: z.number(), cpuMs: z.number(), samples: z.array(z.object({ read: z.number(), rss: z.number() })) })

const highest = (megabytes: ReadonlyArray<number>): number => Math.max(...megabytes)

/** So many parts of about equal length, each one's highest. */
const curveOf = (megabytes: ReadonlyArray<number>, parts: number): ReadonlyArray<number> =>
  Array.from({ length: parts }, (_, i) =>
    highest(megabytes.slice(Math.floor((megabytes.length * i) / parts), Math.ceil((megabytes.length * (i + 1)) / parts))),
  )

const targetsOf = (megabytes: ReadonlyArray<number>): ReadonlyArray<Target> => {
  const [first = NaN, , last = NaN] = curveOf(megabytes, 3)
  const most = highest(megabytes)
  return [
    {
      says: `highest RSS in the last third within ${mostGrowth}x of the first third's (${first.toFixed(0)} MB, ${last.toFixed(0)} MB)`,
      ratio: last / first,
      met: last <= mostGrowth * first,
    },
    { says: `RSS within ${mostMegabytes} MB (${most.toFixed(0)} MB)`, ratio: most / mostMegabytes, met: most <= mostMegabytes },
  ]
}

export const skewedShuffle = async ({ quick }: BenchOptions): Promise<Row> => {
  const elements = quick ? 500_000 : 10_000_000
  const args = ['--import', 'tsx', '-C', 'jetbeam-source', program, String(elements)]
  const { stdout } = await run(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: '' }, maxBuffer: 64 * megabyte })
  const { ms, cpuMs, samples } = told.parse(JSON.parse(stdout))
  const megabytes = samples.filter(({ read }) => read >= elements * warmUp).map(({ rss }) => rss / megabyte)
  const ns = (ms * 1_000_000) / elements
  return {
    name: 'skewed-shuffle',
    measured: [{ name: '2 worker threads', elements, medianNs: ns, minNs: ns, maxNs: ns, cpuNs: (cpuMs * 1_000_000) / elements }],
    targets: targetsOf(megabytes),
    notes: [
      `RSS in MB over time, highest of each part: ${curveOf(megabytes, points)
        .map(most => most.toFixed(0))
        .join(' ')}`,
    ],
  }
}
