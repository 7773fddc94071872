// The keys of a connection: where NATS is, who asks, and how to come back.
import { days, millis, minutes, seconds } from '../../sdk/model/time.ts'
import { accept, duration, listOf, refuse, secret, text } from '../settings/kinds.ts'
import { type Kind, type Problem, type Schema, optional, required, withDefault } from '../settings/schema.ts'
import { addressOf, differingSchemes, refusedPort, schemeOf } from './address.ts'
import type { ConnectionSettings } from './settings.ts'

/** A connection's settings, and the name by which reads and writes find it. */
export interface ConnectionConfig extends ConnectionSettings {
  /** 'default' unless told. */
  readonly name?: string | undefined
}

// An address is not shown: it may hold a login where nobody looked for one.
const address: Kind<string> = {
  says: 'an address',
  accept: value => {
    if (typeof value !== 'string' || value.trim() === '') return refuse('no server is named')
    const server = value.trim()
    if (addressOf(server).login !== null || server.includes('@'))
      return refuse('it holds a login: leave it out, and give user and password, or a token, as keys of their own')
    if (!/^(?:(?:(?:nats|tls):\/\/)?[^\s,/\\@]+\/?|wss?:\/\/[^\s,/\\@?#]+(?:\/[\w.~-]+)*\/?)$/.test(server))
      return refuse('it is no address such as nats://host:4222 or wss://host/path')
    const port = refusedPort(server)
    return port === null ? accept(server, server) : refuse(port)
  },
}

const servers = listOf(address, 'addresses: nats://host:4222, or tls://, ws:// or wss://', items => {
  if (items.length === 0) return { tag: 'InvalidOptions', reason: "no server is named. Give its address: servers: 'nats://127.0.0.1:4222'" }
  return schemeOf(items) === null ? { tag: 'InvalidOptions', reason: differingSchemes } : null
})

const path = text('the path of a file')
const subjectPrefix = text('a subject without wildcards', subject =>
  /[\s*>]|^\.|\.\.|\.$/.test(subject) ? 'it has a wildcard, a space or an empty token' : null,
)
const token = text('one token', subject => (/[\s.*>]/.test(subject) ? 'it has a dot, a space or a wildcard' : null))

const logins = ['token', 'tokenVariable', 'user', 'nkeySeed', 'credentialsFile'] as const

const apart = (one: string, other: string): Problem => ({
  path: other,
  tag: 'InvalidOptions',
  reason: `it does not go together with ${one}: leave one out`,
})

const tlsFiles = ['tlsCaFile', 'tlsCertFile', 'tlsKeyFile'] as const

const needs = (path: string, other: string): Problem => ({ path, tag: 'InvalidOptions', reason: `it needs ${other} as well` })

export const connectionSchema = {
  keys: {
    name: optional(text('a name'), "'default'", 'By which reads and writes name it.'),
    servers: required(servers, 'Where NATS is: any of these servers.'),
    user: optional(text('a name'), 'none', 'Who asks; with password.'),
    password: optional(secret, 'none', 'Of user.'),
    token: optional(secret, 'none', 'Who asks, by a token.'),
    tokenVariable: optional(text('the name of an environment variable'), 'none', 'The same as token: ${env:NAME}.'),
    nkeySeed: optional(secret, 'none', 'Who asks, by an nkey: its seed, SU….'),
    credentialsFile: optional(path, 'none', 'Who asks, by a .creds file: a JWT and its seed.'),
    tlsCaFile: optional(path, "Node's own authorities", 'PEM: who vouches for the server. Makes TLS a must, as each of these does.'),
    tlsCertFile: optional(path, 'none', 'PEM: who asks, by a certificate (mutual TLS); with tlsKeyFile.'),
    tlsKeyFile: optional(path, 'none', 'PEM: the key of tlsCertFile.'),
    inboxPrefix: optional(subjectPrefix, '_INBOX', 'Under which answers come: for users who may subscribe to nothing else.'),
    domain: optional(token, 'none', 'The JetStream domain.'),
    apiPrefix: optional(subjectPrefix, '$JS.API', 'Where the JetStream API is, for accounts that import it.'),
    reconnectWait: withDefault(
      duration(millis(10), millis(60_000)),
      millis(250),
      '250ms',
      'Before a server that went away is tried a second time; twice as long each time after that.',
    ),
    reconnectMaxWait: withDefault(duration(millis(10), minutes(10)), seconds(2), '2s', 'The longest of these waits.'),
    reconnectJitter: withDefault(duration(millis(0), millis(60_000)), millis(100), '100ms', 'At most so much more, at random.'),
    reconnectFor: withDefault(
      duration(millis(10), days(1)),
      minutes(2),
      '2m',
      'How long reads and writes wait for servers that are away, or a reader for messages that do not come, before they fail.',
    ),
  },
  rules: values => {
    const [first, ...others] = logins.filter(login => values[login] !== undefined)
    return [
      ...(first === undefined ? [] : others.map(other => apart(first, other))),
      ...(values.user !== undefined && values.password === undefined ? [needs('user', 'password')] : []),
      ...(values.password !== undefined && values.user === undefined ? [needs('password', 'user')] : []),
      ...(values.tlsCertFile !== undefined && values.tlsKeyFile === undefined ? [needs('tlsCertFile', 'tlsKeyFile')] : []),
      ...(values.tlsKeyFile !== undefined && values.tlsCertFile === undefined ? [needs('tlsKeyFile', 'tlsCertFile')] : []),
      ...(schemeOf(values.servers ?? []) !== 'ws'
        ? []
        : tlsFiles
            .filter(file => values[file] !== undefined)
            .map(path => ({ path, tag: 'InvalidOptions' as const, reason: 'an address that begins with ws:// has no TLS: give wss://' }))),
      ...(values.domain !== undefined && values.apiPrefix !== undefined ? [apart('domain', 'apiPrefix')] : []),
    ]
  },
} satisfies Schema<ConnectionConfig>
