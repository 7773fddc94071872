// A connection that a program made with the package `nats` 2.29, as @nats-io/jetstream wants one: it tells of its end, its events and
// errors are those of this family, and what the old package cannot do is refused by name. The package itself is not needed here.
import {
  type ConnectionClosedListener,
  Features,
  type Msg,
  type NatsConnection,
  type Payload,
  type PublishOptions,
  QueuedIteratorImpl,
  type RequestManyOptions,
  type RequestOptions,
  type ServerInfo,
  type Server,
  type Stats,
  type Status,
  type Subscription,
  type SubscriptionImpl,
  type SubscriptionOptions,
  errors,
  parseSemVer,
} from '@nats-io/nats-core/internal'
import { ConnectionProblem } from './problem.ts'

interface Nats2Status {
  readonly type: string
  readonly data: unknown
}

/** What is used of a connection of `nats` 2.29. Messages, headers and subscriptions have the shape of the new ones. */
export interface Nats2 {
  readonly info?: ServerInfo | undefined
  readonly options?: { readonly inboxPrefix?: string | undefined } | undefined
  closed(): Promise<unknown>
  close(): Promise<void>
  publish(subject: string, payload?: Payload, options?: PublishOptions): void
  publishMessage(message: Msg): void
  respondMessage(message: Msg): boolean
  subscribe(subject: string, options?: SubscriptionOptions): Subscription
  request(subject: string, payload?: Payload, options?: RequestOptions): Promise<Msg>
  requestMany(subject: string, payload?: Payload, options?: Partial<RequestManyOptions>): Promise<AsyncIterable<Msg>>
  flush(): Promise<void>
  drain(): Promise<void>
  isClosed(): boolean
  isDraining(): boolean
  getServer(): string
  status(): AsyncIterable<Nats2Status> & { stop?(): void }
  stats(): Stats
  rtt(): Promise<number>
  reconnect(): Promise<void>
  _resub(subscription: Subscription, subject: string, max?: number): void
}

const needed = ['closed', 'publish', 'subscribe', 'request', 'requestMany', 'status', 'rtt', 'reconnect', 'getServer', '_resub']

const has = (value: object, method: string): boolean =>
  method in value && typeof (value as Readonly<Record<string, unknown>>)[method] === 'function'

export const hasMethods = (value: object, methods: ReadonlyArray<string>): boolean => methods.every(method => has(value, method))

/** Whether the package `nats` 2.x made it: those of @nats-io know nothing of JetStream, and tell closing listeners of their end. */
export const isMadeByNats2 = (nc: object): boolean => has(nc, 'jetstreamManager') && !has(nc, 'addCloseListener')

/** Throws UnsupportedConnection where it is older than 2.29. */
export function requireNats2(nc: object): asserts nc is Nats2 {
  const missing = needed.filter(method => !has(nc, method))
  if (missing.length > 0)
    throw new ConnectionProblem(
      'UnsupportedConnection',
      `JetStreamIO.existingConnection: this connection was made by a version of the package \`nats\` without ${missing.join(', ')}. ` +
        "Update it to 2.29, or make the connection with `connect` from '@nats-io/transport-node' 3.x (its options are the same).",
    )
}

const adapted = new WeakMap<object, Nats2Connection>()

/** The same for the same, so that it is shared. */
export const adaptNats2 = (old: Nats2): NatsConnection => {
  const known = adapted.get(old) ?? new Nats2Connection(old)
  adapted.set(old, known)
  return known
}

const unsupported = (what: string): ConnectionProblem =>
  new ConnectionProblem(
    'UnsupportedConnection',
    `A connection of the package \`nats\` 2.x has no ${what}. Make it with \`connect\` from '@nats-io/transport-node' 3.x (its options are the same).`,
  )

const requirePublishable = (options: PublishOptions | undefined): void => {
  for (const key of ['traceDestination', 'traceOnly'] as const) if (options?.[key] !== undefined) throw unsupported(key)
}

class Nats2Connection implements NatsConnection {
  private readonly old: Nats2
  /** @nats-io/jetstream asks for these two. */
  readonly options: { readonly inboxPrefix?: string }
  readonly features: Features
  private known: ServerInfo | undefined
  private readonly closeListeners = new Set<ConnectionClosedListener>()

  constructor(old: Nats2) {
    this.old = old
    const inboxPrefix = old.options?.inboxPrefix
    this.options = inboxPrefix === undefined ? {} : { inboxPrefix }
    this.features = new Features(parseSemVer(old.info?.version ?? '0.0.0'))
    this.known = old.info
    void this.closed().then(error => {
      for (const listener of [...this.closeListeners]) listener.connectionClosedCallback(error)
    })
  }

  /** Its last server's, once it is closed. */
  get info(): ServerInfo {
    this.known = this.old.info ?? this.known
    if (this.known === undefined) throw new errors.ClosedConnectionError()
    return this.known
  }

  async closed(): ReturnType<NatsConnection['closed']> {
    const error = await this.old.closed()
    return error === undefined ? undefined : ours(error, '')
  }

  addCloseListener(listener: ConnectionClosedListener): void {
    this.closeListeners.add(listener)
  }

  removeCloseListener(listener: ConnectionClosedListener): void {
    this.closeListeners.delete(listener)
  }

  publish(subject: string, payload?: Payload, options?: PublishOptions): void {
    requirePublishable(options)
    try {
      this.old.publish(subject, payload, options)
    } catch (error) {
      throw ours(error, subject)
    }
  }

  publishMessage(message: Msg): void {
    this.publish(message.subject, message.data, message)
  }

  respondMessage(message: Msg): boolean {
    if (message.reply === undefined || message.reply === '') return false
    this.publish(message.reply, message.data, message)
    return true
  }

  subscribe(subject: string, options: SubscriptionOptions = {}): Subscription {
    if (options.slow !== undefined) throw unsupported('notice of a slow subscription (slow)')
    const { callback } = options
    const given: SubscriptionOptions =
      callback === undefined
        ? options
        : { ...options, callback: (error, message) => callback(error === null ? null : ours(error, subject), message) }
    try {
      return this.old.subscribe(subject, given)
    } catch (error) {
      throw ours(error, subject)
    }
  }

  _resub(subscription: SubscriptionImpl, subject: string, max?: number): void {
    this.old._resub(subscription, subject, max)
  }

  request(subject: string, payload?: Payload, options?: RequestOptions): Promise<Msg> {
    requirePublishable(options)
    return this.told(subject, this.old.request(subject, payload, options === undefined ? undefined : { ...options }))
  }

  async requestMany(subject: string, payload?: Payload, options?: Partial<RequestManyOptions>): Promise<AsyncIterable<Msg>> {
    requirePublishable(options)
    const answers = await this.told(subject, this.old.requestMany(subject, payload, options === undefined ? undefined : { ...options }))
    return toldOf(answers, subject)
  }

  flush(): Promise<void> {
    return this.told('', this.old.flush())
  }

  close(): Promise<void> {
    return this.old.close()
  }

  drain(): Promise<void> {
    return this.told('', this.old.drain())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isClosed()) await this.drain()
  }

  isClosed(): boolean {
    return this.old.isClosed()
  }

  isDraining(): boolean {
    return this.old.isDraining()
  }

  getServer(): string {
    return this.old.getServer()
  }

  /** The old iterator goes on for ever when its connection has ended. */
  status(): AsyncIterable<Status> {
    const told = new QueuedIteratorImpl<Status>()
    const events = this.old.status()
    const follow = async (): Promise<void> => {
      for await (const event of events) {
        const status = statusOf(event)
        if (status !== null) told.push(status)
      }
    }
    void follow()
    void this.old.closed().then(() => {
      events.stop?.()
      told.push({ type: 'close' })
      told.stop()
    })
    void told.iterClosed.then(() => events.stop?.())
    return told
  }

  stats(): Stats {
    return this.old.stats()
  }

  rtt(): Promise<number> {
    return this.told('', this.old.rtt())
  }

  reconnect(): Promise<void> {
    return this.told('', this.old.reconnect())
  }

  // Members of the interface from @nats-io/nats-core 3.4 on.
  setServers(): void {
    throw unsupported('setServers')
  }

  getServers(): ReadonlyArray<Server> {
    throw unsupported('getServers')
  }

  private async told<A>(subject: string, work: Promise<A>): Promise<A> {
    try {
      return await work
    } catch (error) {
      throw ours(error, subject)
    }
  }
}

async function* toldOf(answers: AsyncIterable<Msg>, subject: string): AsyncIterable<Msg> {
  try {
    yield* answers
  } catch (error) {
    throw ours(error, subject)
  }
}

/** Null for what the new family has no word for. */
const statusOf = ({ type, data }: Nats2Status): Status | null => {
  const text = typeof data === 'string' ? data : ''
  switch (type) {
    case 'disconnect':
    case 'reconnect':
    case 'ldm':
      return { type, server: text }
    case 'reconnecting':
    case 'staleConnection':
      return { type }
    case 'client initiated reconnect':
      return { type: 'forceReconnect' }
    case 'pingTimer':
      return { type: 'ping', pendingPings: Number(data) }
    case 'update':
      return { type, ...(typeof data === 'object' ? data : {}) }
    case 'error':
      return { type, error: ours(Object.assign(new Error(text), { code: text }), '') }
    default:
      return null
  }
}

/** An error of the old package, told apart by its code, as one of this family; `subject`: of what failed. */
const ours = (error: unknown, subject: string): Error => {
  if (!(error instanceof Error)) return new errors.RequestError(String(error))
  const o = { cause: error }
  switch ('code' in error ? error.code : '') {
    case '503':
      return new errors.RequestError(`no responders: '${subject}'`, { cause: new errors.NoRespondersError(subject, o) })
    case 'TIMEOUT':
      return new errors.TimeoutError(o)
    case 'CONNECTION_CLOSED':
      return new errors.ClosedConnectionError()
    case 'CONNECTION_DRAINING':
      return new errors.DrainingConnectionError()
    case 'CANCELLED':
    case 'DISCONNECT':
    case 'REQUEST_ERROR':
      return new errors.RequestError(error.message, o)
    case 'PERMISSIONS_VIOLATION':
      return errors.PermissionViolationError.parse(error.message) ?? new errors.AuthorizationError(error.message, o)
    case 'AUTHORIZATION_VIOLATION':
    case 'AUTHENTICATION_TIMEOUT':
    case 'ACCOUNT_EXPIRED':
      return new errors.AuthorizationError(error.message, o)
    case 'AUTHENTICATION_EXPIRED':
      return new errors.UserAuthenticationExpiredError(error.message, o)
    case 'BAD_SUBJECT':
      return new errors.InvalidSubjectError(subject, o)
    case 'MAX_PAYLOAD_EXCEEDED':
    case 'BAD_PAYLOAD':
      return errors.InvalidArgumentError.format('payload', error.message, o)
    case 'NATS_PROTOCOL_ERR':
      return new errors.ProtocolError(error.message, o)
    default:
      return error
  }
}
