// One to one, with promises: calls to the world outside, bounded in number and time.
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { ConnectClient, Transform, UserFunction } from '../graph/node.ts'
import { requireFunction, requireKnown } from '../graph/misuse.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { Failure, Retry } from '../model/failure.ts'
import type { HostContext } from '../model/bindings.ts'
import { type Duration, seconds } from '../model/time.ts'

/** How `PCollection.mapAsync` and its kin make their calls. `E`: what they may fail with. */
export interface AsyncOptions<in E> {
  /** How many calls may be in flight at once in a task. 16 unless told. */
  readonly concurrency?: number | undefined
  /** How long one attempt may take; then its signal is aborted and it counts as rejected. 30 s unless told; there is always one. */
  readonly timeout?: Duration | undefined
  /** Results come out in their elements' order, unless false. */
  readonly ordered?: boolean | undefined
  /** No second attempt unless told. */
  readonly retry?: Retry<E> | undefined
}

/** What an asynchronous function is told besides its element. */
export interface Call {
  /** Aborted when the attempt's time is up, or the run stops: hand it to `fetch`. */
  readonly signal: AbortSignal
  /** From 1. */
  readonly attempt: number
}

type MapAsync = Extract<Transform, { readonly _tag: 'MapAsync' }>

const defaults = { concurrency: 16, timeout: seconds(30) } as const

const transformOf = (
  verb: string,
  f: UserFunction,
  onRejected: MapAsync['onRejected'],
  o: AsyncOptions<never> = {},
  client: ConnectClient | null = null,
): MapAsync => {
  requireKnown(verb, o, ['concurrency', 'timeout', 'ordered', 'retry'])
  requireKnown(`${verb} with retry`, o.retry, ['attempts', 'initial', 'max', 'jitter', 'while'])
  const { concurrency = defaults.concurrency, timeout = defaults.timeout, ordered = true, retry } = o
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new RangeError(`${verb}: concurrency is a whole number from 1, and ${concurrency} is not`)
  if (!(timeout > 0 && Number.isFinite(timeout)))
    throw new RangeError(
      `${verb}: timeout is a length of time above 0, and ${timeout} ms is not: a call that never ends would hold the watermark for ever`,
    )
  if (retry !== undefined && !(Number.isInteger(retry.attempts) && retry.attempts >= 1)) {
    throw new RangeError(`${verb}: retry.attempts counts all calls of an element, from 1, and ${retry.attempts} is no such number`)
  }
  if (retry?.jitter !== undefined && !(retry.jitter >= 0 && retry.jitter <= 1))
    throw new RangeError(`${verb}: retry.jitter is a share from 0 to 1, and ${retry.jitter} is not`)
  for (const [name, pause] of [['initial', retry?.initial] as const, ['max', retry?.max] as const]) {
    if (pause !== undefined && !(pause >= 0 && Number.isFinite(pause)))
      throw new RangeError(`${verb}: retry.${name} is a length of time from 0, and ${pause} ms is not`)
  }
  return { _tag: 'MapAsync', f, onRejected, concurrency, timeoutMs: timeout, ordered, retry: retry ?? null, client }
}

/**
 * Each element through `f`, with bounded concurrency, in order unless `ordered: false`. What rejects after the last attempt ends the
 * run. An element that was in flight when a process died is called for again.
 *
 * Throws a RangeError for a concurrency, timeout, number of attempts or pause between them that is none.
 *
 * @example
 * const page = (id: string, { signal }: Call) => fetch(`https://example.org/${id}`, { signal }).then(answer => answer.text())
 * const pages = pipe(ids, PCollection.mapAsync(page, { concurrency: 32, retry: { attempts: 3 } }))
 */
export const mapAsync =
  <A, B>(f: (a: A, call: Call) => Promise<B>, o?: AsyncOptions<unknown>) =>
  (pc: PCollection<A>): PCollection<B> =>
    apply(transformOf('PCollection.mapAsync', f, 'end', o), [pc], { kind: 'mapAsync' })

/**
 * As `mapAsync`, but what rejects after the last attempt becomes a Left with the element: for `separate` or `deadLetter`.
 *
 * @example
 * pipe(texts, PCollection.tryMapAsync(async text => parse(text).id), PCollection.deadLetter(rejected)) // => 'x'
 */
export const tryMapAsync =
  <A, B>(f: (a: A, call: Call) => Promise<B>, o?: AsyncOptions<unknown>) =>
  (pc: PCollection<A>): PCollection<Either<Failure<A>, B>> =>
    apply(transformOf('PCollection.tryMapAsync', f, 'failure', o), [pc], { kind: 'tryMapAsync' })

/**
 * As `mapAsync` with a typed error, which flows on as a Left once `retry` gives up; `retry.while` sees it. A promise that rejects all the
 * same, or takes too long, ends the run: it has no `E`.
 *
 * @example
 * pipe(orders, PCollection.mapTaskEither(order => fetchCustomer(order.customer), { retry: { attempts: 3, while: error => error._tag === 'Network' } }))
 */
export const mapTaskEither =
  <A, E, B>(f: (a: A, call: Call) => TaskEither<E, B>, o?: AsyncOptions<NoInfer<E>>) =>
  (pc: PCollection<A>): PCollection<Either<E, B>> => {
    requireFunction('mapTaskEither', f)
    return apply(
      transformOf('PCollection.mapTaskEither', (a: A, call: Call) => f(a, call)(), 'either', o),
      [pc],
      { kind: 'mapTaskEither' },
    )
  }

/** What a connector gives for the calls of a thread: the client they share, and how to let go of it. */
export interface ConnectedClient<out C> {
  readonly client: C
  readonly close: () => Promise<void>
}

interface Through<C, A, B> {
  /** What errors and ids call it. */
  readonly label: string
  /** Once a thread, before the first call. */
  readonly connect: (context: HostContext) => Promise<ConnectedClient<C>>
  readonly f: (a: A, call: Call & { readonly client: C }) => Promise<B>
}

/** For connectors: `mapAsync` through a client that each thread makes for itself, with what the run was provided with. */
export const mapAsyncThrough =
  <C, A, B>({ label, connect, f }: Through<C, A, B>, o?: AsyncOptions<unknown>) =>
  (pc: PCollection<A>): PCollection<B> =>
    apply(transformOf(label, f, 'end', o, connect), [pc], { kind: label })

/** As `mapAsyncThrough`, with Lefts as `tryMapAsync` has them. */
export const tryMapAsyncThrough =
  <C, A, B>({ label, connect, f }: Through<C, A, B>, o?: AsyncOptions<unknown>) =>
  (pc: PCollection<A>): PCollection<Either<Failure<A>, B>> =>
    apply(transformOf(label, f, 'failure', o, connect), [pc], { kind: label })
