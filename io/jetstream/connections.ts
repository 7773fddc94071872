// Connections to NATS: one for reading and one for writing per process and settings, shared by all that name them, closed when the last lets go.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import type { Binding, HostContext, LocalBinding } from '../../sdk/model/bindings.ts'
import { addressOf, shownServers } from '../nats/address.ts'
import { type ConnectionConfig, connectionSchema } from '../nats/connection-keys.ts'
import { apiTimeoutMs, dial } from '../nats/dial.ts'
import { ConnectionProblem } from '../nats/problem.ts'
import {
  type ConnectionSpecifics,
  apiPrefixOf,
  bindingKey,
  connectionBinding as bindingOf,
  requireCurrent,
  resolveConnection,
  serversIn,
} from '../nats/settings.ts'
import { check } from '../settings/check.ts'
import { orThrow } from './configuration-error.ts'
import { JetStreamIOError, errorText } from './errors.ts'

export type LinkEvent = 'disconnected' | 'reconnected' | 'closed'

/** A connection as sources and sinks use it. */
export interface Link {
  readonly nc: NatsConnection
  readonly jsm: JetStreamManager
  /** Where it leads, for messages. */
  readonly address: string
  /** Of JetStream's API: `$JS.API`. */
  readonly apiPrefix: string
  /** Of subjects for answers: `_INBOX`. */
  readonly inboxPrefix: string
  readonly isConnected: () => boolean
  /** Gives what ends the listening. */
  readonly listen: (listener: (event: LinkEvent) => void) => () => void
  /** Closes the connection if nobody else uses it and it is ours. */
  readonly release: () => Promise<void>
}

/** A problem of the shared room, as this one's users know it. */
const asJetStreamIOError = (error: unknown): unknown =>
  error instanceof ConnectionProblem ? new JetStreamIOError(error._tag, error.message, { cause: error.cause }) : error

/** Where NATS is and who asks, as `JetStreamIO.connection` takes it. */
export interface ConnectionOptions extends ConnectionSpecifics {
  /** By which reads and writes name it: 'default' unless told. */
  readonly name?: string | undefined
  /** Addresses, as an array or with commas between them: `nats://host:4222`, or `tls://host:4222`. */
  readonly servers: string | ReadonlyArray<string>
}

/** Binds a connection's settings to a name. See JetStreamIO.connection. */
export const connectionBinding = (o: ConnectionOptions): Binding => {
  const servers = typeof o.servers === 'string' ? serversIn(o.servers) : o.servers
  // Code may have a login in an address; a configuration may not, because it is written to files.
  const given = { ...o, servers: servers.map(server => addressOf(server).shown) }
  const { name, ...settings } = orThrow(
    'JetStreamIO.connection',
    check<ConnectionConfig>(connectionSchema, given, { prefix: '', inCode: [] }),
  )
  return bindingOf(name, { ...settings, servers })
}

/** Binds a live connection to a name. See JetStreamIO.existingConnection. */
export const existingBinding = (nc: object, o?: { readonly name?: string | undefined }): LocalBinding => {
  try {
    requireCurrent(nc)
  } catch (error) {
    throw asJetStreamIOError(error)
  }
  return Object.freeze({ _tag: 'LocalBinding', key: bindingKey(o?.name), value: nc })
}

interface Shared extends Pick<Link, 'nc' | 'jsm' | 'apiPrefix' | 'inboxPrefix'> {
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
  try {
    return await acquired(context, name, lane)
  } catch (error) {
    throw asJetStreamIOError(error)
  }
}

const acquired = async (context: HostContext, name: string | undefined, lane: Lane): Promise<Link> => {
  const target = resolveConnection(context.binding, name)
  if (!('servers' in target)) {
    const shared = await watched(target, target.getServer(), {})
    return linkOf(shared, target.getServer(), () => Promise.resolve())
  }
  const address = shownServers(target.servers)
  const key = JSON.stringify({ target, lane })
  const lease = leases.get(key) ?? { shared: dial(target).then(nc => watched(nc, address, target)), users: 0 }
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
    apiPrefix: shared.apiPrefix,
    inboxPrefix: shared.inboxPrefix,
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

const watched = async (nc: NatsConnection, address: string, settings: ConnectionSpecifics): Promise<Shared> => {
  const apiPrefix = apiPrefixOf(settings)
  const jsm = await jetstreamManager(nc, { timeout: apiTimeoutMs, apiPrefix }).catch((error: unknown) => {
    throw new JetStreamIOError(
      'CannotConnect',
      `The NATS server at ${address} answers, but its JetStream${apiPrefix === '$JS.API' ? '' : ` (${apiPrefix})`} does not: ${errorText(error)}. Start it with -js, and allow JetStream for this account.`,
      { cause: error },
    )
  })
  const shared: Shared = { nc, jsm, apiPrefix, inboxPrefix: settings.inboxPrefix ?? '_INBOX', listeners: new Set(), connected: true }
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
