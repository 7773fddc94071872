// What sources and sinks hold of a connection: a share of it, and its JetStream.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { errors, type NatsConnection } from '@nats-io/nats-core'
import type { Binding, HostContext, LocalBinding } from '../../sdk/model/bindings.ts'
import { addressOf } from '../nats/address.ts'
import { type ConnectionConfig, connectionSchema } from '../nats/connection-keys.ts'
import { apiTimeoutMs, isRefusedLogin, refusedLogin } from '../nats/dial.ts'
import { type Lane, type SharedConnection, share } from '../nats/pool.ts'
import { ConnectionProblem } from '../nats/problem.ts'
import { type ConnectionSpecifics, apiPrefixOf, bindingKey, connectionBinding as bindingOf, handedIn, serversIn } from '../nats/settings.ts'
import { check } from '../settings/check.ts'
import { orThrow } from './configuration-error.ts'
import { JetStreamIOError, errorText, notPermitted, refusalIn } from './errors.ts'
import { patienceMs } from './patience.ts'

/** A connection as sources and sinks use it. */
export interface Link extends Omit<SharedConnection, 'settings' | 'closedBy'> {
  readonly jsm: JetStreamManager
  /** Of JetStream's API: `$JS.API`. */
  readonly apiPrefix: string
  /** Of subjects for answers: `_INBOX`. */
  readonly inboxPrefix: string
  /** How long its servers may be away before a run fails. */
  readonly patienceMs: number
  /** Once it is closed: the error to fail with. */
  readonly whyClosed: (label: string) => JetStreamIOError
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
    handedIn(nc)
  } catch (error) {
    throw asJetStreamIOError(error)
  }
  return Object.freeze({ _tag: 'LocalBinding', key: bindingKey(o?.name), value: nc })
}

/** Connects, or joins who already did. Rejects with CannotConnect. */
export const acquire = async ({ binding }: Pick<HostContext, 'binding'>, name: string | undefined, lane: Lane): Promise<Link> => {
  try {
    const { settings, closedBy, ...shared } = await share(binding, name, lane)
    const patience = settings.reconnectFor ?? patienceMs
    try {
      const jsm = await managerOf(shared.nc, shared.address, apiPrefixOf(settings), Math.min(leaderWithinMs, patience))
      return {
        ...shared,
        jsm,
        apiPrefix: apiPrefixOf(settings),
        inboxPrefix: settings.inboxPrefix ?? '_INBOX',
        patienceMs: patience,
        whyClosed: label => whyClosed(label, shared.address, closedBy()),
      }
    } catch (error) {
      await shared.release()
      throw error
    }
  } catch (error) {
    throw asJetStreamIOError(error)
  }
}

const whyClosed = (label: string, address: string, closedBy: Error | null): JetStreamIOError => {
  if (isRefusedLogin(closedBy)) {
    const { _tag, message } = refusedLogin(address, closedBy)
    return new JetStreamIOError(_tag, `${label}: ${message} Then start the run again: it goes on from its checkpoint.`, { cause: closedBy })
  }
  const why = closedBy === null ? 'by this program' : `because of this: ${closedBy.message}`
  return new JetStreamIOError(
    'ConnectionClosed',
    `${label}: the connection to ${address} was closed, ${why}. Start the run again: it goes on from its checkpoint.`,
    { cause: closedBy ?? undefined },
  )
}

// Whoever shares a connection need not ask again whether it has JetStream.
const managers = new WeakMap<NatsConnection, Promise<JetStreamManager>>()

/** A cluster takes connections before its JetStream has a leader. */
const leaderWithinMs = 20_000

const managerWithLeader = async (nc: NatsConnection, apiPrefix: string, giveUpMs: number): Promise<JetStreamManager> => {
  for (;;)
    try {
      return await jetstreamManager(nc, { timeout: apiTimeoutMs, apiPrefix })
    } catch (error) {
      if (!(error instanceof errors.TimeoutError) || performance.now() > giveUpMs) throw error
    }
}

const managerOf = (nc: NatsConnection, address: string, apiPrefix: string, waitMs: number): Promise<JetStreamManager> => {
  const known = managers.get(nc)
  if (known !== undefined) return known
  const asked = managerWithLeader(nc, apiPrefix, performance.now() + waitMs).catch((error: unknown) => {
    managers.delete(nc)
    const refused = refusalIn(error)
    if (refused !== null) throw notPermitted(`The connection to ${address}`, refused)
    throw new JetStreamIOError(
      'CannotConnect',
      `The NATS server at ${address} answers, but its JetStream${apiPrefix === '$JS.API' ? '' : ` (${apiPrefix})`} does not: ${errorText(error)}. Start it with -js, and allow JetStream for this account.`,
      { cause: error },
    )
  })
  managers.set(nc, asked)
  return asked
}
