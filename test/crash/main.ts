// npm run test:crash -- [--rounds N] [--seed S] [--only NAME]: N kills for each pipeline and runner, of the process at any moment and at each phase of a
// checkpoint, and of single workers; and a quarter as many of the server. And N rounds of a process that cannot confirm its lease.
import { refuse, scriptOptions } from '../support/script-options.ts'
import { describeDisturbed, type Disturbed, disturbancesOf } from './disturbances.ts'
import { describe } from './kills.ts'
import { runKvScenario, showKv } from './kv-scenario.ts'
import { type Disturbance, runLeaseScenario, showLeases } from './lease-scenario.ts'
import { type Result, runScenario } from './scenario.ts'

const usage = `npm run test:crash -- [--rounds N] [--seed S] [--only NAME]

--rounds N   kills of each pipeline on each runner, in all ways in turn (20)
--seed S     for the moments of the kills (1)
--disturbances N  disturbances of each kind of servers, each with effect (a quarter of the rounds)
--only NAME  one of them alone: windows on 2 workers, for instance
--lease MS   of the processes that cannot confirm theirs (3000)
`
const { values } = scriptOptions(usage, {
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    disturbances: { type: 'string' },
    only: { type: 'string' },
    lease: { type: 'string', default: '3000' },
  },
})
const rounds = Number(values.rounds)
const seed = Number(values.seed)
if (!Number.isInteger(rounds) || rounds < 0 || !Number.isInteger(seed)) refuse('--rounds and --seed are whole numbers', usage)

const disturbances = Number(values.disturbances ?? Math.ceil(rounds / 4))
if (!Number.isInteger(disturbances)) refuse('--disturbances is a whole number', usage)

const show = ({ kills, serverKills, disturbed, events, lost, duplicated, wrong, unacknowledged }: Result): string =>
  `${kills.length} kills (${describe(kills)}), ${serverKills} of the server${disturbed.length === 0 ? '' : `, ${describeDisturbed(disturbed)}`}, ${events} events: lost ${lost}, duplicated ${duplicated}, wrong ${wrong}, unacknowledged ${unacknowledged}`

let [passed, failed] = [0, 0]
const allDisturbed: Disturbed[] = []
const all = { kills: 0, serverKills: 0, events: 0, lost: 0, duplicated: 0, wrong: 0 }
const scenarios = [
  ['relay', null, 1, false],
  ['windows', null, 1, false],
  ['relay', 2, 1, false],
  ['windows', 2, 1, false],
  ['relay', null, 3, false],
  ['windows', 2, 3, false],
  ['windows', null, 1, true],
  ['windows', 2, 1, true],
  ['queue', null, 1, false],
  ['queue', 2, 1, false],
  ['queue', null, 3, false],
  ['queue', 2, 3, false],
  ['windows', null, 3, true],
  ['lateRelay', 2, 1, false],
] as const
const titles = { relay: 'relay', windows: 'windows', queue: 'queue', lateRelay: 'relay with late acknowledgments' } as const
const nameOf = ([pipeline, workers, servers, batches]: (typeof scenarios)[number]): string =>
  (workers === null ? titles[pipeline] : `${titles[pipeline]} on ${workers} workers`) +
  (servers === 1 ? '' : ' in a cluster') +
  (batches ? ' in batches' : '')
const leaseRounds: ReadonlyArray<readonly [name: string, disturbance: Disturbance, workers: number | null]> = [
  ['cut off from its store', 'cutOff', null],
  ['cut off from its store on 2 workers', 'cutOff', 2],
  ['stopped beyond its lease', 'stopped', null],
  ['stopped beyond its lease on 2 workers', 'stopped', 2],
]
const kvRounds = [
  ['kv', null],
  ['kv on 2 workers', 2],
] as const
const names = [...scenarios.map(nameOf), ...kvRounds.map(([name]) => name), ...leaseRounds.map(([name]) => name)]
if (values.only !== undefined && !names.includes(values.only)) refuse(`there is no ${values.only}, but ${names.join(', ')}`, usage)

const kindsOf = (pipeline: (typeof scenarios)[number][0], servers: 1 | 3): ReadonlyArray<Disturbed['kind']> =>
  disturbancesOf(pipeline, servers).flatMap(kind => Array<Disturbed['kind']>(disturbances).fill(kind))

const kindsWithoutEffect = (disturbed: ReadonlyArray<Disturbed>): ReadonlyArray<string> =>
  [...new Set(disturbed.map(({ kind }) => kind))].filter(kind => !disturbed.some(one => one.kind === kind && one.bitten))

for (const scenario of scenarios) {
  const [pipeline, workers, servers, batches] = scenario
  const name = nameOf(scenario)
  if ((values.only ?? name) !== name) continue
  try {
    const plan = {
      pipeline,
      workers,
      servers,
      batches,
      kills: rounds,
      serverKills: Math.ceil(rounds / 4),
      longOutage: true,
      seed,
      disturbances: kindsOf(pipeline, servers),
    }
    const result = await runScenario(plan, line => process.stderr.write(`${line}\n`))
    process.stdout.write([`${name}: ${show(result)}`, ...result.examples, ''].join('\n'))
    all.kills += result.kills.length
    allDisturbed.push(...result.disturbed)
    for (const figure of ['serverKills', 'events', 'lost', 'duplicated', 'wrong'] as const) all[figure] += result[figure]
    const without = kindsWithoutEffect(result.disturbed)
    if (without.length > 0) process.stdout.write(`${name}: never with effect, so nothing is shown: ${without.join(', ')}\n`)
    if (result.lost + result.duplicated + result.wrong + result.unacknowledged + without.length === 0) passed++
    else failed++
  } catch (error) {
    failed++
    process.stdout.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}
for (const [name, workers] of kvRounds) {
  if ((values.only ?? name) !== name || disturbances === 0) continue
  try {
    const result = await runKvScenario({ workers, rounds: disturbances }, line => process.stderr.write(`${line}\n`))
    process.stdout.write([`${name}: ${describeDisturbed(result.disturbed)}, ${showKv(result)}`, ...result.examples, ''].join('\n'))
    allDisturbed.push(...result.disturbed)
    all.events += result.keys
    for (const figure of ['lost', 'duplicated', 'wrong'] as const) all[figure] += result[figure]
    const without = kindsWithoutEffect(result.disturbed)
    if (without.length > 0) process.stdout.write(`${name}: never with effect, so nothing is shown: ${without.join(', ')}\n`)
    if (result.lost + result.duplicated + result.wrong + without.length === 0) passed++
    else failed++
  } catch (error) {
    failed++
    process.stdout.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}
for (const [name, disturbance, workers] of leaseRounds) {
  if ((values.only ?? name) !== name) continue
  try {
    const result = await runLeaseScenario({ disturbance, workers, leaseMs: Number(values.lease), rounds, atOnce: 2 }, line =>
      process.stderr.write(`${line}\n`),
    )
    process.stdout.write([`${name}: ${showLeases(result)}`, ...result.examples, ''].join('\n'))
    if (result.lost + result.repeated + result.sentInDoubt === 0) passed++
    else failed++
  } catch (error) {
    failed++
    process.stdout.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}
process.stdout.write(
  `${all.kills} kills, ${all.serverKills} of the server besides${allDisturbed.length === 0 ? '' : `, ${describeDisturbed(allDisturbed)}`}, ${all.events} events: lost ${all.lost}, duplicated ${all.duplicated}, wrong ${all.wrong}; ${passed} passed, ${failed} failed\n`,
)
process.exitCode = failed === 0 ? 0 : 1
