// All checks that are not tests, one after another; each says its name, and what fell short fails the whole at the end.
// `npm run check -- lint format` runs only these.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const rooms = ['sdk', 'io', 'runners', 'examples', 'test']

const steps = [
  ['types', 'tsc', ['--noEmit', '-p', '.', '--incremental', '--tsBuildInfoFile', 'node_modules/.cache/tsc.json']],
  [
    'lint',
    'eslint',
    [
      '--config',
      '.config/eslint.config.js',
      '--max-warnings',
      '0',
      '--cache',
      '--cache-strategy',
      'content',
      '--cache-location',
      'node_modules/.cache/eslint/',
      '.',
    ],
  ],
  ['format', 'prettier', ['--check', '--log-level', 'warn', '--cache', '--cache-strategy', 'content', '.']],
  ['imports', 'depcruise', ['--config', '.config/dependency-cruiser.cjs', ...rooms]],
  ['unused', 'knip', ['--config', '.config/knip.json', '--no-progress']],
  ['docs', 'node', ['.ci/docs.js']],
  ['package', 'node', ['.ci/package.js']],
]

const asked = process.argv.slice(2)
const unknown = asked.filter(name => !steps.some(([step]) => step === name))
if (unknown.length > 0) {
  console.error(`there is no check called ${unknown.join(', ')}: there are ${steps.map(([step]) => step).join(', ')}`)
  process.exit(2)
}

const began = performance.now()
const failed = []
for (const [name, command, args] of steps) {
  if (asked.length > 0 && !asked.includes(name)) continue
  const start = performance.now()
  console.log(`\n== ${name}`)
  const path = `${join(root, 'node_modules/.bin')}:${process.env.PATH}`
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path } })
  if (error !== undefined) console.error(error.message)
  if (status !== 0) failed.push(name)
  console.log(`== ${name}: ${status === 0 ? 'ok' : 'fell short'} (${seconds(start)})`)
}

console.log(failed.length === 0 ? `\ncheck: all ok (${seconds(began)})` : `\ncheck: ${failed.join(', ')} fell short (${seconds(began)})`)
process.exitCode = failed.length === 0 ? 0 : 1

function seconds(since) {
  return `${((performance.now() - since) / 1_000).toFixed(1)} s`
}
