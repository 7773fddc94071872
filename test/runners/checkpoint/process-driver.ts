// Starts checkpoint-process.ts and talks to it; ends what a test leaves running.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'mocha'

export type Answer = Readonly<Record<string, unknown>>

export interface Driven {
  readonly pid: number
  /** Everything it has said so far. */
  readonly said: ReadonlyArray<Answer>
  readonly send: (verb: string) => void
  /** The next line that nobody has asked for yet. */
  readonly next: () => Promise<Answer>
  readonly ask: (verb: string) => Promise<Answer>
  readonly signal: (signal: 'SIGSTOP' | 'SIGCONT') => void
  /** SIGKILL, and then until it has ended and all it said was read. */
  readonly kill: () => Promise<void>
}

/** Call it in a `describe`: gives a function that starts processes. */
export const checkpointProcesses = (): ((place: string, job: string, leaseExpiryMs?: number) => Promise<Driven>) => {
  const running: Array<Driven> = []
  afterEach(async () => {
    for (const child of running.splice(0)) await child.kill()
  })
  return async (place, job, leaseExpiryMs = 15_000) => {
    const script = fileURLToPath(new URL('./checkpoint-process.ts', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', script, place, job, String(leaseExpiryMs)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const driven = drive(child)
    running.push(driven)
    await driven.next()
    return driven
  }
}

const drive = (child: ChildProcess): Driven => {
  const { pid, stdin, stdout } = child
  if (pid === undefined || stdin === null || stdout === null) throw new Error('the process did not start')
  const said: Array<Answer> = []
  let asked = 0
  let wake: (() => void) | null = null
  const lines = createInterface({ input: stdout })
  let ended = false
  lines.on('line', line => {
    said.push(JSON.parse(line) as Answer)
    wake?.()
  })
  const closed = once(lines, 'close').then(() => {
    ended = true
    wake?.()
  })
  // Writing to one that was killed.
  stdin.on('error', () => undefined)
  const next = async (): Promise<Answer> => {
    while (said.length <= asked) {
      if (ended) throw new Error('the process ended without an answer')
      await new Promise<void>(resolve => (wake = resolve))
    }
    const answer = said[asked++]
    if (answer === undefined) throw new Error('an answer was lost')
    return answer
  }
  const send = (verb: string): void => {
    stdin.write(`${verb}\n`)
  }
  return {
    pid,
    said,
    send,
    next,
    ask: verb => {
      send(verb)
      return next()
    },
    signal: signal => process.kill(pid, signal),
    kill: async () => {
      const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null
      child.kill('SIGKILL')
      await exited
      await closed
    },
  }
}
