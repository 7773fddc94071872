// Soaks: `npm run test:soak -- --minutes 60`. Millions of elements whose time is over, on both runners, with and without a checkpoint store.
import { refuse, scriptOptions } from '../support/script-options.ts'
import { nameOf, runSoak, soakRuns } from './soak.ts'

const usage = `npm run test:soak -- [--minutes N]

--minutes N  how long all runs together read (1)
`
const { values } = scriptOptions(usage, { options: { minutes: { type: 'string', default: '1' } } })
const minutes = Number(values.minutes)
if (!(minutes > 0)) refuse('--minutes is a number above 0', usage)

let [passed, failed] = [0, 0]
for (const run of soakRuns) {
  const { figures, problems } = await runSoak(run, (minutes * 60_000) / soakRuns.length).catch((error: unknown) => ({
    figures: 'failed',
    problems: [String(error)],
  }))
  console.log(`${nameOf(run)}: ${figures}`)
  for (const problem of problems) console.log(`  - ${problem}`)
  if (problems.length === 0) passed++
  else failed++
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
