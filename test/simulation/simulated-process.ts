// A process of a simulated world: its threads, and what lies between it and the servers.
import type { Flying } from './simulated-destination.ts'
import type { Executor, Thread } from './executor.ts'

export class SimulatedProcess {
  readonly executor: Executor
  readonly main: Thread
  /** Its worker threads: set once there are any. */
  workers: () => ReadonlyArray<Thread> = () => []
  dead = false
  /** Until then nothing gets from here to the checkpoint store, or back. */
  cutOffUntilMs = 0
  /** The savepoint that it has read last: a run of its own that begins anew begins there. */
  savepointRead: string | null = null
  /** Of outputs that leave as they come. */
  readonly publishers: { readonly lost: () => ReadonlyArray<Flying> }[] = []
  readonly number: number

  constructor(executor: Executor, number: number) {
    this.executor = executor
    this.number = number
    this.main = executor.thread(`process ${number}`)
  }

  /** As by SIGKILL. */
  kill(): void {
    this.dead = true
    for (const thread of [this.main, ...this.workers()]) thread.dead = true
  }

  /** As by SIGSTOP. */
  stop(): void {
    for (const thread of [this.main, ...this.workers()]) thread.paused = true
  }

  goOn(): void {
    for (const thread of [this.main, ...this.workers()]) if (thread.paused) this.executor.resume(thread)
  }
}
