// Runs seeds: `npm run test:simulation -- --seeds 2000 [--from 1]`, or one again: `npm run test:simulation -- --seed 42`.
import { refuse, scriptOptions } from '../support/script-options.ts'
import { simulate } from './simulate.ts'

const usage = `npm run test:simulation -- [--seeds N] [--from S], or --seed S

--seeds N  how many runs (1000)
--from S   the first one's seed (1)
--seed S   one run again, with all that it read
`
const { values } = scriptOptions(usage, {
  options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' }, seed: { type: 'string' } },
})
const from = Number(values.seed ?? values.from)
const count = values.seed === undefined ? Number(values.seeds) : 1
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1) refuse('--seeds, --from and --seed are whole numbers', usage)

const began = performance.now()
let [passed, failed] = [0, 0]
for (let seed = from; seed < from + count; seed++) {
  const { problems, scenario, steps, crashes } = simulate(seed)
  if (problems.length === 0) passed++
  else {
    failed++
    const { sources, side, ...shape } = scenario
    console.log(`seed ${seed} failed after ${steps} steps and ${crashes} restarts; again: npm run test:simulation -- --seed ${seed}`)
    console.log(`  ${JSON.stringify({ ...shape, side: side?.view ?? null })}`)
    if (values.seed !== undefined)
      for (const [i, splits] of sources.entries())
        for (const [j, events] of splits.entries()) console.log(`  source ${i} split ${j}: ${JSON.stringify(events)}`)
    for (const problem of problems.slice(0, values.seed === undefined ? 5 : 100)) console.log(`  - ${problem}`)
  }
  if ((seed - from + 1) % 500 === 0)
    console.log(`${seed - from + 1} of ${count}, ${Math.round(((seed - from + 1) * 1_000) / (performance.now() - began))} a second`)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
