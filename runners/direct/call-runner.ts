// Runs the calls of an asynchronous stage: a deadline for each attempt, retries with backoff and jitter, results as data.
import type { Transform } from '../../sdk/graph/node.ts'
import type { Retry } from '../../sdk/model/failure.ts'
import type { CallOutcome } from '../engine/messages.ts'
import type { Random } from './random.ts'

type Call = Extract<Transform, { readonly _tag: 'MapAsync' }>

/** What the deadline of one attempt throws into it. */
export class CallTimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms. Raise the timeout option, or look at what the call waits for`)
    this.name = 'CallTimeoutError'
  }
}

/** Never rejects. `signal` ends waiting between attempts, and reaches the function through its call. */
export const runCall = async (call: Call, element: unknown, signal: AbortSignal, random: Random): Promise<CallOutcome> => {
  const retry: Retry<never> = call.retry ?? { attempts: 1 }
  for (let attempt = 1; ; attempt++) {
    const outcome = await oneAttempt(call, element, attempt, signal)
    if (!worthAnother(call, retry, outcome) || attempt >= retry.attempts || signal.aborted) return outcome
    await pause(backoffMs(retry, attempt, random), signal)
  }
}

const oneAttempt = async ({ f, timeoutMs }: Call, element: unknown, attempt: number, outer: AbortSignal): Promise<CallOutcome> => {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(new CallTimeoutError(timeoutMs)), timeoutMs)
  const signal = AbortSignal.any([outer, deadline.signal])
  try {
    const started = (f as (element: unknown, call: { readonly signal: AbortSignal; readonly attempt: number }) => unknown)(element, {
      signal,
      attempt,
    })
    return { _tag: 'Resolved', value: await Promise.race([started, rejectedBy(signal)]), attempts: attempt }
  } catch (error) {
    return { _tag: 'Rejected', error, attempts: attempt }
  } finally {
    clearTimeout(timer)
  }
}

const rejectedBy = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason }))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })

/** A rejection is; so is the Left of a TaskEither, unless `while` says otherwise. */
const worthAnother = ({ onRejected }: Call, retry: Retry<never>, outcome: CallOutcome): boolean => {
  const worth = retry.while as ((error: unknown) => boolean) | undefined
  if (outcome._tag === 'Rejected') return onRejected === 'either' || worth === undefined || worth(outcome.error)
  if (onRejected !== 'either') return false
  const either = outcome.value as { readonly _tag: string; readonly left?: unknown }
  return either._tag === 'Left' && (worth === undefined || worth(either.left))
}

const backoffMs = (retry: Retry<never>, attempt: number, random: Random): number => {
  const jitter = retry.jitter ?? 0.2
  const pauseMs = Math.min((retry.initial ?? 100) * 2 ** (attempt - 1), retry.max ?? 30_000)
  return pauseMs * (1 - jitter + 2 * jitter * random())
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end, { once: true })
  })
