// The address that an endpoint listens on, as users write it.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Only this machine reaches it. */
const loopback = '127.0.0.1'

/** `HOST:PORT`, `[IPv6]:PORT`, or a port alone, which is that of the loopback interface. A Left says what is wrong. */
export const parseListenAddress = (text: string): Either<string, ListenAddress> => {
  const [, inBrackets, host, digits] = /^(?:(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9.-]{1,253})):)?(\d{1,5})$/i.exec(text.trim()) ?? []
  const port = Number(digits)
  return digits !== undefined && port <= 65_535
    ? E.right({ host: inBrackets ?? host ?? loopback, port })
    : E.left('it is not HOST:PORT. Write 127.0.0.1:9464, or 0.0.0.0:9464 to be reached from other machines')
}
