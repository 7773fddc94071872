// A server's address, apart from who it is called by: `nats://user:password@host` and `nats://token@host` hold a secret, which no message
// may show.

export interface Address {
  /** Without the secret. */
  readonly shown: string
  readonly login: { readonly user: string; readonly pass: string } | { readonly token: string } | null
}

export const addressOf = (server: string): Address => {
  const scheme = /^(?:[a-z][a-z0-9+.-]*:)?\/\//i.exec(server)?.[0] ?? ''
  // A WebSocket's path may hold an @; elsewhere the last one ends the login, whatever that holds.
  const path = /^wss?:/i.test(server) ? server.indexOf('/', scheme.length) : -1
  const end = path < 0 ? server.length : path
  const at = path < 0 ? server.lastIndexOf('@') : server.slice(0, end).lastIndexOf('@')
  const userinfo = at < scheme.length ? '' : server.slice(scheme.length, at)
  const shown = at < scheme.length ? server : `${scheme}${server.slice(at + 1)}`
  if (userinfo === '') return { shown, login: null }
  const colon = userinfo.indexOf(':')
  if (colon < 0) return { shown, login: { token: decoded(userinfo) } }
  return { shown, login: { user: decoded(userinfo.slice(0, colon)), pass: decoded(userinfo.slice(colon + 1)) } }
}

/** What a connection goes through; null where the servers do not agree: one that came back elsewhere might no longer be encrypted. */
export const schemeOf = (servers: ReadonlyArray<string>): 'nats' | 'ws' | 'wss' | null => {
  const [first, ...others] = new Set(servers.map(server => (/^wss:/i.test(server) ? 'wss' : /^ws:/i.test(server) ? 'ws' : 'nats')))
  return others.length > 0 ? null : (first ?? 'nats')
}

export const differingSchemes =
  'a connection goes through TCP, through WebSockets, or through encrypted ones: give addresses that all begin with nats:// or tls://, all with ws://, or all with wss://'

/** A host and a port: whatever else stands there may be part of a secret, as where a password holds a comma. */
const isReadable = (shown: string): boolean => /^(?:(?:[a-z][a-z0-9+.-]*:)?\/\/)?(?:[\w.-]+|\[[\da-f:.%]+\])(?::\d+)?\/?$/i.test(shown)

/** For messages. */
export const shownServers = (servers: ReadonlyArray<string>): string =>
  servers
    .map(server => addressOf(server).shown.replace(/^(wss?:\/\/[^/@]+)\/[^@]*$/i, '$1'))
    .map(shown => (isReadable(shown) ? shown : '(an address that is none)'))
    .join(', ')

/** Why it cannot be, or null. */
export const refusedPort = (server: string): string | null => {
  const port = /^(?:[a-z]+:\/\/)?[^/]*:(\d+)(?:\/|$)/i.exec(addressOf(server).shown)?.[1]
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535)
    ? null
    : `the port of ${shownServers([server])} is none: ports are from 1 to 65535`
}

/** A percent sign that begins no code is itself. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
