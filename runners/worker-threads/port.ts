// What a run asks of threads and of the channels between them: worker threads and their ports, or a simulation's.
import { MessageChannel } from 'node:worker_threads'
import type { ToMain, ToPeer, ToWorker, WorkerSetup } from './protocol.ts'
import { Thread } from './thread.ts'

/** One end of a channel between two threads. Messages are cloned, or handed over where their buffers are in `transfer`, and keep their order. */
export interface Port<In, Out> {
  readonly postMessage: (message: Out, transfer?: ReadonlyArray<ArrayBuffer>) => void
  readonly on: (event: 'message', listener: (message: In) => void) => unknown
  readonly close: () => void
}
export type MainPort = Port<ToWorker, ToMain>
export type PeerPort = Port<ToPeer, ToPeer>

export interface ThreadListener {
  readonly onMessage: (message: ToMain) => void
  /** It ended before it was asked to. */
  readonly onDeath: (error: Error) => void
}

/** One worker as the main thread sees it. */
export interface WorkerThread {
  readonly post: (message: ToWorker) => void
  /** Asks it to close what it holds, and ends it where it does not within `graceMs`. */
  readonly close: (graceMs: number) => Promise<void>
}

export interface Threads {
  /** `question`: the number of its answer, Ready. */
  readonly start: (setup: WorkerSetup, question: number, listener: ThreadListener) => WorkerThread
  /** The two ends of a new channel between workers. */
  readonly channel: () => readonly [PeerPort, PeerPort]
}

export const workerThreads: Threads = {
  start: (setup, question, listener) => new Thread(setup, question, listener),
  channel: () => {
    const { port1, port2 } = new MessageChannel()
    return [port1, port2]
  },
}
