// A pipeline's process that is started, killed and started again, or loses a worker and goes on.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isDeath, isHit, type Kill, type Sentence, type Told } from './kills.ts'

/** A worker may run out of memory: it should not take that of the machine. */
const heapMegabytes = 300
/** How long a moment may be waited for. */
const longestMs = 120_000

const program = fileURLToPath(new URL('condemned.ts', import.meta.url))

export class Victim {
  readonly #args: ReadonlyArray<string>
  readonly #note: (what: string) => void
  #child: ChildProcess | null = null
  #errors = ''
  /** Its exit code, once all that it wrote was read. */
  #endedWith: number | null = null
  readonly kills: Kill[] = []

  /** `note` is told all that it does, and all that happens to it. */
  constructor(args: ReadonlyArray<string>, note: (what: string) => void) {
    this.#args = args
    this.#note = note
  }

  start(): void {
    const node = [`--max-old-space-size=${heapMegabytes}`, '--import', 'tsx', '-C', 'jetbeam-source']
    const child = spawn(process.execPath, [...node, program, ...this.#args], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    const name = `process ${child.pid}`
    this.#note(`${name} started`)
    this.#errors = ''
    this.#endedWith = null
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#note(`${name} writes: ${chunk.toString()}`)
      this.#errors = (this.#errors + chunk.toString()).slice(-4_000)
    })
    child.on('message', told => this.#note(`${name}: ${told as Told}`))
    child.once('exit', (code, signal) => this.#note(`${name} ended: ${code ?? signal}`))
    // Started while the server was down, it says so and ends, as it should: whoever supervises it tries again.
    child.once('close', code => {
      if (this.#child === child) this.#endedWith = code
      if (this.#child === child && code === 1 && this.#isServerAway) setTimeout(() => this.#restart(child), 200)
    })
    this.#child = child
  }

  get #isServerAway(): boolean {
    return /No NATS server could be reached|CONNECTION_REFUSED|connection refused/i.test(this.#errors)
  }

  #restart(ended: ChildProcess): void {
    if (this.#child === ended) this.start()
  }

  /** Throws where it ended by itself: it was to run for ever. */
  checkAlive(): void {
    if (this.#endedWith !== null && !this.#isServerAway)
      throw new Error(`the pipeline ended by itself with exit code ${this.#endedWith}:\n${this.#errors}`)
  }

  /** Until the kill has come to pass; the process runs again then, or is on its way. */
  async kill(kill: Kill): Promise<void> {
    this.checkAlive()
    this.#note(`to kill: ${kill}`)
    if (kill === 'anyMoment') {
      await this.#end('SIGKILL')
      this.start()
    } else {
      await this.#until('the first checkpoint', told => told === 'CheckpointCompleted')
      const child = this.#child
      const hit = isDeath(kill) ? this.#until(`a worker that ${kill}`, isHit) : this.#untilKilled(kill)
      child?.send({ kill } satisfies Sentence)
      await hit
    }
    this.kills.push(kill)
  }

  /** Resolves once this number of further checkpoints is complete. */
  async untilCheckpoints(count: number): Promise<void> {
    let left = count
    await this.#until(`${count} checkpoints`, told => told === 'CheckpointCompleted' && --left <= 0)
  }

  /** Until the pipeline reports that a stream is not the one that it has read. */
  untilRefused(): Promise<void> {
    return this.#until('a refusal of an older store', told => told === 'LostHistory')
  }

  async #untilKilled(kill: Kill): Promise<void> {
    const child = this.#child
    if (child === null) throw new Error('there is no process to kill')
    await this.#within(`a kill ${kill}`, once(child, 'exit'))
    if (child.signalCode !== 'SIGKILL') throw new Error(`it ended with exit code ${child.exitCode} before a kill ${kill}:\n${this.#errors}`)
    this.start()
  }

  /** The process may be another one meanwhile. */
  async #until(what: string, holds: (told: Told) => boolean): Promise<void> {
    let heard: ChildProcess | null = null
    let told = false
    const listen = (tag: Told): void => {
      told ||= holds(tag)
    }
    const deadline = Date.now() + longestMs
    while (!told) {
      if (this.#child !== heard) {
        heard?.off('message', listen)
        heard = this.#child?.on('message', listen) ?? null
      }
      this.checkAlive()
      if (Date.now() > deadline) throw new Error(`${what} has not come within ${longestMs} ms:\n${this.#errors}`)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    heard?.off('message', listen)
  }

  async #within(what: string, work: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} has not come within ${longestMs} ms:\n${this.#errors}`)), longestMs)
    })
    try {
      await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** As a service manager does. */
  async terminate(): Promise<void> {
    this.checkAlive()
    await this.#end('SIGTERM')
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async dispose(): Promise<void> {
    await this.#end('SIGKILL')
  }
}
