// Connections to NATS: one for reading and one for writing per process and settings, shared by all that name them, closed when the last lets go.
import { readFile } from 'node:fs/promises'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { type ConnectionOptions, type NatsConnection, connect, credsAuthenticator } from '@nats-io/transport-node'
import type { Binding, HostContext, LocalBinding } from '../../sdk/model/bindings.ts'
import { JetStreamIOError, errorText } from './errors.ts'

/** What a connection's binding carries: plain data. Secrets stay where they are: in a file, in an environment variable. */
export interface ConnectionSettings {
  readonly servers: ReadonlyArray<string>
  readonly credentialsFile: string | null
  readonly tokenVariable: string | null
}

export type LinkEvent = 'disconnected' | 'reconnected' | 'closed'

/** A connection as sources and sinks use it. */
export interface Link {
  readonly nc: NatsConnection
  readonly jsm: JetStreamManager
  /** Where it leads, for messages. */
  readonly address: string
  readonly isConnected: () => boolean
  /** Gives what ends the listening. */
  readonly listen: (listener: (event: LinkEvent) => void) => () => void
  /** Closes the connection if nobody else uses it and it is ours. */
  readonly release: () => Promise<void>
}

export const bindingKey = (name: string | undefined): string => `jetstream:${name ?? 'default'}`

const defaultServer = 'nats://127.0.0.1:4222'

/** A server that went away is dialled again every 250 ms, for ever: sources and sinks bound how long they wait for it. */
const reconnectWaitMs = 250
/** Pings notice a connection through which nothing passes any more: two unanswered ones end it. */
const pingEveryMs = 4_000
/** A request whose connection is cut is never answered: short, since it is asked again. */
const apiTimeoutMs = 2_500

/** Binds a connection's settings to a name. See JetStreamIO.connection. */
export const connectionBinding = (o: {
  readonly name?: string | undefined
  readonly servers: string | ReadonlyArray<string>
  readonly credentialsFile?: string | undefined
  readonly tokenVariable?: string | undefined
}): Binding => {
  const servers = typeof o.servers === 'string' ? o.servers.split(',').map(s => s.trim()) : [...o.servers]
  if (servers.length === 0 || servers.includes(''))
    throw new JetStreamIOError(
      'InvalidOptions',
      "JetStreamIO.connection: no server is named. Give its address: servers: 'nats://127.0.0.1:4222'.",
    )
  const settings: ConnectionSettings = { servers, credentialsFile: o.credentialsFile ?? null, tokenVariable: o.tokenVariable ?? null }
  return Object.freeze({ _tag: 'Binding', key: bindingKey(o.name), settings: Object.freeze(settings) })
}

/** Binds a live connection to a name. See JetStreamIO.existingConnection. */
export const existingBinding = (nc: object, o?: { readonly name?: string | undefined }): LocalBinding => {
  requireCurrent(nc)
  return Object.freeze({ _tag: 'LocalBinding', key: bindingKey(o?.name), value: nc })
}

const has = (value: object, method: string): boolean =>
  method in value && typeof (value as Readonly<Record<string, unknown>>)[method] === 'function'

// The package `nats` 2.x publishes, but cannot consume through @nats-io/jetstream: `nc.addCloseListener is not a function`, much later.
function requireCurrent(nc: object): asserts nc is NatsConnection {
  if (has(nc, 'jetstreamManager') && !has(nc, 'addCloseListener'))
    throw new JetStreamIOError(
      'UnsupportedConnection',
      'JetStreamIO.existingConnection: this connection was made by the package `nats` 2.x, which cannot read here. ' +
        "Make it with `connect` from '@nats-io/transport-node' 3.x (its options are the same), or give its address to JetStreamIO.connection.",
    )
  if (!['publish', 'subscribe', 'request', 'status', 'isClosed'].every(method => has(nc, method)))
    throw new JetStreamIOError(
      'UnsupportedConnection',
      "JetStreamIO.existingConnection: this object is no NatsConnection. Pass what `connect` of '@nats-io/transport-node' resolved to.",
    )
}

const isSettings = (value: unknown): value is ConnectionSettings =>
  typeof value === 'object' &&
  value !== null &&
  'servers' in value &&
  Array.isArray(value.servers) &&
  value.servers.every(s => typeof s === 'string')

/** What code or the command line bound, else NATS_URL, else the server of this machine. */
const resolved = (context: HostContext, name: string | undefined): ConnectionSettings | NatsConnection => {
  const bound = context.binding(bindingKey(name))
  if (bound?._tag === 'LocalBinding') {
    const nc: unknown = bound.value
    if (typeof nc !== 'object' || nc === null)
      throw new JetStreamIOError(
        'UnsupportedConnection',
        `The binding ${bound.key} holds no connection. Make it with JetStreamIO.existingConnection.`,
      )
    requireCurrent(nc)
    return nc
  }
  if (bound !== undefined) {
    if (isSettings(bound.settings)) return bound.settings
    throw new JetStreamIOError(
      'InvalidOptions',
      `The binding ${bound.key} holds no connection settings. Make it with JetStreamIO.connection.`,
    )
  }
  if (name !== undefined && name !== 'default')
    throw new JetStreamIOError(
      'CannotConnect',
      `Nothing provides the connection ${JSON.stringify(name)}. Run with provide: [JetStreamIO.connection({ name: ${JSON.stringify(name)}, servers: '…' })].`,
    )
  const url = process.env['NATS_URL']
  return {
    servers: url === undefined || url.trim() === '' ? [defaultServer] : url.split(',').map(s => s.trim()),
    credentialsFile: null,
    tokenVariable: null,
  }
}

interface Shared {
  readonly nc: NatsConnection
  readonly jsm: JetStreamManager
  readonly listeners: Set<(event: LinkEvent) => void>
  connected: boolean
}

interface Lease {
  readonly shared: Promise<Shared>
  users: number
}

// Keyed by settings, so that ten sinks of one pipeline, or of two, are one connection. Process-wide by intent: it holds no behaviour.
const leases = new Map<string, Lease>()

/** Acknowledgments of what is written would wait behind all that was asked for to read: each has a connection of its own. */
export type Lane = 'read' | 'write'

/** Connects, or joins who already did. Rejects with CannotConnect. */
export const acquire = async (context: HostContext, name: string | undefined, lane: Lane): Promise<Link> => {
  const target = resolved(context, name)
  if (!('servers' in target)) {
    const shared = await watched(target, target.getServer())
    return linkOf(shared, target.getServer(), () => Promise.resolve())
  }
  const address = target.servers.join(', ')
  const key = JSON.stringify({ target, lane })
  const lease = leases.get(key) ?? { shared: dial(target), users: 0 }
  leases.set(key, lease)
  lease.users++
  const release = async (): Promise<void> => {
    lease.users--
    if (lease.users > 0) return
    if (leases.get(key) === lease) leases.delete(key)
    const opened = await lease.shared.catch(() => null)
    await opened?.nc.close()
  }
  try {
    return linkOf(await lease.shared, address, release)
  } catch (error) {
    await release()
    throw error
  }
}

const linkOf = (shared: Shared, address: string, release: () => Promise<void>): Link => {
  let released = false
  return {
    nc: shared.nc,
    jsm: shared.jsm,
    address,
    isConnected: () => shared.connected && !shared.nc.isClosed(),
    listen: listener => {
      shared.listeners.add(listener)
      return () => shared.listeners.delete(listener)
    },
    release: async () => {
      if (released) return
      released = true
      await release()
    },
  }
}

const dial = async (settings: ConnectionSettings): Promise<Shared> => {
  const address = settings.servers.join(', ')
  const options: ConnectionOptions = {
    servers: [...settings.servers],
    name: 'jetbeam',
    // A trace for each request costs more than the request.
    noAsyncTraces: true,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWaitMs,
    pingInterval: pingEveryMs,
    maxPingOut: 2,
    timeout: apiTimeoutMs,
    ...(await secrets(settings)),
  }
  try {
    return await watched(await connect(options), address)
  } catch (error) {
    if (error instanceof JetStreamIOError) throw error
    throw new JetStreamIOError(
      'CannotConnect',
      `No NATS server could be reached at ${address}: ${errorText(error)}. Start one with JetStream (nats-server -js), or say where it is: NATS_URL, or provide: [JetStreamIO.connection({ servers: '…' })].`,
      { cause: error },
    )
  }
}

const secrets = async (settings: ConnectionSettings): Promise<Pick<ConnectionOptions, 'authenticator' | 'token'>> => {
  if (settings.credentialsFile !== null) {
    try {
      return { authenticator: credsAuthenticator(new Uint8Array(await readFile(settings.credentialsFile))) }
    } catch (error) {
      throw new JetStreamIOError('CannotConnect', `The credentials file ${settings.credentialsFile} cannot be used: ${errorText(error)}.`, {
        cause: error,
      })
    }
  }
  if (settings.tokenVariable === null) return {}
  const token = process.env[settings.tokenVariable]
  if (token === undefined || token === '')
    throw new JetStreamIOError(
      'CannotConnect',
      `The environment variable ${settings.tokenVariable}, which should hold the token for NATS, is not set.`,
    )
  return { token }
}

const watched = async (nc: NatsConnection, address: string): Promise<Shared> => {
  const jsm = await jetstreamManager(nc, { timeout: apiTimeoutMs }).catch((error: unknown) => {
    throw new JetStreamIOError(
      'CannotConnect',
      `The NATS server at ${address} answers, but its JetStream does not: ${errorText(error)}. Start it with -js, and allow JetStream for this account.`,
      { cause: error },
    )
  })
  const shared: Shared = { nc, jsm, listeners: new Set(), connected: true }
  void follow(shared)
  return shared
}

const follow = async (shared: Shared): Promise<void> => {
  const tell = (event: LinkEvent): void => {
    shared.connected = event === 'reconnected'
    for (const listener of [...shared.listeners]) listener(event)
  }
  for await (const status of shared.nc.status()) {
    if (status.type === 'disconnect') tell('disconnected')
    else if (status.type === 'reconnect') tell('reconnected')
    else if (status.type === 'close') break
  }
  tell('closed')
}
