// Core NATS: messages that no stream keeps, published at most once; and requests whose answers enrich elements.
import type { Either } from 'fp-ts/lib/Either.js'
import type { Decoder, Encoder } from '../../sdk/coders/index.ts'
import { namedLabel } from './configuration-error.ts'
import type { PCollection, PDone } from '../../sdk/graph/pcollection.ts'
import type { Headers } from '../../sdk/graph/sink.ts'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Failure, Retry } from '../../sdk/model/failure.ts'
import { type Duration, millis, seconds } from '../../sdk/model/time.ts'
import { type AsyncOptions, type ConnectedClient, mapAsyncThrough, tryMapAsyncThrough } from '../../sdk/transforms/map-async.ts'
import { acquire } from './connections.ts'
import { coreSinkOf } from './core-sink.ts'
import { JetStreamIOError } from './errors.ts'
import { type GivenDecoder, givenBytes, refuseDecoded } from './given-value.ts'
import { checkedHeaders } from './outgoing-headers.ts'
import type { Output } from './output-row.ts'
import { type Requester, requesterOf } from './requester.ts'
import { requireDataSubject, requireSubject } from './subject.ts'
import { type OnRejected, writeNode } from './write-node.ts'

/** What `NatsIO.publish` publishes, and where. */
export interface PublishOptions<A> {
  /** To a message's payload. */
  readonly coder: Encoder<A>
  /** One for all, or one for each element: build it with the subject`…` tag. */
  readonly subject: string | ((a: A) => string)
  /** Of an element's message; none unless told. */
  readonly headers?: ((a: A) => Headers) | undefined
  /**
   * Sink for elements that cannot be published, each with the reason: the coder, `subject` or `headers` throws, the subject is invalid, or the
   * message is larger than the server takes.
   * Without it, the first one ends the run. A fault of the server ends the run in any case.
   */
  readonly onRejected?: OnRejected<A> | undefined
  /** What the sink is called in errors: NatsIO.publish(SUBJECT) unless told. */
  readonly name?: string | undefined
  /** The name of the connection: 'default' unless told. */
  readonly connection?: string | undefined
}

/** Whom `NatsIO.request` asks, what, and for how long. `A`: the element, `B`: the answer. */
export interface RequestOptions<in A, out B> {
  /** Of the service: one for all, or one for each element: build it with the subject`…` tag. */
  readonly subject: string | ((a: A) => string)
  /** To the request's payload. */
  readonly request: Encoder<A>
  /** From the answer's payload. */
  readonly reply: Decoder<B>
  /** Of an element's request; none unless told. */
  readonly headers?: ((a: A) => Headers) | undefined
  /** How many requests may be under way at once in a task: 16 unless told. */
  readonly concurrency?: number | undefined
  /** How long one attempt waits for its answer: 5 s unless told. */
  readonly timeout?: Duration | undefined
  /** Pairs come out in their elements' order, unless false. */
  readonly ordered?: boolean | undefined
  /** Three attempts unless told, where nobody answered. `while` sees a JetStreamIOError. */
  readonly retry?: Retry<unknown> | undefined
  /** The name of the connection: 'default' unless told. */
  readonly connection?: string | undefined
}

// ---- Publishing

const publish = <A>({ subject, headers, coder, name, connection, onRejected }: PublishOptions<A>): ((pc: PCollection<A>) => PDone) => {
  const label = `NatsIO.publish(${typeof subject === 'string' ? subject : '…'})`
  if (typeof subject === 'string') requireSubject(subject, label)
  const outputOf = (value: A): Output => {
    const to = typeof subject === 'string' ? subject : subject(value)
    if (typeof subject !== 'string') requireDataSubject(to, label)
    return { to, headers: checkedHeaders(headers?.(value), false, label), payload: givenBytes(label, coder.encode(value)) }
  }
  const options = { label: namedLabel(label, name), subject: typeof subject === 'string' ? subject : null, connection }
  return writeNode({ label, name, outputOf, onRejected, sinkOf: (encode, limits) => coreSinkOf({ ...options, encode, limits }) })
}

// ---- Asking

const attempts = 3
const defaultTimeout = seconds(5)
/** The answer's own deadline has a better message. */
const spare = millis(1_000)

const nobodyAnswered = (error: unknown): boolean =>
  error instanceof JetStreamIOError && (error._tag === 'NoResponders' || error._tag === 'RequestTimedOut')

const asked = <A, B>(o: RequestOptions<A, B>, kind: string) => {
  const label = `NatsIO.${kind}(${typeof o.subject === 'string' ? o.subject : '…'})`
  if (typeof o.subject === 'string') requireSubject(o.subject, label)
  const timeout = o.timeout ?? defaultTimeout
  const options: AsyncOptions<unknown> = {
    concurrency: o.concurrency,
    timeout: timeout > 0 ? millis(timeout + spare) : timeout,
    ordered: o.ordered,
    retry: o.retry ?? { attempts, while: nobodyAnswered },
  }
  const connect = async (context: HostContext): Promise<ConnectedClient<Requester>> => {
    const link = await acquire(context, o.connection, 'write')
    return { client: requesterOf(link, label, timeout), close: link.release }
  }
  const answers: GivenDecoder<B> = o.reply
  const f = async (a: A, { client }: { readonly client: Requester }): Promise<readonly [A, B]> => {
    const subject = typeof o.subject === 'string' ? o.subject : o.subject(a)
    if (typeof o.subject !== 'string') requireDataSubject(subject, label)
    const data = await client(
      subject,
      givenBytes(label, o.request.encode(a), 'request: encode'),
      checkedHeaders(o.headers?.(a), false, label),
    )
    const reply = answers.decode(data)
    if (reply?._tag === 'Right') return [a, reply.right]
    if (reply?._tag !== 'Left') return refuseDecoded(label, 'reply: decode', reply)
    const { path, reason } = reply.left
    throw new JetStreamIOError(
      'UndecodableReply',
      `${label}: the answer from ${subject} is not what the coder reads: ${path.length === 0 ? reason : `${path.join('.')}: ${reason}`}.`,
    )
  }
  return [{ label, connect, f }, options] as const
}

const request = <A, B>(o: RequestOptions<A, B>): ((pc: PCollection<A>) => PCollection<readonly [A, B]>) =>
  mapAsyncThrough(...asked(o, 'request'))

const tryRequest = <A, B>(o: RequestOptions<A, B>): ((pc: PCollection<A>) => PCollection<Either<Failure<A>, readonly [A, B]>>) =>
  tryMapAsyncThrough(...asked(o, 'tryRequest'))

/**
 * Core NATS, without streams: publishing, and asking services.
 *
 * A run that cannot go on fails with a {@link JetStreamIOError}; so does a subject that nothing can be published to, where the pipeline
 * is built.
 */
export const NatsIO = Object.freeze({
  /**
   * Publishes each element to whoever listens, at most once: with the checkpoint that holds it, and never again. What is under way when
   * the process or its connection dies is lost, and nobody is told whether anybody listened. What must not be lost goes to a stream:
   * `JetStreamIO.write`.
   *
   * @example
   * pipe(views, NatsIO.publish({ subject: view => subject`live.${view.user}`, coder: Encoder.json() }))
   */
  publish,
  /**
   * Each element with a service's answer to it, `[element, answer]`: a request and a reply over core NATS, many at once. Ends the run
   * when the last attempt fails, with a JetStreamIOError by name: NoResponders (nobody serves the subject), RequestTimedOut,
   * RequestRefused (the service answered with an error: Nats-Service-Error-Code), UndecodableReply. Throws a RangeError for a concurrency
   * or timeout that is none. A request that was under way when a process died is made again: let services stand that.
   *
   * @example
   * const named = NatsIO.request({ subject: 'users.name', request: Encoder.text(), reply: Decoder.text, concurrency: 64 })
   * pipe(texts, named, PCollection.map(([id, name]) => `${id} is ${name}`))
   */
  request,
  /**
   * As `request`, but what fails after the last attempt becomes a Left with the element, for `separate` or `deadLetter`.
   *
   * @example
   * const failures = JetStreamIO.writeFailures({ stream: 'REJECTED', subject: 'unnamed', coder: Encoder.text() })
   * const named = NatsIO.tryRequest({ subject: 'users.name', request: Encoder.text(), reply: Decoder.text })
   * pipe(texts, named, PCollection.deadLetter(failures))
   */
  tryRequest,
})
