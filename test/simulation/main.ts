// Runs seeds: `npm run test:simulation -- --seeds 20000 --workers 2`, or one again: `npm run test:simulation -- --seed 42`.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { refuse, scriptOptions } from '../support/script-options.ts'
import { tryMutations } from './mutations.ts'
import { type Outcome, simulate } from './simulate.ts'

const usage = `npm run test:simulation -- [--seeds N] [--from S] [--workers N] [--first] [--mutations [--only NAME]], or --seed S

--seeds N      number of runs (1000; with --mutations 20000)
--from S       first seed (1)
--seed S       one run again, with its data and events
--mix N        its pipeline and data with other faults (0)
--workers N    processes that share the seeds (1)
--first        stop at the first seed that fails
--mutations    apply each patch of test/simulation/mutations to a copy of the tree, and look for a seed that fails there
--only NAME    only patches whose name contains NAME
`
const { values } = scriptOptions(usage, {
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    mix: { type: 'string', default: '0' },
    workers: { type: 'string', default: '1' },
    first: { type: 'boolean', default: false },
    mutations: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})
// Each seed makes its functions anew, so that few run often enough to be worth optimizing: with V8's usual budget, compiling them takes an
// eighth of the time.
setFlagsFromString('--interrupt-budget=1000000')

const isOne = values.seed !== undefined
const from = Number(values.seed ?? values.from)
const count = isOne ? 1 : Number(values.seeds ?? (values.mutations ? 20_000 : 1_000))
const workers = Number(values.workers)
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(workers) || workers < 1)
  refuse('--seeds, --from, --seed and --workers are whole numbers', usage)

const tell = ({ seed, scenario, problems, steps, lives, events }: Outcome): void => {
  const { sources, side, ...shape } = scenario
  console.log(`seed ${seed} failed after ${steps} steps and ${lives} lives; again: npm run test:simulation -- --seed ${seed}`)
  console.log(`  ${JSON.stringify({ ...shape, side: side?.view ?? null })}`)
  if (isOne) {
    for (const [i, splits] of sources.entries())
      for (const [j, part] of splits.entries()) console.log(`  source ${i} split ${j}: ${JSON.stringify(part)}`)
    for (const event of events()) console.log(`  ${event}`)
  }
  for (const problem of problems.slice(0, isOne ? 100 : 5)) console.log(`  - ${problem}`)
}

const closing = ([passed, failed]: readonly [number, number]): void => {
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}

const alone = async (): Promise<readonly [number, number]> => {
  const began = performance.now()
  let [passed, failed] = [0, 0]
  for (let seed = from; seed < from + count && !(values.first && failed > 0); seed++) {
    const outcome = await simulate(seed, { mix: Number(values.mix) })
    if (outcome.problems.length === 0) passed++
    else {
      failed++
      tell(outcome)
    }
    const done = seed - from + 1
    if (done % 500 === 0) console.log(`${done} of ${count}, ${Math.round((done * 1_000) / (performance.now() - began))} a second`)
  }
  return [passed, failed]
}

/** Each worker has every nth part of the seeds, in blocks. */
const shared = async (): Promise<readonly [number, number]> => {
  const share = Math.ceil(count / workers)
  const began = performance.now()
  const parts = await Promise.all(
    Array.from({ length: workers }, (_, i) => part(from + i * share, Math.max(0, Math.min(share, count - i * share)))),
  )
  console.log(`${Math.round((count * 1_000) / (performance.now() - began))} a second, with ${workers} workers`)
  return parts.reduce<readonly [number, number]>(([passed, failed], [p, f]) => [passed + p, failed + f], [0, 0])
}

/** Most of what a seed makes is garbage when it ends. */
const young = ['--min-semi-space-size=16', '--max-semi-space-size=32']

const part = (first: number, seeds: number): Promise<readonly [number, number]> =>
  new Promise((resolve, reject) => {
    if (seeds === 0) return resolve([0, 0])
    const options = ['--from', String(first), '--seeds', String(seeds), ...(values.first ? ['--first'] : [])]
    const child = spawn(process.execPath, [...process.execArgv, ...young, fileURLToPath(import.meta.url), ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      text += more
      process.stdout.write(more.replaceAll(/^\d+ passed, \d+ failed\n/gm, ''))
    })
    child.on('error', reject)
    child.on('close', code => {
      const [, passed, failed] = /(\d+) passed, (\d+) failed\s*$/.exec(text) ?? []
      if (passed === undefined)
        reject(new Error(`the worker from seed ${first} on ended with ${code}, and did not say how many have passed`))
      else resolve([Number(passed), Number(failed)])
    })
  })

if (values.mutations) process.exitCode = (await tryMutations({ seeds: count, from, only: values.only, workers })) ? 0 : 1
else closing(await (workers > 1 ? shared() : alone()))
