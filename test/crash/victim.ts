// A pipeline's process that is started, killed and started again.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export class Victim {
  readonly #program: string
  readonly #args: ReadonlyArray<string>
  #child: ChildProcess | null = null
  #errors = ''
  kills = 0

  constructor(program: string, args: ReadonlyArray<string>) {
    this.#program = fileURLToPath(new URL(program, import.meta.url))
    this.#args = args
  }

  start(): void {
    const child = spawn(process.execPath, ['--import', 'tsx', '-C', 'jetbeam-source', this.#program, ...this.#args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#errors = ''
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-4_000)
    })
    // Started while the server was down, it says so and ends, as it should: whoever supervises it tries again.
    child.once('exit', code => {
      if (this.#child === child && code === 1 && this.#errors.includes('No NATS server could be reached'))
        setTimeout(() => this.#restart(child), 200)
    })
    this.#child = child
  }

  #restart(ended: ChildProcess): void {
    if (this.#child === ended) this.start()
  }

  /** Throws where it ended by itself: it was to run for ever. */
  checkAlive(): void {
    if (this.#errors.includes('No NATS server could be reached')) return
    if (this.#child?.exitCode !== null)
      throw new Error(`the pipeline ended by itself with exit code ${this.#child?.exitCode}:\n${this.#errors}`)
  }

  async kill(): Promise<void> {
    this.checkAlive()
    await this.#end('SIGKILL')
    this.kills++
  }

  /** As a service manager does. */
  async terminate(): Promise<void> {
    this.checkAlive()
    await this.#end('SIGTERM')
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async dispose(): Promise<void> {
    await this.#end('SIGKILL')
  }
}
