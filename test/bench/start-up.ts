// From nothing to the end of a tiny pipeline, in a process of its own on compiled output: what four workers add to one thread.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { BenchOptions } from './bench-options.ts'
import { measure, type Row, type Timing, underMs } from './measure.ts'

const run = promisify(execFile)
const program = fileURLToPath(new URL('start-up-process.mjs', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

const told = z.object({ readyMs: z.number(), doneMs: z.number(), cpuMs: z.number() })

const began = async (...args: ReadonlyArray<string>): Promise<Timing> => {
  // Without what this process was started with: compiled output needs no loader and no condition.
  const { stdout } = await run(process.execPath, [program, ...args], { env: { ...process.env, NODE_OPTIONS: '' } })
  const { doneMs, cpuMs } = told.parse(JSON.parse(stdout))
  return { ms: doneMs, cpuMs }
}

export const startUp = async ({ quick }: BenchOptions): Promise<Row> => {
  await run('npm', ['run', 'build'], { cwd: root })
  const measured = await measure(
    [
      { name: 'direct runner', elements: 1, run: () => began('direct') },
      { name: '1 worker thread', elements: 1, run: () => began('threads', '1') },
      { name: '4 worker threads', elements: 1, run: () => began('threads', '4') },
    ],
    quick ? 5 : 15,
  )
  return { name: 'start-up', measured, targets: [underMs(measured, '4 worker threads', 500, 'direct runner')] }
}
