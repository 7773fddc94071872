// npm run bench -- [NAME] [--quick] [--json FILE]: each row's contestants in turn, in one run; ratios against the targets.
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { BenchOptions } from './bench-options.ts'
import { inMemory } from './in-memory.ts'
import type { Row } from './measure.ts'
import { relay } from './relay.ts'
import { stateful } from './stateful.ts'

const rows: Readonly<Record<string, (o: BenchOptions) => Promise<Row>>> = { 'in-memory': inMemory, stateful, relay }

const usage = `npm run bench -- [NAME] [--quick] [--json FILE]

NAME   one row only: ${Object.keys(rows).join(', ')}
--quick      fewer elements and rounds
--json FILE  writes all figures there as well
`

const show = ({ name, measured, targets }: Row): string =>
  [
    `\n${name}`,
    ...measured.map(
      m =>
        `  ${m.name.padEnd(36)} ${perElement(m.medianNs)} (${perElement(m.minNs)} to ${perElement(m.maxNs)}), ${Math.round(1e9 / m.medianNs).toLocaleString('en')} a second`,
    ),
    ...targets.map(t => `  ${t.met ? 'met ' : 'MISS'} ${t.says}: ${t.ratio.toFixed(2)}`),
  ].join('\n')

const perElement = (ns: number): string => (ns < 10_000 ? `${ns.toFixed(1)} ns` : `${(ns / 1_000).toFixed(1)} µs`)

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean' }, json: { type: 'string' }, help: { type: 'boolean' } },
  })
  if (values.help === true) {
    process.stdout.write(usage)
    return 0
  }
  const unknown = positionals.filter(name => rows[name] === undefined)
  if (unknown.length > 0) {
    process.stderr.write(`there is no row ${unknown.join(', ')}\n\n${usage}`)
    return 2
  }
  const done: Row[] = []
  for (const [name, row] of Object.entries(rows)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue
    process.stderr.write(`measuring ${name} …\n`)
    const result = await row({ quick: values.quick === true })
    done.push(result)
    process.stdout.write(`${show(result)}\n`)
  }
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ node: process.version, rows: done }, null, 2)}\n`)
  const targets = done.flatMap(row => row.targets)
  const missed = targets.filter(target => !target.met).length
  process.stdout.write(`\n${done.length} rows, ${targets.length - missed} targets met, ${missed} missed\n`)
  return missed === 0 ? 0 : 1
}

process.exitCode = await main()
