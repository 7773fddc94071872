// NATS through WebSockets. The client has one factory of transports in a process: whatever connects puts its own there, and what comes back
// asks it again. So a connection through WebSockets, which would take over the others' ways back, makes its transports without it; for that
// the client's inner parts are put together here as its `connect` does.
import {
  type ConnectionOptions,
  type Deferred,
  type NatsConnection,
  NatsConnectionImpl,
  ProtocolHandler,
  type Transport,
  deferred,
  errors,
} from '@nats-io/nats-core/internal'
import { type WebSocketOptions, WebSocketTransport } from './web-socket-transport.ts'

/** Rejects with what the client rejects with. */
export const connectByWebSocket = async (options: ConnectionOptions, sockets: WebSocketOptions): Promise<NatsConnection> => {
  // Its constructor is private; what it wants is what `connect` takes. Names are resolved by the socket.
  const nc: unknown = Reflect.construct(NatsConnectionImpl, [{ ...options, resolve: false }])
  if (!isConnection(nc)) throw new Error('the client made something else than a connection')
  const protocol = new ProtocolHandler(nc.options, nc)
  Object.defineProperty(protocol, 'prepare', { value: () => prepared(protocol, new WebSocketTransport(sockets)) })
  await protocol.dialLoop()
  nc.protocol = protocol
  return nc
}

const isConnection = (value: unknown): value is NatsConnectionImpl & NatsConnection => value instanceof NatsConnectionImpl

/** Before each attempt: ProtocolHandler.prepare with a transport of ours. Gives what the first pong, or a refusal, settles. */
const prepared = (protocol: ProtocolHandler & { transport?: Transport }, transport: Transport): Deferred<void> => {
  protocol.transport?.discard()
  delete protocol.info
  protocol.resetOutbound()
  const pong: Deferred<void> = deferred()
  // It may be rejected before anybody waits for it.
  pong.catch(() => undefined)
  protocol.pongs.unshift(pong)
  protocol.connectError = error => pong.reject(error ?? new errors.ClosedConnectionError())
  protocol.transport = transport
  void transport.closed().then(async () => {
    protocol.connected = false
    if (!protocol.isClosed()) await protocol.disconnected(transport.closeError ?? protocol.lastError)
  })
  return pong
}
