// A run's lease, in its main thread: renewals on request, what the log, events and metrics say of doubts, and the run's failure where
// another process has taken the job over.
import type { HostLease } from '../../sdk/model/bindings.ts'
import type { JobMetrics } from '../../sdk/model/job-metrics.ts'
import { CheckpointError, type CheckpointSession } from '../checkpoint/store.ts'
import type { LeaseConfirmation } from '../checkpoint/confirmation.ts'
import type { Clock } from './clock.ts'
import type { Tell } from './job-events.ts'
import type { LeaseDoubt } from './lease-gate.ts'
import type { Log } from './log.ts'
import { SharedConfirmation } from './shared-confirmation.ts'
import { ThreadLease } from './thread-lease.ts'

const retryMs = 1_000

export interface SessionLeasePlace {
  readonly clock: Clock
  readonly log: Log
  readonly tell: Tell
  /** Failed renewals in a row, while the lease is in doubt, that end the run. */
  readonly failures: number
}

const reasons: Readonly<Record<LeaseDoubt, string>> = {
  expired: 'it was not renewed in time',
  stopped: 'this process was stopped, or a function blocked its thread',
  clockJumped: 'this machine was suspended, or its clock was set',
}

/** Never confirmed, and never again. */
const lost: LeaseConfirmation = { beganMs: -Infinity, untilMs: -Infinity }

export class SessionLease implements HostLease {
  readonly #session: CheckpointSession
  readonly #place: SessionLeasePlace
  readonly #thread: ThreadLease
  /** For threads beside this one. */
  readonly shared = new SharedConfirmation()
  /** The threads in doubt: a worker's number, or null for this one. */
  readonly #doubtful = new Set<number | null>()
  #sinceMs = 0
  #doubts = 0
  #asking = false
  #failed = 0
  #failure: Error | null = null
  #changed: () => void = () => undefined

  constructor(session: CheckpointSession, place: SessionLeasePlace) {
    this.#session = session
    this.#place = place
    this.shared.write(session.confirmed())
    this.#thread = new ThreadLease({
      clock: place.clock,
      expiryMs: session.expiryMs,
      newest: () => this.#newest(),
      ask: () => this.renew(),
      onDoubt: because => this.doubted(null, because),
      onHeld: () => this.heldAgain(null),
    })
  }

  /** One callback, the newest: the lease is held again, or the run has failed. */
  onChange(callback: () => void): void {
    this.#changed = callback
  }

  get expiryMs(): number {
    return this.#session.expiryMs
  }

  #newest(): LeaseConfirmation {
    const newest = this.#session.lost() ? lost : this.#session.confirmed()
    this.shared.write(newest)
    return newest
  }

  readonly held = (): boolean => this.#thread.held()
  readonly whenHeld = (): Promise<void> => this.#thread.whenHeld()

  /** Whether this thread, or another one of the run, waits for a confirmation. */
  get inDoubt(): boolean {
    return this.#doubtful.size > 0
  }

  /** Since when, by the monotonic clock; null: it is not in doubt. */
  get doubtfulSinceMs(): number | null {
    return this.inDoubt ? this.#sinceMs : null
  }

  /** Throws what the run failed with: `LeaseLost`, or what the store answered to renewals again and again. */
  requireHold(): void {
    if (this.#failure !== null) throw this.#failure
  }

  metrics(): JobMetrics['lease'] {
    return { inDoubt: this.inDoubt, doubts: this.#doubts }
  }

  /** Asks the store now, unless it is being asked. */
  renew(): void {
    if (this.#asking || this.#failure !== null) return
    this.#asking = true
    this.#session.renew().then(
      () => {
        this.#asking = false
        this.#failed = 0
        this.held()
      },
      (error: unknown) => this.#onRefused(error),
    )
  }

  #onRefused(error: unknown): void {
    const isLost = error instanceof CheckpointError && error.kind === 'LeaseLost'
    if (isLost || (this.#doubtful.has(null) && ++this.#failed >= this.#place.failures)) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      this.#thread.end(this.#failure)
      return this.#changed()
    }
    // The next look asks again.
    this.#place.clock.after(retryMs, () => (this.#asking = false))
  }

  /** A thread cannot rely on the lease any more. */
  doubted(worker: number | null, because: LeaseDoubt): void {
    const isFirst = !this.inDoubt
    this.#doubtful.add(worker)
    if (!isFirst) return
    this.#doubts++
    this.#sinceMs = this.#place.clock.monotonicMs()
    const of = worker === null ? {} : { worker }
    this.#place.log(
      // A stop within the lease's time costs one renewal.
      because === 'expired' ? 'warn' : 'info',
      `the lease is in doubt: ${reasons[because]}. Nothing is read, published or acknowledged until it is confirmed`,
      of,
    )
    this.#place.tell({ _tag: 'LeaseInDoubt', reason: because, worker })
  }

  heldAgain(worker: number | null): void {
    if (!this.#doubtful.delete(worker)) return
    this.#changed()
    if (this.inDoubt) return
    const doubtMs = this.#place.clock.monotonicMs() - this.#sinceMs
    this.#failed = 0
    this.#place.log('info', `the lease is confirmed again, after ${Math.round(doubtMs)} ms`)
    this.#place.tell({ _tag: 'LeaseConfirmed', doubtMs })
  }

  /** What waits for the lease, or will, is rejected; nothing is asked for any more. */
  end(): void {
    this.#thread.end()
  }
}
