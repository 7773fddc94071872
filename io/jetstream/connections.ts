// What sources and sinks hold of a connection: a share of it, and its JetStream.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import type { Binding, HostContext, LocalBinding } from '../../sdk/model/bindings.ts'
import { addressOf } from '../nats/address.ts'
import { type ConnectionConfig, connectionSchema } from '../nats/connection-keys.ts'
import { apiTimeoutMs, isRefusedLogin, refusedLogin } from '../nats/dial.ts'
import { type Lane, type SharedConnection, share } from '../nats/pool.ts'
import { ConnectionProblem } from '../nats/problem.ts'
import { type ConnectionSpecifics, apiPrefixOf, bindingKey, connectionBinding as bindingOf, handedIn, serversIn } from '../nats/settings.ts'
import { check } from '../settings/check.ts'
import { orThrow } from './configuration-error.ts'
import { JetStreamIOError, errorText } from './errors.ts'
import { logOutages } from './outages.ts'
import { type Asked, patienceMs, pauseMs, persistently, sleep } from './patience.ts'

/** A connection as sources and sinks use it. */
export interface Link extends Omit<SharedConnection, 'settings' | 'closedBy'>, Asked {
  readonly jsm: JetStreamManager
  /** Of JetStream's API: `$JS.API`. */
  readonly apiPrefix: string
  /** Of subjects for answers: `_INBOX`. */
  readonly inboxPrefix: string
}

/** A problem of the shared room, as this one's users know it. */
const asJetStreamIOError = (error: unknown): unknown =>
  error instanceof ConnectionProblem ? new JetStreamIOError(error._tag, error.message, { cause: error.cause }) : error

/** Where NATS is and who asks, as `JetStreamIO.connection` takes it. */
export interface ConnectionOptions extends ConnectionSpecifics {
  /** By which reads and writes name it: 'default' unless told. */
  readonly name?: string | undefined
  /** Addresses, as an array or with commas between them: `nats://host:4222` or `tls://host:4222`; all `ws://host:8080`; or all `wss://host`. */
  readonly servers: string | ReadonlyArray<string>
}

/** Binds a connection's settings to a name. See JetStreamIO.connection. */
export const connectionBinding = (o: ConnectionOptions): Binding => {
  const servers = typeof o.servers === 'string' ? serversIn(o.servers) : o.servers
  // Code may have a login in an address; a configuration may not, because it is written to files.
  const given = { ...o, servers: withoutLogins(servers) }
  const { name, ...settings } = orThrow(
    'JetStreamIO.connection',
    check<ConnectionConfig>(connectionSchema, given, { prefix: '', inCode: [] }),
  )
  return bindingOf(name, { ...settings, servers })
}

/** JavaScript may give anything: the schema refuses what is no text. */
const withoutLogins = (servers: unknown): unknown =>
  Array.isArray(servers) ? servers.map((server: unknown) => (typeof server === 'string' ? addressOf(server).shown : server)) : servers

/** Binds a live connection to a name. See JetStreamIO.existingConnection. */
export const existingBinding = (nc: object, o?: { readonly name?: string | undefined }): LocalBinding => {
  try {
    handedIn(nc)
  } catch (error) {
    throw asJetStreamIOError(error)
  }
  return Object.freeze({ _tag: 'LocalBinding', key: bindingKey(o?.name), value: nc })
}

type Place = Pick<HostContext, 'binding' | 'log' | 'signal'>

/** Where nobody ever was, an address may be wrong, and that is told at once. Who was there before is waited for. */
const shareAgain = async ({ binding, log, signal }: Place, name: string | undefined, lane: Lane): Promise<SharedConnection> => {
  const since = Date.now()
  for (let n = 0; ; n++) {
    try {
      return await share(binding, name, lane)
    } catch (error) {
      const absence = error instanceof ConnectionProblem ? error.absence : null
      if (absence?.wasThere !== true || signal.aborted || Date.now() - since > absence.patienceMs) throw error
      log('warn', 'A server that was there is away: it is waited for', { reason: errorText(error) })
      await sleep(pauseMs(n), signal)
    }
  }
}

/** Connects, or joins who already did. Rejects with CannotConnect, or with ServerUnavailable where JetStream has no leader for too long. */
export const acquire = async (context: Place, name: string | undefined, lane: Lane): Promise<Link> => {
  const { log, signal } = context
  try {
    const { settings, closedBy, ...connection } = await shareAgain(context, name, lane)
    const stopLogging = logOutages(connection, log)
    const release = (): Promise<void> => {
      stopLogging()
      return connection.release()
    }
    const shared = { ...connection, release }
    const apiPrefix = apiPrefixOf(settings)
    const asked: Asked = {
      patienceMs: settings.reconnectFor ?? patienceMs,
      whyClosed: label => whyClosed(label, shared.address, closedBy()),
    }
    const what = `The connection to ${shared.address}`
    const onRetry = (error: unknown): void => log('warn', `${what}: its JetStream has yet to answer`, { reason: errorText(error) })
    try {
      const jsm = await persistently({ what, signal, link: asked, onRetry }, () => managerOf(shared.nc, shared.address, apiPrefix))
      return { ...shared, ...asked, jsm, apiPrefix, inboxPrefix: settings.inboxPrefix ?? '_INBOX' }
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
const managers = new WeakMap<NatsConnection, JetStreamManager>()

/** Rejects with CannotConnect where there is no JetStream. A cluster takes connections before its JetStream has a leader: it is asked again then. */
const managerOf = async (nc: NatsConnection, address: string, apiPrefix: string): Promise<JetStreamManager> => {
  const known = managers.get(nc)
  if (known !== undefined) return known
  try {
    const manager = await jetstreamManager(nc, { timeout: apiTimeoutMs, apiPrefix })
    managers.set(nc, manager)
    return manager
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'JetStreamNotEnabled') throw error
    throw new JetStreamIOError(
      'CannotConnect',
      `The NATS server at ${address} answers, but its JetStream${apiPrefix === '$JS.API' ? '' : ` (${apiPrefix})`} does not: ${errorText(error)}. Start it with -js, and allow JetStream for this account.`,
      { cause: error },
    )
  }
}
