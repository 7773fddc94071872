// The pipeline as a process of its own, as it would run anywhere: its command line, its progress as JSON, and its end.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What `--json` writes, as far as it is used here. */
export interface Progress {
  readonly type: 'progress' | 'result'
  readonly read: number
  readonly written: number
  readonly perSecond: number
  readonly lag: number | null
  readonly watermark: string
  readonly droppedLate: number
  readonly checkpoint: { readonly lastEpoch: number | null; readonly ageMs: number | null; readonly lastDurationMs: number | null }
  readonly splits: ReadonlyArray<{ readonly position: number | null }>
  readonly sinks: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export interface Ended {
  /** What it told last. */
  readonly last: Progress | null
  readonly code: number | null
  readonly signal: string | null
}

export interface PipelineProcess {
  readonly kill: () => void
  readonly ended: Promise<Ended>
}

const program = fileURLToPath(new URL(`../page-time${extname(import.meta.url)}`, import.meta.url))

/** Starts examples/page-time with the flags that this process was started with. */
export const startPipeline = (args: ReadonlyArray<string>, onProgress: (progress: Progress) => void): PipelineProcess => {
  const child = spawn(process.execPath, [...process.execArgv, program, '--json', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  return { kill: () => void child.kill('SIGKILL'), ended: follow(child, child.stderr, onProgress) }
}

const follow = async (child: ChildProcess, stderr: NodeJS.ReadableStream, onProgress: (progress: Progress) => void): Promise<Ended> => {
  const exited = once(child, 'exit')
  let last: Progress | null = null
  for await (const line of createInterface({ input: stderr })) {
    const told = parsed(line)
    if (told === null) process.stderr.write(`${line}\n`)
    else if (isProgress(told)) {
      last = told
      onProgress(told)
    } else if (told.type !== 'event') process.stderr.write(`page-time: ${told.message}\n`)
  }
  await exited
  return { last, code: child.exitCode, signal: child.signalCode }
}

type Told = Progress | { readonly type: 'event' } | { readonly type: 'message' | 'failure'; readonly message: string }

const isProgress = (told: Told): told is Progress => told.type === 'progress' || told.type === 'result'

const parsed = (line: string): Told | null => {
  try {
    return JSON.parse(line) as Told // our own command line wrote it
  } catch {
    return null
  }
}
