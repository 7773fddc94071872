// Connects as everything here wants to be connected: it comes back by itself for as long as it is not closed, and silence ends.
import { readFile } from 'node:fs/promises'
import { type ConnectionOptions, type NatsConnection, connect, credsAuthenticator } from '@nats-io/transport-node'
import { addressOf, shownServers } from './address.ts'
import { ConnectionProblem } from './problem.ts'
import type { ConnectionSettings } from './settings.ts'

/** A server that went away is dialled again every 250 ms, for ever: whoever uses the connection bounds how long it waits for it. */
const reconnectWaitMs = 250
/** Pings notice a connection through which nothing passes any more: two unanswered ones end it. */
const pingEveryMs = 4_000
/** A request whose connection is cut is never answered: short, since it is asked again. */
export const apiTimeoutMs = 2_500

/** Rejects with a ConnectionProblem. */
export const dial = async (settings: ConnectionSettings): Promise<NatsConnection> => {
  const addresses = settings.servers.map(addressOf)
  // One login for all: a client has one.
  const login = addresses.find(address => address.login !== null)?.login ?? {}
  const options: ConnectionOptions = {
    servers: addresses.map(({ shown }) => shown),
    name: 'jetbeam',
    // A trace for each request costs more than the request.
    noAsyncTraces: true,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWaitMs,
    pingInterval: pingEveryMs,
    maxPingOut: 2,
    timeout: apiTimeoutMs,
    ...login,
    ...(await secrets(settings)),
  }
  try {
    return await connect(options)
  } catch (error) {
    throw new ConnectionProblem(
      'CannotConnect',
      `No NATS server could be reached at ${shownServers(settings.servers)}: ${textOf(error)}. Start one with JetStream (nats-server -js), or say where it is: NATS_URL, or provide: [JetStreamIO.connection({ servers: '…' })].`,
      { cause: error },
    )
  }
}

const secrets = async (settings: ConnectionSettings): Promise<Pick<ConnectionOptions, 'authenticator' | 'token'>> => {
  if (settings.credentialsFile !== null) {
    try {
      return { authenticator: credsAuthenticator(new Uint8Array(await readFile(settings.credentialsFile))) }
    } catch (error) {
      throw new ConnectionProblem('CannotConnect', `The credentials file ${settings.credentialsFile} cannot be used: ${textOf(error)}.`, {
        cause: error,
      })
    }
  }
  if (settings.tokenVariable === null) return {}
  const token = process.env[settings.tokenVariable]
  if (token === undefined || token === '')
    throw new ConnectionProblem(
      'CannotConnect',
      `The environment variable ${settings.tokenVariable}, which should hold the token for NATS, is not set.`,
    )
  return { token }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
