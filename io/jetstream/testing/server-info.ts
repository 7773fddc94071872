// What a server says to whoever connects, before any authentication.
import { connect } from 'node:net'

export interface ServerInfo {
  readonly version: string
  readonly jetstream: boolean
}

const answerLimitMs = 2_000

/** Reads the INFO line of a server. Rejects where nothing, or something else, answers within 2 seconds. */
export const serverInfo = (host: string, port: number): Promise<ServerInfo> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, host)
    let received = ''
    const fail = (error: Error): void => {
      socket.destroy()
      reject(error)
    }
    socket.setTimeout(answerLimitMs, () => fail(new Error(`${host}:${port} does not answer`)))
    socket.once('error', fail)
    socket.once('close', () => reject(new Error(`${host}:${port} closed the connection`)))
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      received += chunk
      const end = received.indexOf('\r\n')
      if (end < 0) return
      const info = parse(received.slice(0, end))
      if (info === null) return fail(new Error(`${host}:${port} is not a NATS server`))
      resolve(info)
      socket.destroy()
    })
  })

const parse = (line: string): ServerInfo | null => {
  if (!line.startsWith('INFO ')) return null
  const info = json(line.slice('INFO '.length))
  if (typeof info !== 'object' || info === null || !('version' in info) || typeof info.version !== 'string') return null
  return { version: info.version, jetstream: 'jetstream' in info && info.jetstream === true }
}

const json = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
