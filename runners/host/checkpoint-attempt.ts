// One attempt at a checkpoint as the main thread sees it: its barrier, its deadline, its threads' share, and whether it was given up.
import type { Checkpoint } from '../engine/coordinator.ts'
import type { SnapshotScope } from '../engine/messages.ts'
import type { Clock } from './clock.ts'

/** The share of an attempt that the threads of the run have. */
export interface CrewAttempt {
  /** Sinks are asked where they stand, then sources take their snapshots. */
  readonly inject: () => void
  /** Where each sink stood at the barrier, once all that was published before it is acknowledged. */
  readonly positions: () => Promise<Readonly<Record<string, unknown>>>
  /** Its manifest is durable. */
  readonly persisted: () => void
  /** What it holds is published. */
  readonly publish: () => Promise<void>
  /** It was given up: what its snapshots took goes into the next one. Resolves when all tasks have heard it. */
  readonly abort: () => Promise<void>
}

export interface AttemptContext {
  readonly scope: SnapshotScope
  /** Aborted when the attempt is given up: questions about it end then. */
  readonly signal: AbortSignal
  /** How long threads may take to answer that it was given up, or to publish it; milliseconds. */
  readonly answerMs: number
}

/** How long publishing may take where the checkpoint's own timeout is shorter: sinks have limits of their own. */
const leastPublishMs = 600_000

export interface AttemptLimits {
  readonly timeoutMs: number
  /** In a row; then the run fails. */
  readonly failures: number
}

export class CheckpointAttempt {
  readonly checkpoint: Checkpoint
  readonly crew: CrewAttempt
  readonly #clock: Clock
  readonly #limits: AttemptLimits
  readonly #controller = new AbortController()
  readonly #beganMs: number
  readonly #answerMs: number
  /** Its snapshots may be of tasks that drain. */
  draining = false
  #alignmentMs = 0
  #limitMs: number
  #deadlineMs: number

  /** `crewOf`: the threads' share; nothing is sent yet. */
  constructor(
    checkpoint: Checkpoint,
    clock: Clock,
    limits: AttemptLimits,
    scope: SnapshotScope,
    crewOf: (epoch: number, context: AttemptContext) => CrewAttempt,
  ) {
    this.checkpoint = checkpoint
    this.#clock = clock
    this.#limits = limits
    this.#beganMs = clock.monotonicMs()
    this.#limitMs = limits.timeoutMs
    this.#deadlineMs = clock.monotonicMs() + this.#limitMs
    this.#answerMs = Math.max(leastPublishMs, limits.timeoutMs * limits.failures)
    this.crew = crewOf(checkpoint.epoch, { scope, signal: this.#controller.signal, answerMs: this.#answerMs })
  }

  get epoch(): number {
    return this.checkpoint.epoch
  }

  /** How long what it does now may take; milliseconds. */
  get limitMs(): number {
    return this.#limitMs
  }

  /** When it has taken too long, by the monotonic clock. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** Since its barrier. */
  elapsedMs(): number {
    return this.#clock.monotonicMs() - this.#beganMs
  }

  get alignmentMs(): number {
    return this.#alignmentMs
  }

  /** All tasks have taken their snapshots, at these moments. */
  aligned(takenMs: ReadonlyArray<number>): void {
    this.#alignmentMs = Math.max(0, ...takenMs.map(ms => ms - this.#beganMs))
  }

  get givenUp(): boolean {
    return this.#controller.signal.aborted
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** What the store or a sink still answers to it changes nothing. */
  giveUp(): void {
    this.#controller.abort()
    this.extend()
  }

  /** The threads have as long again to hear of it. */
  extend(): void {
    this.#deadlineMs = this.#clock.monotonicMs() + this.#limitMs
  }

  /** It is durable: from now on it cannot be given up, only published. */
  durable(): void {
    // The threads' own limit comes first: it names who did not answer.
    this.#limitMs = this.#answerMs + this.#limits.timeoutMs
    this.extend()
  }
}
