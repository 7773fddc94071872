// A slow network between the pipeline and its server: so there is time to watch, and to kill in the middle, on any machine. As on a real
// one, what the server acknowledges queues behind what it delivers, and checkpoints wait for that: they take a second here, not milliseconds.
import { once } from 'node:events'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'

export interface SlowLink {
  readonly url: string
  readonly close: () => Promise<void>
}

/** Passes everything on to `serverUrl`; what comes from the server at no more than `bytesPerSecond`. */
export const slowLink = async (serverUrl: string, bytesPerSecond: number): Promise<SlowLink> => {
  const { hostname, port } = new URL(serverUrl)
  const sockets = new Set<Socket>()
  const listener = createServer(client => {
    const server = connect(Number(port), hostname)
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      // A killed process resets its connection: to the link that is an end like any other.
      socket
        .on('error', () => other.destroy())
        .on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
    }
    client.pipe(server)
    let freeAtMs = 0
    server.on('data', (chunk: Buffer) => {
      client.write(chunk)
      const now = performance.now()
      freeAtMs = Math.max(now, freeAtMs) + (chunk.length * 1_000) / bytesPerSecond
      server.pause()
      setTimeout(() => server.resume(), freeAtMs - now)
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    url: `nats://127.0.0.1:${(listener.address() as AddressInfo).port}`, // it listens on TCP
    close: async () => {
      const closed = once(listener, 'close')
      listener.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
