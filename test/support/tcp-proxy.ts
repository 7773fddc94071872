// A TCP proxy to put between a client and its server: it can cut connections, swallow what passes, and slow it down.
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** How many connections were ever made through it. */
  readonly made: () => number
  /** Ends every open connection at once; new ones are welcome. */
  readonly cut: () => void
  /** While true, nothing passes and nothing is closed: neither side is told. */
  readonly stall: (on: boolean) => void
  /** Delays what clients send from now on by `ms` milliseconds, in order; 0 passes on all that is delayed. */
  readonly delay: (ms: number) => void
  /** At most so many bytes a second towards the client; null: as fast as they come. */
  readonly throttle: (bytesPerSecond: number | null) => void
  readonly close: () => Promise<void>
}

const sliceMs = 10

/** `onRequest` is called with what a client sends, before it passes; it may change bytes of it. */
export const tcpProxy = async (targetPort: number, onRequest: (data: Buffer) => void = () => undefined): Promise<TcpProxy> => {
  const pairs = new Set<readonly [client: Socket, server: Socket]>()
  let stalled = false
  let made = 0
  let rate: number | null = null
  let delayMs = 0
  const late = new Set<() => void>()
  const letGo = (): void => {
    for (const pass of late) pass()
    late.clear()
  }
  const pump = (from: Socket, to: Socket): void => {
    from.on('data', (data: Buffer) => {
      to.write(data)
      const limit = rate
      if (limit === null) return
      from.pause()
      setTimeout(() => !stalled && from.resume(), Math.max(sliceMs, (data.length / limit) * 1_000)).unref()
    })
  }
  const listener = createServer(client => {
    const server = connect(targetPort, '127.0.0.1')
    const pair = [client, server] as const
    pairs.add(pair)
    made++
    const end = (): void => {
      pairs.delete(pair)
      client.destroy()
      server.destroy()
    }
    for (const socket of pair) socket.on('error', end).on('close', end)
    client.on('data', onRequest)
    client.on('data', (data: Buffer) => {
      const pass = (): void => void server.write(data)
      if (delayMs === 0) return pass()
      late.add(pass)
      setTimeout(() => late.delete(pass) && pass(), delayMs).unref()
    })
    pump(server, client)
    if (stalled) for (const socket of pair) socket.pause()
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const [client, server] of [...pairs]) {
      client.destroy()
      server.destroy()
    }
  }
  return {
    port: (listener.address() as AddressInfo).port,
    made: () => made,
    cut,
    stall: on => {
      stalled = on
      for (const pair of pairs)
        for (const socket of pair)
          if (on) socket.pause()
          else socket.resume()
    },
    delay: ms => {
      delayMs = ms
      if (ms === 0) letGo()
    },
    throttle: bytesPerSecond => void (rate = bytesPerSecond),
    close: () => {
      cut()
      return new Promise(resolve => listener.close(() => resolve()))
    },
  }
}
