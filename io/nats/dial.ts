// Connects as everything here wants to be connected: it comes back by itself for as long as it is not closed, and silence ends.
import { readFile } from 'node:fs/promises'
import { isMainThread } from 'node:worker_threads'
import { AuthorizationError, UserAuthenticationExpiredError } from '@nats-io/nats-core'
import { type NatsConnection, type NodeConnectionOptions, connect, credsAuthenticator, nkeyAuthenticator } from '@nats-io/transport-node'
import { rememberSecret } from '../../sdk/model/secret-text.ts'
import { errorText } from '../../sdk/model/error-text.ts'
import { secretReference } from '../settings/kinds.ts'
import { mayBeShown, notShown, shownVariable } from '../settings/shown-names.ts'
import { type Address, addressOf, differingSchemes, refusedPort, schemeOf, shownServers } from './address.ts'
import { comeback } from './comeback.ts'
import { connectionSchema } from './connection-keys.ts'
import { ConnectionProblem } from './problem.ts'
import type { ConnectionSettings } from './settings.ts'

/** Pings notice a connection through which nothing passes any more: two unanswered ones end it. */
const pingEveryMs = 4_000
/** A request whose connection is cut is never answered: short, since it is asked again. */
export const apiTimeoutMs = 2_500

/** Settings under which servers have answered once. */
const reached = new Set<string>()

/** Rejects with a ConnectionProblem. */
export const dial = async (settings: ConnectionSettings): Promise<NatsConnection> => {
  const scheme = schemeOf(settings.servers)
  if (scheme === null) throw new ConnectionProblem('InvalidOptions', `${shownServers(settings.servers)}: ${differingSchemes}.`)
  const shown = shownServers(settings.servers)
  const addresses = settings.servers.map(addressOf)
  // One login for all: a client has one.
  const login = addresses.find(address => address.login !== null)?.login ?? {}
  for (const secret of secretsIn(addresses)) rememberSecret(secret)
  const { reconnectWait, reconnectMaxWait, reconnectJitter } = connectionSchema.keys
  const firstMs = settings.reconnectWait ?? reconnectWait.fallback
  const back = comeback({
    firstMs,
    longestMs: Math.max(firstMs, settings.reconnectMaxWait ?? reconnectMaxWait.fallback),
    jitterMs: settings.reconnectJitter ?? reconnectJitter.fallback,
  })
  for (const server of settings.servers) {
    const port = refusedPort(server)
    if (port !== null) throw new ConnectionProblem('InvalidOptions', `The servers of the connection: ${port}.`)
  }
  await requireFiles(settings)
  const options: Omit<NodeConnectionOptions, 'tls'> = {
    servers: addresses.map(({ shown }) => shown),
    name: 'jetbeam',
    // A trace for each request costs more than the request.
    noAsyncTraces: true,
    reconnect: true,
    // Whoever uses the connection bounds how long it waits for it.
    maxReconnectAttempts: -1,
    reconnectDelayHandler: back.delay,
    pingInterval: pingEveryMs,
    maxPingOut: 2,
    timeout: apiTimeoutMs,
    ...(settings.inboxPrefix === undefined ? {} : { inboxPrefix: settings.inboxPrefix }),
    ...login,
    ...(await loginOf(settings)),
  }
  try {
    const nc =
      scheme === 'nats'
        ? await connect({ ...options, ...tlsOf(settings) })
        : // Few need it, and each worker thread would pay for its import.
          await (await import('./web-socket.ts')).connectByWebSocket(options, { scheme, ...filesOf(settings) })
    void back.follow(nc)
    reached.add(JSON.stringify(settings))
    return nc
  } catch (error) {
    if (isRefusedLogin(error)) throw refusedLogin(shown, error)
    const remedy =
      scheme === 'nats'
        ? 'Start one with JetStream (nats-server -js)'
        : 'Start one that listens for WebSockets there (websocket { port } in its configuration)'
    throw new ConnectionProblem(
      'CannotConnect',
      `No NATS server could be reached at ${shown}: ${errorText(error)}. ${remedy}, or say where it is: NATS_URL, or provide: [JetStreamIO.connection({ servers: '…' })].`,
      {
        cause: error,
        absence: {
          wasThere: reached.has(JSON.stringify(settings)) || !isMainThread,
          patienceMs: settings.reconnectFor ?? connectionSchema.keys.reconnectFor.fallback,
        },
      },
    )
  }
}

export const isRefusedLogin = (error: unknown): boolean =>
  error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError

/** The server is there, and says no: asking again changes nothing. */
export const refusedLogin = (servers: string, error: unknown): ConnectionProblem =>
  new ConnectionProblem(
    'AuthenticationFailed',
    `The NATS server at ${servers} does not let this user in: ${errorText(error)}. Look at the connection's user and password, token, nkeySeed or credentialsFile, and whether they have expired.`,
    { cause: error },
  )

/** With an authority, a certificate or an address that says so, the server must speak TLS. */
const tlsOf = (settings: ConnectionSettings): Pick<NodeConnectionOptions, 'tls'> => {
  const files = filesOf(settings)
  return Object.keys(files).length > 0 || settings.servers.some(server => /^tls:/i.test(server)) ? { tls: files } : {}
}

const filesOf = ({ tlsCaFile, tlsCertFile, tlsKeyFile }: ConnectionSettings) => ({
  ...(tlsCaFile === undefined ? {} : { caFile: tlsCaFile }),
  ...(tlsCertFile === undefined ? {} : { certFile: tlsCertFile }),
  ...(tlsKeyFile === undefined ? {} : { keyFile: tlsKeyFile }),
})

type Login = Pick<NodeConnectionOptions, 'authenticator' | 'token' | 'user' | 'pass'>

const loginOf = async (settings: ConnectionSettings): Promise<Login> => {
  const { user, password, token, tokenVariable, nkeySeed, credentialsFile } = settings
  if (credentialsFile !== undefined) return withFile('credentials', credentialsFile, bytes => ({ authenticator: credentialsIn(bytes) }))
  if (nkeySeed !== undefined) return { authenticator: nkeyAuthenticator(new TextEncoder().encode(await resolved('nkeySeed', nkeySeed))) }
  if (user !== undefined) return { user, ...(password === undefined ? {} : { pass: await resolved('password', password) }) }
  if (token !== undefined) return { token: await resolved('token', token) }
  if (tokenVariable !== undefined) return { token: variable('token', tokenVariable) }
  return {}
}

const secretsIn = (addresses: ReadonlyArray<Address>): ReadonlyArray<string> =>
  addresses.flatMap(({ login }) => (login === null ? [] : 'token' in login ? [login.token] : [login.pass, `${login.user}:${login.pass}`]))

const mostCredentials = 65_536

/** Looked at here: the client would look when it has connected, and say that no server is there. */
const credentialsIn = (bytes: Uint8Array): ReturnType<typeof credsAuthenticator> => {
  if (bytes.length > mostCredentials) throw new Error(`it has more than ${mostCredentials} bytes, which no .creds file has`)
  if (blocksIn(new TextDecoder().decode(bytes)) < 2) throw new Error('it has no JWT and seed between lines of dashes, as a .creds file has')
  return credsAuthenticator(bytes)
}

const isDashed = (line: string): boolean => line.startsWith('---') && line.endsWith('---') && line.length >= 6

/** One line of text between two lines of dashes, as the client looks for it. Line by line: an expression would start anew at each dash. */
const blocksIn = (text: string): number => {
  const lines = text.split('\n').flatMap(line => line.trim() || [])
  let blocks = 0
  for (let i = 0; i + 2 < lines.length; i++) {
    const [open = '', middle = '', close = ''] = lines.slice(i, i + 3)
    if (!isDashed(open) || isDashed(middle) || /\s/.test(middle) || !isDashed(close)) continue
    blocks++
    i += 2
  }
  return blocks
}

const pemBlocks = { tlsCaFile: 'CERTIFICATE', tlsCertFile: 'CERTIFICATE', tlsKeyFile: 'PRIVATE KEY' } as const

/** What Node says of a file that it cannot use does not name it. */
const requireFiles = async (settings: ConnectionSettings): Promise<void> => {
  for (const key of ['tlsCaFile', 'tlsCertFile', 'tlsKeyFile'] as const) {
    const file = settings[key]
    const block = pemBlocks[key]
    if (file === undefined) continue
    await withFile(key, file, bytes => {
      if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${block}-----`).test(new TextDecoder().decode(bytes)))
        throw new Error(`it is no PEM file with a ${block} in it`)
    })
  }
}

/** What a reference leads to; only here is a secret a value. */
const resolved = async (key: string, reference: string): Promise<string> => {
  const [, where, name = ''] = secretReference.exec(reference) ?? []
  if (where === 'env') return variable(key, name)
  if (where === 'file') return withFile(key, name, bytes => remembered(new TextDecoder().decode(bytes).trim()))
  throw new ConnectionProblem('InvalidOptions', `The connection's ${key} is no reference such as \${env:NAME} or \${file:PATH}.`)
}

const remembered = (secret: string): string => {
  rememberSecret(secret)
  return secret
}

const variable = (key: string, name: string): string => {
  const value = process.env[name]
  if (value !== undefined && value !== '') return remembered(value)
  throw new ConnectionProblem(
    'CannotConnect',
    `The environment variable ${shownVariable(name)}, which should hold the ${key} for NATS, is not set.`,
  )
}

const withFile = async <A>(key: string, file: string, use: (bytes: Uint8Array) => A): Promise<A> => {
  try {
    return use(new Uint8Array(await readFile(file)))
  } catch (error) {
    const isPath = await mayBeShown(file, error)
    const [shown, why] = isPath ? [` ${file}`, errorText(error)] : ['', `there is no file of this name ${notShown}`]
    throw new ConnectionProblem('CannotConnect', `The ${key} file${shown} cannot be used: ${why}.`, isPath ? { cause: error } : {})
  }
}
