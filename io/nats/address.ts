// A server's address, apart from who it is called by: `nats://user:password@host` and `nats://token@host` hold a secret, which no message
// may show.

export interface Address {
  /** Without the secret. */
  readonly shown: string
  readonly login: { readonly user: string; readonly pass: string } | { readonly token: string } | null
}

export const addressOf = (server: string): Address => {
  const [, scheme = '', userinfo, rest = ''] = /^([a-z]+:\/\/)?(?:([^@/]*)@)?(.*)$/i.exec(server) ?? []
  const shown = `${scheme}${rest}`
  if (userinfo === undefined || userinfo === '') return { shown, login: null }
  const colon = userinfo.indexOf(':')
  if (colon < 0) return { shown, login: { token: decoded(userinfo) } }
  return { shown, login: { user: decoded(userinfo.slice(0, colon)), pass: decoded(userinfo.slice(colon + 1)) } }
}

/** For messages. */
export const shownServers = (servers: ReadonlyArray<string>): string => servers.map(server => addressOf(server).shown).join(', ')

/** A percent sign that begins no code is itself. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
