// Runs the calls of an asynchronous stage: a deadline for each attempt, retries with backoff and jitter, results as data.
import type { Transform } from '../../sdk/graph/node.ts'
import type { Retry } from '../../sdk/model/failure.ts'
import { countFailure } from '../../sdk/model/metric-scope.ts'
import type { CallOutcome } from '../engine/messages.ts'
import type { Clock } from './clock.ts'
import type { Random } from './random.ts'

type Call = Extract<Transform, { readonly _tag: 'MapAsync' }>

/** What the deadline of one attempt throws into it. */
export class CallTimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms. Raise the timeout option, or look at what the call waits for`)
    this.name = 'CallTimeoutError'
  }
}

/**
 * The attempts and pauses under way. Each has a controller of its own, which ends with it: a signal that outlives its calls would keep
 * something of every one.
 */
export class LiveCalls {
  readonly #clock: Pick<Clock, 'after'>
  readonly #live = new Set<AbortController>()
  #aborted = false

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock
  }

  get aborted(): boolean {
    return this.#aborted
  }

  /** `work` with a signal that is aborted when it takes too long, or when the run stops. */
  async within<A>(timeoutMs: number, late: () => Error, work: (signal: AbortSignal) => Promise<A>): Promise<A> {
    const controller = new AbortController()
    if (this.#aborted) controller.abort(stopped())
    this.#live.add(controller)
    const cancel = this.#clock.after(timeoutMs, () => controller.abort(late()))
    try {
      return await work(controller.signal)
    } finally {
      cancel()
      this.#live.delete(controller)
    }
  }

  abort(): void {
    this.#aborted = true
    for (const controller of this.#live) controller.abort(stopped())
  }
}

const stopped = (): Error => new Error('the run stopped while the call was under way')

/** Never rejects. */
export const runCall = async (call: Call, element: unknown, client: unknown, live: LiveCalls, random: Random): Promise<CallOutcome> => {
  const retry: Retry<never> = call.retry ?? { attempts: 1 }
  for (let attempt = 1; ; attempt++) {
    const outcome = await oneAttempt(call, element, client, attempt, live)
    const isLast = !worthAnother(call, retry, outcome) || attempt >= retry.attempts || live.aborted
    countAttempt(call, outcome, isLast)
    if (isLast) return outcome
    await pause(backoffMs(retry, attempt, random), live)
  }
}

/** A rejection that ends the run is counted with what ends runs. */
const countAttempt = ({ onRejected }: Call, outcome: CallOutcome, isLast: boolean): void => {
  if (outcome._tag === 'Rejected') {
    if (!isLast || onRejected === 'failure') countFailure(outcome.error)
  } else if (onRejected === 'either' && isLeft(outcome.value)) countFailure(outcome.value.left)
}

const oneAttempt = async (
  { f, timeoutMs }: Call,
  element: unknown,
  client: unknown,
  attempt: number,
  live: LiveCalls,
): Promise<CallOutcome> => {
  const call = f as (
    element: unknown,
    call: { readonly signal: AbortSignal; readonly attempt: number; readonly client: unknown },
  ) => unknown
  try {
    const value = await live.within(
      timeoutMs,
      () => new CallTimeoutError(timeoutMs),
      signal => Promise.race([aborted(signal), Promise.resolve(call(element, { signal, attempt, client }))]),
    )
    return { _tag: 'Resolved', value, attempts: attempt }
  } catch (error) {
    return { _tag: 'Rejected', error, attempts: attempt }
  }
}

const isLeft = (value: unknown): value is { readonly left: unknown } =>
  typeof value === 'object' && value !== null && '_tag' in value && value._tag === 'Left'

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason instanceof Error ? signal.reason : stopped())
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

/** Shorter where the run stops. */
const pause = (ms: number, live: LiveCalls): Promise<void> => live.within(ms, stopped, signal => aborted(signal)).catch(() => undefined)
