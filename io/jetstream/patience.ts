// Waiting for a server that is away: retries with growing pauses, for as long as a run waits and no longer.
import { ClosedConnectionError } from '@nats-io/nats-core'
import type { HostLease } from '../../sdk/model/bindings.ts'
import { doublingMs, jittered } from '../nats/backoff.ts'
import { connectionSchema } from '../nats/connection-keys.ts'
import { finalAnswer } from './api-errors.ts'
import { JetStreamIOError, causeOf, errorText, notPermitted, refusalIn } from './errors.ts'

/** How long a source or sink waits for a server that is away before the run fails, unless its connection says otherwise. */
export const patienceMs: number = connectionSchema.keys.reconnectFor.fallback

const firstPauseMs = 50
const longestPauseMs = 2_000

/** The pause before attempt `n`, counted from 0; a part of it is chance. */
export const pauseMs = (n: number): number => jittered(doublingMs(n, firstPauseMs, longestPauseMs))

export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal?.aborted === true) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end, { once: true })
  })

/** What is asked. */
export interface Asked {
  /** How long its servers may be away before a run fails. */
  readonly patienceMs: number
  /** Once it is closed: the error to fail with. */
  readonly whyClosed: (label: string) => JetStreamIOError
}

export interface Attempts {
  /** What is being done, for the message: `reading VIEWS`. */
  readonly what: string
  readonly signal: AbortSignal
  readonly link: Asked
  readonly onRetry?: (error: unknown) => void
  /** Of what writes: each attempt waits until the lease is held, and that wait does not count. Checked again right before a write. */
  readonly lease?: HostLease
}

/**
 * Tries until it works. A JetStreamIOError is final and rejects at once, and so does what asking again does not mend: a closed connection,
 * a permission that is missing, a refusal of JetStream that stays (see `api-errors`). Anything else rejects after the link's patience, as ServerUnavailable.
 */
export const persistently = async <A>(o: Attempts, attempt: () => Promise<A>): Promise<A> => {
  let since = Date.now()
  for (let n = 0; ; n++) {
    if (o.lease?.held() === false) {
      await o.lease.whenHeld()
      since = Date.now()
    }
    if (o.signal.aborted) throw new JetStreamIOError('Closed', `${o.what}: stopped.`)
    try {
      return await attempt()
    } catch (error) {
      if (error instanceof JetStreamIOError) throw error
      const refused = refusalIn(error)
      if (refused !== null) throw notPermitted(o.what, refused)
      const final = finalAnswer(error)
      if (final !== null)
        throw new JetStreamIOError(
          'ServerRefused',
          `${o.what}: JetStream refuses what was asked: ${final.description} (${final.code}). Asking again changes nothing: change the stream, its limits or the options, and start the run again.`,
          { cause: error },
        )
      const isClosed = error instanceof ClosedConnectionError || causeOf(error) instanceof ClosedConnectionError
      if (isClosed) throw o.link.whyClosed(o.what)
      if (Date.now() - since > o.link.patienceMs) throw unavailable(o.what, o.link.patienceMs, error)
      o.onRetry?.(error)
      await sleep(pauseMs(n), o.signal)
    }
  }
}

export const unavailable = (what: string, budgetMs: number, why: unknown): JetStreamIOError =>
  new JetStreamIOError(
    'ServerUnavailable',
    `${what}: the NATS server did not do what was asked for ${budgetMs / 1000} s: ${errorText(why)}. Once it is up, start the run again: it goes on from its checkpoint.`,
    { cause: why },
  )

/** Right before a write: throws what `persistently` tries again once the lease is held. */
export const requireHeld = (lease: HostLease, what: string): void => {
  if (!lease.held()) throw new Error(`${what}: the lease of this job is in doubt`)
}
