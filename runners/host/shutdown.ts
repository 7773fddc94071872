// The time limit of a shutdown: from the abort of a run's signal to its end. An orderly suspension has most of it; then the run is
// cancelled, and what it waited for is named; and where even closing takes too long, the run ends without it.
import type { PipelineResult } from '../../sdk/model/run.ts'
import { CheckpointError } from '../checkpoint/store.ts'
import type { Clock } from './clock.ts'

/** Kubernetes kills a pod 30 s after it has asked it to end. */
export const defaultShutdownMs = 20_000
/** The rest is for closing connections, threads and the lease. */
const suspendingShare = 0.6

/** The run did not finish its last checkpoint in time. The next start goes on from the one before it. */
export class ShutdownTimedOut extends Error {
  readonly unfinished: string
  constructor(timeoutMs: number, unfinished: string, cause?: unknown) {
    super(
      `the run was asked to end, and did not finish within the shutdown timeout of ${timeoutMs / 1_000} s: ${unfinished}. ` +
        'The next start goes on from the last checkpoint. Raise shutdownTimeout (--shutdown-timeout) if a checkpoint needs longer.',
      { cause },
    )
    this.name = 'ShutdownTimedOut'
    this.unfinished = unfinished
  }
}

export interface ShutdownPlace {
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  readonly clock: Pick<Clock, 'after'>
}

export class Shutdown {
  readonly #place: ShutdownPlace
  readonly #givenUp = new AbortController()
  readonly #over: Promise<never>
  #refuse: (error: Error) => void = () => undefined
  #cancel: ReadonlyArray<() => void> = []
  /** What is under way, for the message. */
  describe: () => string = () => 'it had not begun'
  /** What was under way when the time for an orderly end was over. */
  #unfinished: string | null = null

  constructor(place: ShutdownPlace) {
    this.#place = place
    this.#over = new Promise((_, reject) => (this.#refuse = reject))
    this.#over.catch(() => undefined) // heard by those that `bound` gives it to
    if (place.signal?.aborted === true) this.#begin()
    place.signal?.addEventListener('abort', this.#begin, { once: true })
  }

  readonly #begin = (): void => {
    const { timeoutMs, clock } = this.#place
    this.#cancel = [
      clock.after(timeoutMs * suspendingShare, () => {
        this.#unfinished = this.describe()
        this.#givenUp.abort()
      }),
      clock.after(timeoutMs, () => this.#refuse(this.error())),
    ]
  }

  /** Aborted when the run should be cancelled. */
  get givenUp(): AbortSignal {
    return this.#givenUp.signal
  }

  /** `cause`: what the run ended with then. */
  error(cause?: unknown): ShutdownTimedOut {
    const atTheEnd = this.#unfinished ?? this.describe()
    return new ShutdownTimedOut(this.#place.timeoutMs, atTheEnd, cause)
  }

  /** `work`, or a ShutdownTimedOut where the time is over before it ends. */
  bound<A>(work: Promise<A>): Promise<A> {
    work.catch(() => undefined) // of work that lost the race
    return Promise.race([work, this.#over])
  }

  /** How a run ended: one that was cancelled because the time was over has not finished, and neither has one that failed then. */
  async outcomeOf(run: Promise<PipelineResult>): Promise<PipelineResult> {
    let result: PipelineResult
    try {
      result = await run
    } catch (error) {
      // A successor's word is no matter of time.
      const isLost = error instanceof CheckpointError && error.kind === 'LeaseLost'
      throw this.#unfinished === null || isLost ? error : this.error(error)
    }
    if (this.#unfinished !== null && result.state === 'cancelled') throw this.error()
    return result
  }

  /** The run has ended. */
  end(): void {
    this.#place.signal?.removeEventListener('abort', this.#begin)
    for (const cancel of this.#cancel) cancel()
  }
}
