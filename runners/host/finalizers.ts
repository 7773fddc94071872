// What is to be called once a checkpoint is durable and published (Beam's bundle finalization). Best effort: nothing of it outlives the process.
import type { Finalizer } from '../harness/stage-instance.ts'
import type { HostLease } from '../../sdk/model/bindings.ts'
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'
import { inTime } from './time-limit.ts'
import { errorText } from '../../sdk/model/error-text.ts'

/** How long the end of a run waits for them. */
const longestMs = 10_000

/** One that waits for a checkpoint, with the task that asked for it. */
export interface TakenFinalizer {
  readonly task: string
  readonly finalizer: Finalizer
}

export class Finalizers {
  readonly #log: Log
  readonly #clock: Pick<Clock, 'after'>
  readonly #lease: HostLease
  /** By task: what belongs to its next snapshot. */
  readonly #waiting = new Map<string, Finalizer[]>()
  readonly #running = new Set<Promise<void>>()

  constructor(log: Log, clock: Pick<Clock, 'after'>, lease: HostLease) {
    this.#log = log
    this.#clock = clock
    this.#lease = lease
  }

  /** What is called belongs to what the task has handed on until now. */
  add(task: string, finalizers: ReadonlyArray<Finalizer>): void {
    if (finalizers.length === 0) return
    const waiting = this.#waiting.get(task)
    if (waiting === undefined) this.#waiting.set(task, [...finalizers])
    else waiting.push(...finalizers)
  }

  /** Somebody waits for a checkpoint that is not under way. */
  get waiting(): boolean {
    return this.#waiting.size > 0
  }

  /** What belongs to a snapshot that the task has just taken. */
  take(task: string): ReadonlyArray<TakenFinalizer> {
    const taken = (this.#waiting.get(task) ?? []).map(finalizer => ({ task, finalizer }))
    this.#waiting.delete(task)
    return taken
  }

  /** The checkpoint was given up: its finalizers belong to the tasks' next snapshots. */
  giveBack(taken: ReadonlyArray<TakenFinalizer>): void {
    for (const { task, finalizer } of taken) this.add(task, [finalizer])
  }

  /** The checkpoint is durable and published. */
  run(taken: ReadonlyArray<TakenFinalizer>): void {
    for (const { finalizer } of taken) {
      const running = this.#run(finalizer).finally(() => this.#running.delete(running))
      this.#running.add(running)
    }
  }

  async #run({ transform, call }: Finalizer): Promise<void> {
    // Acknowledgments are seen by others. A run that ends before the lease is confirmed leaves them to the next start.
    if (!(await isHeld(this.#lease))) return
    try {
      await call()
    } catch (error) {
      this.#log('error', `${transform}: a function given to afterCommit failed: ${errorText(error)}`)
    }
  }

  /** Until those that run have ended, but not for ever. */
  async settle(): Promise<void> {
    if (this.#running.size === 0) return
    await inTime<unknown>(this.#clock, Promise.all(this.#running), longestMs, () =>
      this.#log('warn', `${this.#running.size} functions given to afterCommit had not ended ${longestMs} ms after the run`),
    )
  }
}

const isHeld = (lease: HostLease): Promise<boolean> =>
  lease.whenHeld().then(
    () => true,
    () => false,
  )
