// npm run bench -- [NAME] [--quick] [--json FILE]: each row's contestants in turn, in one run; ratios against the targets.
import { writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { refuse, scriptOptions } from '../support/script-options.ts'
import type { BenchOptions } from './bench-options.ts'
import { checkpointPause } from './checkpoint-pause.ts'
import { cpuBound } from './cpu-bound.ts'
import { inMemory } from './in-memory.ts'
import type { Row } from './measure.ts'
import { relay } from './relay.ts'
import { skewedShuffle } from './skewed-shuffle.ts'
import { startUp } from './start-up.ts'
import { stateful } from './stateful.ts'
import { wordCount } from './word-count.ts'

const rows: Readonly<Record<string, (o: BenchOptions) => Promise<Row>>> = {
  'in-memory': inMemory,
  stateful,
  relay,
  'cpu-bound': cpuBound,
  'word-count': wordCount,
  'skewed-shuffle': skewedShuffle,
  'start-up': startUp,
  'checkpoint-pause': checkpointPause,
}

const usage = `npm run bench -- [NAME] [--quick] [--json FILE]

NAME   one row only: ${Object.keys(rows).join(', ')}
--quick      fewer elements and rounds
--json FILE  writes all figures there as well
`

const show = ({ name, measured, targets, notes = [] }: Row): string =>
  [
    `\n${name}`,
    ...measured.map(
      m =>
        `  ${m.name.padEnd(36)} ${perElement(m.medianNs)} (${perElement(m.minNs)} to ${perElement(m.maxNs)}), ${Math.round(1e9 / m.medianNs).toLocaleString('en')} a second${m.cpuNs === null ? '' : `, busy ${perElement(m.cpuNs)}`}`,
    ),
    ...notes.map(note => `  ${note}`),
    ...targets.map(t => `  ${t.met ? 'met ' : 'MISS'} ${t.says}: ${t.ratio.toFixed(2)}`),
  ].join('\n')

const perElement = (ns: number): string =>
  ns < 10_000 ? `${ns.toFixed(1)} ns` : ns < 10_000_000 ? `${(ns / 1_000).toFixed(1)} µs` : `${(ns / 1_000_000).toFixed(1)} ms`

const main = async (): Promise<number> => {
  const { values, positionals } = scriptOptions(usage, {
    allowPositionals: true,
    options: { quick: { type: 'boolean' }, json: { type: 'string' } },
  })
  const unknown = positionals.filter(name => rows[name] === undefined)
  if (unknown.length > 0) refuse(`there is no row ${unknown.join(', ')}`, usage)
  const done: Row[] = []
  for (const [name, row] of Object.entries(rows)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue
    process.stderr.write(`measuring ${name} …\n`)
    const before = loadavg()[0] ?? Number.NaN
    const result = await row({ quick: values.quick === true })
    done.push(result)
    process.stdout.write(`${show(result)}\n  load ${before.toFixed(1)} before, ${(loadavg()[0] ?? Number.NaN).toFixed(1)} after\n`)
  }
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify({ node: process.version, processors: availableParallelism(), rows: done }, null, 2)}\n`)
  const targets = done.flatMap(row => row.targets)
  const missed = targets.filter(target => !target.met).length
  process.stdout.write(`\n${done.length} rows, ${targets.length - missed} targets met, ${missed} missed\n`)
  return missed === 0 ? 0 : 1
}

process.exitCode = await main()
