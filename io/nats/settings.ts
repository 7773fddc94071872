// Where NATS is: what a binding carries, and which one a name means.
import type { NatsConnection } from '@nats-io/nats-core'
import type { Binding, HostContext } from '../../sdk/model/bindings.ts'
import type { Duration } from '../../sdk/model/time.ts'
import { adaptNats2, hasMethods, isMadeByNats2, requireNats2 } from './nats2-connection.ts'
import { ConnectionProblem } from './problem.ts'

/** How to ask a NATS server: each of these is left out where nothing is said. Secrets by reference, so that nothing here is one. */
export interface ConnectionSpecifics {
  /** Who asks; with password. None unless told. */
  readonly user?: string | undefined
  /** Of user, by reference: `${env:NAME}` or `${file:PATH}`. */
  readonly password?: string | undefined
  /** Who asks, by a token; by reference: `${env:NAME}` or `${file:PATH}`. None unless told. */
  readonly token?: string | undefined
  /** The name of an environment variable that holds a token. None unless told. */
  readonly tokenVariable?: string | undefined
  /** Who asks, by an nkey: its seed, by reference: `${env:NAME}` or `${file:PATH}`. None unless told. */
  readonly nkeySeed?: string | undefined
  /** The path of a .creds file: a JWT and its seed. None unless told. */
  readonly credentialsFile?: string | undefined
  /** The path of a PEM file: who vouches for the server. Node's own authorities unless told. */
  readonly tlsCaFile?: string | undefined
  /** The path of a PEM file: who asks, by a certificate. None unless told. */
  readonly tlsCertFile?: string | undefined
  /** The path of a PEM file: the key of tlsCertFile. */
  readonly tlsKeyFile?: string | undefined
  /** Under which answers come: _INBOX unless told. */
  readonly inboxPrefix?: string | undefined
  /** The JetStream domain. None unless told. */
  readonly domain?: string | undefined
  /** Where the JetStream API is: $JS.API unless told. */
  readonly apiPrefix?: string | undefined
  /** Before a server that went away is tried a second time, and twice as long each time after that: 250 ms unless told. */
  readonly reconnectWait?: Duration | undefined
  /** The longest of these waits: 2 s unless told. */
  readonly reconnectMaxWait?: Duration | undefined
  /** At most so much more, at random: 100 ms unless told. */
  readonly reconnectJitter?: Duration | undefined
  /** How long reads and writes wait for servers that are away before they fail as ServerUnavailable: 2 minutes unless told. */
  readonly reconnectFor?: Duration | undefined
}

/** What a connection's binding carries: plain data. Secrets stay where they are: in a file, in an environment variable. */
export interface ConnectionSettings extends ConnectionSpecifics {
  /** Their addresses: `nats://host:4222`. */
  readonly servers: ReadonlyArray<string>
}

/** Where the JetStream API is. */
export const apiPrefixOf = ({ domain, apiPrefix }: Pick<ConnectionSettings, 'domain' | 'apiPrefix'>): string =>
  apiPrefix ?? (domain === undefined ? '$JS.API' : `$JS.${domain}.API`)

export const bindingKey = (name: string | undefined): string => `jetstream:${name ?? 'default'}`

const defaultServer = 'nats://127.0.0.1:4222'

/** How a name is looked up: `HostContext.binding`. */
export type BindingLookup = HostContext['binding']

/** Servers with commas between them, as NATS_URL and the command line have them; '' where one is missing. */
export const serversIn = (text: string): ReadonlyArray<string> => text.split(',').map(server => server.trim())

export const connectionBinding = (name: string | undefined, settings: ConnectionSettings): Binding =>
  Object.freeze({ _tag: 'Binding', key: bindingKey(name), settings: Object.freeze(settings) })

/** What code or the command line bound, else NATS_URL, else the server of this machine. Throws a ConnectionProblem. */
export const resolveConnection = (binding: BindingLookup, name: string | undefined): ConnectionSettings | NatsConnection => {
  const bound = binding(bindingKey(name))
  if (bound?._tag === 'LocalBinding') {
    const nc: unknown = bound.value
    if (typeof nc !== 'object' || nc === null)
      throw new ConnectionProblem(
        'UnsupportedConnection',
        `The binding ${bound.key} holds no connection. Make it with JetStreamIO.existingConnection.`,
      )
    return handedIn(nc)
  }
  if (bound !== undefined) {
    if (isSettings(bound.settings)) return bound.settings
    throw new ConnectionProblem(
      'InvalidOptions',
      `The binding ${bound.key} holds no connection settings. Make it with JetStreamIO.connection.`,
    )
  }
  if (name !== undefined && name !== 'default')
    throw new ConnectionProblem(
      'CannotConnect',
      `Nothing provides the connection ${JSON.stringify(name)}. Run with provide: [JetStreamIO.connection({ name: ${JSON.stringify(name)}, servers: '…' })].`,
    )
  const url = process.env['NATS_URL']
  return { servers: url === undefined || url.trim() === '' ? [defaultServer] : serversIn(url) }
}

const isSettings = (value: unknown): value is ConnectionSettings =>
  typeof value === 'object' &&
  value !== null &&
  'servers' in value &&
  Array.isArray(value.servers) &&
  value.servers.every(s => typeof s === 'string')

/** A connection that a program handed in, as one of the @nats-io family. Throws UnsupportedConnection. */
export const handedIn = (nc: object): NatsConnection => {
  if (isMadeByNats2(nc)) {
    requireNats2(nc)
    return adaptNats2(nc)
  }
  requireConnection(nc)
  return nc
}

function requireConnection(nc: object): asserts nc is NatsConnection {
  if (!hasMethods(nc, ['publish', 'subscribe', 'request', 'status', 'isClosed']))
    throw new ConnectionProblem(
      'UnsupportedConnection',
      "JetStreamIO.existingConnection: this object is no NatsConnection. Pass what `connect` of '@nats-io/transport-node' 3.x, or of `nats` 2.29, resolved to.",
    )
}
