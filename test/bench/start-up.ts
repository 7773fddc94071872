// What a program costs before its first element, in processes of their own on compiled output: its imports, beside those of nats-core alone,
// and the time to the end of a tiny pipeline, in one thread and on workers.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { BenchOptions } from './bench-options.ts'
import { measure, type Row, type Timing, underMs, within } from './measure.ts'

const run = promisify(execFile)
const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

const started = z.object({ doneMs: z.number(), cpuMs: z.number() })
const timing = z.object({ ms: z.number(), cpuMs: z.number() })

const outputOf = async (...args: ReadonlyArray<string>): Promise<unknown> => {
  // Without what this process was started with: compiled output needs no loader and no condition.
  const { stdout } = await run(process.execPath, [...args], { env: { ...process.env, NODE_OPTIONS: '' } })
  return JSON.parse(stdout)
}

const began = async (...args: ReadonlyArray<string>): Promise<Timing> => {
  const { doneMs: ms, cpuMs } = started.parse(await outputOf(program('start-up-process.mjs'), ...args))
  return { ms, cpuMs }
}

/** The cost of the imports alone, without the start of Node. */
const imported = async (...specifiers: ReadonlyArray<string>): Promise<Timing> =>
  timing.parse(await outputOf(program('import-process.mjs'), ...specifiers))

const bare = 'import of @nats-io/nats-core'
const whole = 'import of core, jetstream and cli'

export const startUp = async ({ quick }: BenchOptions): Promise<Row> => {
  await run('npm', ['run', 'build'], { cwd: root })
  const measured = await measure(
    [
      { name: bare, elements: 1, run: () => imported('@nats-io/nats-core') },
      { name: whole, elements: 1, run: () => imported('jetbeam', 'jetbeam/io/jetstream', 'jetbeam/cli') },
      { name: 'direct runner', elements: 1, run: () => began('direct') },
      { name: '1 worker thread', elements: 1, run: () => began('threads', '1') },
      { name: '4 worker threads', elements: 1, run: () => began('threads', '4') },
    ],
    quick ? 5 : 15,
  )
  return {
    name: 'start-up',
    measured,
    targets: [within(measured, whole, 4, bare), underMs(measured, '4 worker threads', 500, 'direct runner')],
  }
}
