// npm run test:crash -- [--rounds N] [--seed S] [--only NAME]: N kills for each pipeline and runner, of the process at any moment and at each phase of a
// checkpoint, and of single workers; and a quarter as many of the server.
import { parseArgs } from 'node:util'
import { describe } from './kills.ts'
import { type Result, runScenario } from './scenario.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    help: { type: 'boolean' },
  },
})
const rounds = Number(values.rounds)
const seed = Number(values.seed)
if (values.help === true || !Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seed)) {
  process.stdout.write(
    'npm run test:crash -- [--rounds N] [--seed S] [--only NAME]\n\n--rounds N  kills of each pipeline on each runner, in all ways in turn (20)\n--seed S    for the moments of the kills (1)\n--only NAME  one of them alone: windows on 2 workers, for instance\n',
  )
  process.exit(values.help === true ? 0 : 2)
}

const show = ({ kills, serverKills, events, lost, duplicated, wrong }: Result): string =>
  `${kills.length} kills (${describe(kills)}), ${serverKills} of the server, ${events} events: lost ${lost}, duplicated ${duplicated}, wrong ${wrong}`

let [passed, failed] = [0, 0]
const all = { kills: 0, serverKills: 0, events: 0, lost: 0, duplicated: 0, wrong: 0 }
for (const [pipeline, workers] of [
  ['relay', null],
  ['windows', null],
  ['relay', 2],
  ['windows', 2],
] as const) {
  const name = workers === null ? pipeline : `${pipeline} on ${workers} workers`
  if ((values.only ?? name) !== name) continue
  try {
    const plan = { pipeline, workers, kills: rounds, serverKills: Math.ceil(rounds / 4), longOutage: true, seed }
    const result = await runScenario(plan, line => process.stderr.write(`${line}\n`))
    process.stdout.write(`${name}: ${show(result)}\n`)
    all.kills += result.kills.length
    for (const figure of ['serverKills', 'events', 'lost', 'duplicated', 'wrong'] as const) all[figure] += result[figure]
    if (result.lost + result.duplicated + result.wrong === 0) passed++
    else failed++
  } catch (error) {
    failed++
    process.stdout.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}
process.stdout.write(
  `${all.kills} kills, ${all.serverKills} of the server besides, ${all.events} events: lost ${all.lost}, duplicated ${all.duplicated}, wrong ${all.wrong}; ${passed} passed, ${failed} failed\n`,
)
process.exitCode = failed === 0 ? 0 : 1
