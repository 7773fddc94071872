// The bytes of a NATS connection through a WebSocket.
import { readFile } from 'node:fs/promises'
import { type Deferred, type Server, type Transport, deferred, errors } from '@nats-io/nats-core/internal'
import { WebSocket } from 'ws'

export interface WebSocketOptions {
  /** Of servers that others tell of: these have an address and no scheme. */
  readonly scheme: 'ws' | 'wss'
  /** Paths of PEM files; read anew for each attempt, so that a certificate may be renewed. */
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

/** For the other end to answer a close: then nobody waits for it any more. */
const closeMs = 1_000

export class WebSocketTransport implements Transport {
  readonly lang = 'nats.ws'
  readonly version = '3.3.1'
  isClosed = false
  closeError?: Error
  private readonly options: WebSocketOptions
  private socket: WebSocket | null = null
  private isOpen = false
  private frames: Uint8Array[] = []
  private arrived: Deferred<void> = deferred()
  // As the client expects: one that never opened does not end.
  private readonly ended: Deferred<Error | undefined> = deferred()

  constructor(options: WebSocketOptions) {
    this.options = options
  }

  async connect({ src, listen, tlsName }: Server): Promise<void> {
    const { scheme, caFile, certFile, keyFile } = this.options
    const files = {
      ...(caFile === undefined ? {} : { ca: await readFile(caFile) }),
      ...(certFile === undefined ? {} : { cert: await readFile(certFile) }),
      ...(keyFile === undefined ? {} : { key: await readFile(keyFile) }),
    }
    if (this.isClosed) throw new errors.ClosedConnectionError()
    const socket = new WebSocket(/^wss?:/i.test(src) ? src : `${scheme}://${listen}`, {
      ...files,
      ...(tlsName === '' ? {} : { servername: tlsName }),
      perMessageDeflate: false,
      closeTimeout: closeMs,
    })
    this.socket = socket
    socket.on('message', frame => {
      this.frames.push(frame)
      this.arrived.resolve()
    })
    // There for as long as the socket is: giving up an attempt is an error to it, which would end the process.
    socket.on('error', error => {
      this.closeError = connectionError(error)
    })
    const opening: Deferred<void> = deferred()
    socket.once('open', () => {
      this.isOpen = true
      opening.resolve()
    })
    socket.once('close', () => {
      opening.reject(this.closeError ?? new errors.ConnectionError('the server closed the connection'))
      this.finish()
    })
    await opening
  }

  private finish(): void {
    this.isClosed = true
    this.arrived.resolve()
    if (this.isOpen) this.ended.resolve(this.closeError)
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    while (!this.isClosed) {
      await this.arrived
      this.arrived = deferred()
      const frames = this.frames
      this.frames = []
      yield* frames
    }
  }

  isEncrypted(): boolean {
    return this.options.scheme === 'wss'
  }

  /** What cannot be sent is noticed by the end of the socket. */
  send(frame: Uint8Array): void {
    if (!this.isClosed) this.socket?.send(frame, () => undefined)
  }

  async close(error?: Error): Promise<void> {
    if (error !== undefined) {
      this.closeError ??= error
      this.discard()
    } else if (this.isOpen && !this.isClosed) {
      this.socket?.close()
      await this.ended
    } else this.discard()
  }

  closed(): Promise<Error | undefined> {
    return this.ended
  }

  disconnect(): void {
    this.socket?.terminate()
  }

  discard(): void {
    this.isClosed = true
    this.socket?.terminate()
  }
}

/** A host with several addresses has an error for each, and none of its own. */
const connectionError = (error: Error & { readonly code?: unknown }): Error =>
  new errors.ConnectionError(error.code === 'ECONNREFUSED' ? 'connection refused' : error.message, { cause: error })
