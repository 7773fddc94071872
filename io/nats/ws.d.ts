// What is used of the package `ws`, which has no types of its own: its client.
declare module 'ws' {
  import type { EventEmitter } from 'node:events'

  export interface ClientOptions {
    readonly ca?: Uint8Array
    readonly cert?: Uint8Array
    readonly key?: Uint8Array
    /** Whom the server's certificate is for, where that is not the address's host. */
    readonly servername?: string
    readonly perMessageDeflate?: boolean
    /** In milliseconds: how long the other end may take to answer a close. */
    readonly closeTimeout?: number
  }

  export class WebSocket extends EventEmitter<{ open: []; message: [Buffer, boolean]; error: [Error]; close: [number, Buffer] }> {
    constructor(url: string, options: ClientOptions)
    /** Errors are told to `done` alone, which is there so that none is thrown. */
    send(frame: Uint8Array, done: (error?: Error) => void): void
    /** What was sent before goes out first. */
    close(): void
    terminate(): void
  }
}
