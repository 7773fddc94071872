// A program of ours in a process of its own: what it writes, how it ends, and signals to it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Program {
  readonly pid: number
  /** What it has written to standard error. */
  readonly errors: () => string
  /** Its exit code, once it has ended and all it wrote was read; null if a signal ended it. */
  readonly ended: Promise<number | null>
  readonly signal: (name: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGKILL') => void
}

/** `path` from test/support. */
export const startProgram = (path: string, args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}): Program => {
  const program = fileURLToPath(new URL(path, import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', '-C', 'jetbeam-source', program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`${program} did not start`)
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  return {
    pid,
    errors: () => errors,
    ended: once(child, 'close').then(() => child.exitCode),
    signal: name => void child.kill(name),
  }
}
