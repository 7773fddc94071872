// Programs run as their users run them: as processes of their own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  /** Resolves once its output or its standard error holds `part`; rejects if it ends before. */
  readonly says: (part: string) => Promise<void>
  readonly ended: Promise<Ended>
}

export const start = (program: URL, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Running => {
  const flags = ['--import', 'tsx', '-C', 'jetbeam-source', fileURLToPath(program)]
  const child = spawn(process.execPath, [...flags, ...args], {
    env: { ...process.env, ...env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      said[stream] += chunk
      for (const listener of [...listeners]) listener()
    })
  }
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, ...said }))
  const says = (part: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!said.stdout.includes(part) && !said.stderr.includes(part)) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
      void ended.then(() => reject(new Error(`the program ended before it said ${JSON.stringify(part)}: ${said.stderr}`)))
    })
  return { child, says, ended }
}

export const run = (program: URL, ...args: ReadonlyArray<string>): Promise<Ended> => start(program, args).ended
