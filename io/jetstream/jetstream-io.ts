// The public verbs: what a user's options become as a Read or a Write node, and the bindings that say where NATS is.
import { JetStreamIOError } from './errors.ts'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Encoder } from '../../sdk/coders/index.ts'
import type { PCollection, PDone } from '../../sdk/graph/pcollection.ts'
import type { Headers, OutputBatch } from '../../sdk/graph/sink.ts'
import type { Failure } from '../../sdk/model/failure.ts'
import { countFailure } from '../../sdk/model/metric-scope.ts'
import type { Instant } from '../../sdk/model/time.ts'
import { Splittable } from '../../sdk/transforms/splittable.ts'
import { openConnections } from '../nats/pool.ts'
import { check } from '../settings/check.ts'
import { labelOf, namedLabel, orThrow } from './configuration-error.ts'
import { connectionBinding, existingBinding } from './connections.ts'
import { type GivenDecoder, givenBytes, givenKind, refuseDecoded } from './given-value.ts'
import { checkedId, namesOutputs, requireRoomForIds } from './given-id.ts'
import {
  type Message,
  MessageView,
  type Outgoing,
  type StreamMessage,
  type Undecodable,
  messageIdHeader,
  messageOf,
  refusedFor,
  undecodable,
} from './message.ts'
import { checkedHeaders, headerLine } from './outgoing-headers.ts'
import type { Output, Row } from './output-row.ts'
import type { PublishLimits } from './publish-limits.ts'
import { type WriteSettings, sinkSchema, sourceSchema } from './jetstream-keys.ts'
import { type SinkOptions, sinkOf } from './sink.ts'
import { consumerOf } from './read-consumer.ts'
import { sourceOf } from './source.ts'
import { requireDataSubject } from './subject.ts'
import { inheritTrace } from './trace-context.ts'
import type { ReadOptions, ReadSettings, WriteTarget } from './verb-options.ts'
import { type OnRejected, requireFunction, writeNode } from './write-node.ts'

// ---- Reading

const readNode = <A, B>(
  o: ReadOptions<A>,
  kind: 'read' | 'readMessages',
  element: (raw: StreamMessage, value: A) => B,
  valueIn: (element: B) => A,
): PCollection<Either<Undecodable, B>> => {
  requireOptions(`JetStreamIO.${kind}`, o, "stream: 'ORDERS', coder: Decoder.json(schema)")
  const label = labelOf(`JetStreamIO.${kind}`, o.stream)
  const settings = orThrow(label, check<ReadSettings>(sourceSchema, o, { prefix: '', inCode: ['coder', 'timestamp'] }))
  const { start, splits, erased, batchMessages, batchBytes, fetchTimeout, heartbeat } = sourceSchema.keys
  const [stream = '', ...others] = [settings.stream].flat()
  const source = sourceOf({
    stream,
    others,
    label,
    filters: settings.subjects ?? [],
    start: settings.start ?? start.fallback,
    stop: settings.stop ?? null,
    splits: settings.splits ?? splits.fallback,
    splitBy: settings.splitBy ?? null,
    pull: {
      batch: settings.batchMessages ?? batchMessages.fallback,
      maxBytes: settings.batchBytes ?? batchBytes.fallback,
      expiresMs: settings.fetchTimeout ?? fetchTimeout.fallback,
      heartbeatMs: settings.heartbeat ?? heartbeat.fallback,
    },
    erased: settings.erased ?? erased.fallback,
    durable: settings.consumer ?? null,
    inactiveMs: settings.inactiveThreshold ?? null,
    rateLimit: settings.rateLimit ?? null,
    consumer: consumerOf(settings),
    poison: settings.poison ?? null,
    connection: settings.connection,
  })
  const { coder }: { readonly coder: GivenDecoder<A> } = o
  requireCoder(label, coder, 'decode')
  requireFunction(label, 'timestamp', o.timestamp)
  const headersMatter = kind === 'readMessages'
  const decode = (raw: StreamMessage): Either<Undecodable, B> => {
    if (raw.refusal !== null) return E.left(undecodable(raw, refusedFor(raw, raw.refusal)))
    const refusal = headersMatter ? raw.headersRefusal : null
    const decoded = refusal === null ? coder.decode(raw.payload) : E.left(refusedFor(raw, refusal))
    if (decoded?._tag === 'Right') return E.right(element(raw, decoded.right))
    if (decoded?._tag !== 'Left') return refuseDecoded(label, 'coder: decode', decoded)
    const left = undecodable(raw, decoded.left)
    countFailure(left)
    return E.left(left)
  }
  const at = o.timestamp
  const timestamp = (decoded: Either<Undecodable, B>, raw: StreamMessage): Instant => {
    if (at === undefined || decoded._tag === 'Left') return raw.publishedAt
    const value = valueIn(decoded.right)
    return at(value, new MessageView(raw, value))
  }
  // What is undecodable tells no event time: its publish time must not make the others late.
  const movesWatermark = at === undefined ? undefined : E.isRight
  return Splittable.source({ source, decode, timestamp, movesWatermark, watermark: o.watermark, name: o.name })
}

const requireOptions = (verb: string, o: unknown, such: string): void => {
  if (typeof o === 'object' && o !== null) return
  throw new JetStreamIOError('InvalidOptions', `${verb} takes options by name, and was given ${givenKind(o)}. Write ${verb}({ ${such} }).`)
}

/** JavaScript has no types that would ask for it. */
const requireCoder = (label: string, coder: unknown, verb: 'decode' | 'encode'): void => {
  if (typeof coder === 'object' && coder !== null && verb in coder) return
  throw new JetStreamIOError(
    'InvalidOptions',
    `${label}: coder: it is missing, or does not ${verb}. Give it one: coder: ${verb === 'decode' ? 'Decoder' : 'Encoder'}.json(…).`,
  )
}

const read = <A>(o: ReadOptions<A>): PCollection<Either<Undecodable, A>> =>
  readNode(
    o,
    'read',
    (_raw, value) => value,
    value => value,
  )

const readMessages = <A>(o: ReadOptions<A>): PCollection<Either<Undecodable, Message<A>>> =>
  readNode(
    o,
    'readMessages',
    (raw, value) => messageOf(raw, value),
    message => message.value,
  )

// ---- Writing

const publishing = <A>(
  o: WriteTarget,
  kind: string,
  subject: string | null,
  row: (value: A) => Row,
  onRejected?: OnRejected<A>,
): ((pc: PCollection<A>) => PDone) => {
  const label = labelOf(`JetStreamIO.${kind}`, o.stream)
  const given = { ...o, subject: subject ?? undefined }
  const inCode = kind === 'write' ? ['coder', 'headers', 'id', 'onRejected'] : ['coder', 'headers', 'onRejected']
  const settings = orThrow(label, check<WriteSettings>(sinkSchema, given, { prefix: '', inCode }))
  const delivery = (settings.delivery ?? sinkSchema.keys.delivery.fallback)._tag
  const ownIds = namesOutputs(delivery)
  requireRoomForIds(label, 'id' in o ? o.id : undefined, delivery)
  const outputOf = (value: A): Output => {
    const { subject: to, headers, payload, id } = row(value)
    if (subject === null) requireDataSubject(to, label)
    const kept = checkedHeaders(headers, ownIds || id !== null, label)
    return { to, headers: id === null ? kept : { ...kept, [messageIdHeader]: [id] }, payload }
  }
  const streams = typeof settings.stream === 'string' ? [settings.stream] : settings.stream
  const isTraced = settings.traceContext === true
  const options = { streams, label: namedLabel(label, o.name), subject, delivery, connection: o.connection, ...sinkSettings(settings) }
  return writeNode<A>({
    label,
    name: o.name,
    outputOf,
    onRejected,
    isTraced,
    sinkOf: <B>(encode: (element: B, out: OutputBatch) => void, limits: PublishLimits | undefined) => {
      const sink = sinkOf<B>({ ...options, limits, encode })
      return isTraced ? Object.freeze({ ...sink, inherit: inheritTrace }) : sink
    },
  })
}

/** What nobody has said has its default. */
const sinkSettings = (s: WriteSettings): Pick<SinkOptions<never>, 'window' | 'create' | 'markerSubject'> => {
  const { keys } = sinkSchema
  const duplicateWindow = s.createDuplicateWindow ?? keys.createDuplicateWindow.fallback
  return {
    window: { messages: s.maxInFlight ?? keys.maxInFlight.fallback, bytes: s.maxInFlightBytes ?? keys.maxInFlightBytes.fallback },
    markerSubject: s.markerSubject,
    create:
      s.createSubjects === undefined
        ? null
        : {
            subjects: s.createSubjects,
            storage: s.createStorage ?? keys.createStorage.fallback,
            replicas: s.createReplicas ?? keys.createReplicas.fallback,
            maxAgeMs: s.createMaxAge ?? 0,
            maxBytes: s.createMaxBytes ?? null,
            maxMessages: s.createMaxMessages ?? null,
            duplicateWindowMs: s.createMaxAge === undefined ? duplicateWindow : Math.min(duplicateWindow, s.createMaxAge),
            atomicBatches: s.createAtomicBatches ?? keys.createAtomicBatches.fallback,
          },
  }
}

/** What `JetStreamIO.write` publishes, and where. `A`: the type of the elements. */
export interface WriteOptions<A> extends WriteTarget {
  /** Encodes an element to a message's payload. */
  readonly coder: Encoder<A>
  /** One for all, or one for each element: build it with the subject`…` tag. */
  readonly subject: string | ((a: A) => string)
  /** The headers of an element's message. */
  readonly headers?: ((a: A) => Headers) | undefined
  /**
   * The message id (Nats-Msg-Id) of an element: what comes again under it within the stream's duplicate window, the server drops. Only with
   * Delivery.atLeastOnce or atMostOnce: exactly once names outputs itself.
   */
  readonly id?: ((a: A) => string) | undefined
  /**
   * Sink for elements that cannot be published, each with the reason: the coder, `subject`, `headers` or `id` throws, the subject is invalid or
   * not the stream's, or the message is larger than the server or the stream takes (384 bytes are kept free for the run's own headers).
   * Without it, the first such element ends the run. A fault of the server, such as a full stream, ends the run in any case.
   */
  readonly onRejected?: OnRejected<A> | undefined
}

const write = <A>(o: WriteOptions<A>): ((pc: PCollection<A>) => PDone) => {
  requireOptions('JetStreamIO.write', o, "stream: 'ORDERS', subject: 'orders.all', coder: Encoder.json()")
  const { subject, headers, id, coder } = o
  const label = labelOf('JetStreamIO.write', o.stream)
  requireCoder(label, coder, 'encode')
  requireFunction(label, 'headers', headers)
  const row = (value: A): Row => ({
    subject: typeof subject === 'string' ? subject : subject(value),
    headers: headers?.(value),
    payload: givenBytes(label, coder.encode(value)),
    id: id === undefined ? null : checkedId(id(value), label),
  })
  return publishing<A>(o, 'write', typeof subject === 'string' ? subject : null, row, o.onRejected)
}

/** What `JetStreamIO.writeMessages` publishes, and where. `A`: the type of the messages' values. */
export interface WriteMessagesOptions<A> extends WriteTarget {
  /** Encodes a message's value to its payload. */
  readonly coder: Encoder<A>
  /** Sink for messages that cannot be published, as of `write`. Without it, the first one ends the run. */
  readonly onRejected?: OnRejected<Outgoing<A>> | undefined
}

const writeMessages = <A>(o: WriteMessagesOptions<A>): ((pc: PCollection<Outgoing<A>>) => PDone) => {
  const label = labelOf('JetStreamIO.writeMessages', o.stream)
  requireCoder(label, o.coder, 'encode')
  const row = ({ subject, headers, value }: Outgoing<A>): Row => ({
    subject,
    headers,
    payload: givenBytes(label, o.coder.encode(value)),
    id: null,
  })
  return publishing<Outgoing<A>>(o, 'writeMessages', null, row, o.onRejected)
}

const writeUndecodable = (o: WriteTarget & { readonly subject: string }): ((pc: PCollection<Undecodable>) => PDone) =>
  publishing<Undecodable>(o, 'writeUndecodable', o.subject, u => ({
    subject: o.subject,
    headers: {
      ...u.headers,
      'Jetbeam-Error': [headerLine(u.error.path.length === 0 ? u.error.reason : `${u.error.path.join('.')}: ${u.error.reason}`)],
      'Jetbeam-Stream': [u.stream],
      'Jetbeam-Subject': [u.subject],
      'Jetbeam-Sequence': [String(u.sequence)],
    },
    payload: u.value,
    id: null,
  }))

const writeFailures = <A>(
  o: WriteTarget & { readonly subject: string; readonly coder: Encoder<A> },
): ((pc: PCollection<Failure<A>>) => PDone) =>
  publishing<Failure<A>>(o, 'writeFailures', o.subject, failure => ({
    subject: o.subject,
    headers: {
      'Jetbeam-Error': [headerLine(failure.message)],
      'Jetbeam-Transform': [headerLine(failure.transform)],
      'Jetbeam-Attempts': [String(failure.attempts)],
    },
    payload: o.coder.encode(failure.element),
    id: null,
  }))

/**
 * Reads from and writes to JetStream streams, exactly once.
 *
 * A run that cannot go on fails with a {@link JetStreamIOError}, whose `_tag` says why and whose message says how to fix it. What is wrong
 * with the options themselves (a wildcard to publish to, filters that overlap) throws one where the pipeline is built.
 */
export const JetStreamIO = {
  /**
   * The decoded messages of a stream: in order, by position, where nothing is acknowledged and a restart goes on from its checkpoint; or, of a
   * work queue or a stream by interest, through a consumer (see {@link Acknowledge}). What the coder does not understand is a Left: see
   * PCollection.deadLetter.
   *
   * @example
   * JetStreamIO.read({ stream: 'VIEWS', coder: Decoder.json(viewSchema), timestamp: view => view.at })
   */
  read,
  /**
   * As `read`, with subject, headers, sequence and publish time around each value.
   *
   * @example
   * const messages = JetStreamIO.readMessages({ stream: 'VIEWS', subjects: ['views.eu.>'], coder: viewCoder })
   * pipe(messages, PCollection.orFail, PCollection.keyBy(message => message.subject), Count.perKey)
   */
  readMessages,
  /**
   * Publishes each element, by default exactly once: see {@link Delivery}. The stream must exist and take the subject. With
   * Delivery.atLeastOnce or atMostOnce an `id` names elements, and the stream drops those whose id it knows from within its duplicate window.
   *
   * @example
   * pipe(views, JetStreamIO.write({ stream: 'VIEWS', subject: view => subject`views.${view.user}`, coder: Encoder.json() }))
   * const rejected = flow(PCollection.map((failure: Failure<PageView>) => failure.message), PCollection.ignore)
   * pipe(views, JetStreamIO.write({ stream: 'VIEWS', subject: 'views.all', coder: Encoder.json(), onRejected: rejected }))
   * const once = { id: (view: PageView) => `${view.user}-${view.at}`, delivery: Delivery.atLeastOnce }
   * pipe(views, JetStreamIO.write({ stream: 'VIEWS', subject: 'views.all', coder: Encoder.json(), ...once }))
   */
  write,
  /**
   * Publishes messages that bring their own subject and headers. Headers whose names begin with Nats- are left behind: they steer servers.
   *
   * @example
   * const messages = pipe(lines, PCollection.map(line => ({ subject: 'log', value: line, headers: { Host: ['a'] } })))
   * pipe(messages, JetStreamIO.writeMessages({ stream: 'LOG', coder: Encoder.text() }))
   */
  writeMessages,
  /**
   * Raw bytes again, with the reason, the stream, the subject and the sequence in Jetbeam-* headers.
   *
   * @example
   * const views = JetStreamIO.read({ stream: 'VIEWS', coder: viewCoder })
   * pipe(views, PCollection.deadLetter(JetStreamIO.writeUndecodable({ stream: 'REJECTED', subject: 'views.rejected' })))
   */
  writeUndecodable,
  /**
   * The elements that a transform failed for, with the error and the transform in Jetbeam-* headers.
   *
   * @example
   * const failures = JetStreamIO.writeFailures({ stream: 'REJECTED', subject: 'texts.rejected', coder: Encoder.text() })
   * pipe(texts, PCollection.tryMap(parse), PCollection.deadLetter(failures))
   */
  writeFailures,
  /**
   * Says where NATS is and who asks, for `provide`: plain data, which travels to threads. Secrets stay in a file or an environment
   * variable, and are named here. Without any, NATS_URL is used, or nats://127.0.0.1:4222. Throws a ConfigurationError.
   *
   * @example
   * DirectRunner.run({ provide: [JetStreamIO.connection({ servers: 'nats://nats:4222', credentialsFile: 'app.creds' })] })
   * const tls = { servers: 'tls://nats:4222', tlsCaFile: 'ca.pem', user: 'shop', password: '${env:NATS_PASSWORD}' }
   * DirectRunner.run({ provide: [JetStreamIO.connection(tls)] })
   */
  connection: connectionBinding,
  /**
   * A live connection of @nats-io/transport-node 3.x, or of the package `nats` 2.29, for runners that stay in one thread: worker threads
   * refuse it, for it cannot leave its own. It is never closed here, and must stay open until the run has ended. Throws a JetStreamIOError
   * (UnsupportedConnection) for any other object.
   *
   * @example
   * const nc = await connect({ servers: 'nats://127.0.0.1:4222' })
   * DirectRunner.run({ provide: [JetStreamIO.existingConnection(nc)] })
   */
  existingConnection: existingBinding,
  /**
   * The connections that are open in this process (inside a worker thread: in that), and how many sources, sinks and checkpoint stores
   * share each: one for reading, one for writing and one for checkpoints a server and settings, whatever the number of pipelines. The
   * last to let go drains it, for at most 2 s.
   *
   * @example
   * JetStreamIO.openConnections().map(({ lane, users }) => `${lane}: ${users}`) // => []
   */
  openConnections,
} as const
