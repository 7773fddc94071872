// Waiting for a server that is away: retries with growing pauses, for as long as a run waits and no longer.
import { JetStreamIOError, errorText } from './errors.ts'

/** How long a source or sink waits for a server that is away before the run fails. */
export const patienceMs = 120_000

const firstPauseMs = 50
const longestPauseMs = 2_000

/** The pause before attempt `n`, counted from 0. */
export const pauseMs = (n: number): number => Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(n, 10))

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

export interface Attempts {
  /** What is being done, for the message: `reading VIEWS`. */
  readonly what: string
  readonly signal: AbortSignal
  readonly budgetMs?: number
  readonly onRetry?: (error: unknown) => void
}

/** Tries until it works. A JetStreamIOError is final and rejects at once; anything else does after `budgetMs`, as ServerUnavailable. */
export const persistently = async <A>(o: Attempts, attempt: () => Promise<A>): Promise<A> => {
  const budgetMs = o.budgetMs ?? patienceMs
  const since = Date.now()
  for (let n = 0; ; n++) {
    if (o.signal.aborted) throw new JetStreamIOError('Closed', `${o.what}: stopped.`)
    try {
      return await attempt()
    } catch (error) {
      if (error instanceof JetStreamIOError) throw error
      if (Date.now() - since > budgetMs)
        throw new JetStreamIOError(
          'ServerUnavailable',
          `${o.what}: the NATS server did not do what was asked for ${Math.round(budgetMs / 1000)} s: ${errorText(error)}. Once it is up, start the run again: it goes on from its checkpoint.`,
          { cause: error },
        )
      o.onRetry?.(error)
      await sleep(pauseMs(n), o.signal)
    }
  }
}
