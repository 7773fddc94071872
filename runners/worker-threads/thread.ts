// One worker as the main thread sees it: started, spoken to, and noticed when it ends before it should.
import { MessageChannel, MessagePort, type Transferable, type Worker } from 'node:worker_threads'
import { giveBack, takeWorker } from './pool.ts'
import type { ThreadListener, WorkerThread } from './port.ts'
import { oneWay, type Start, type ToMain, type ToWorker, type WorkerSetup } from './protocol.ts'

export class Thread implements WorkerThread {
  readonly #url: string
  readonly #worker: Worker
  readonly #port: MessagePort
  readonly #ended: Promise<void>
  #over = false

  constructor(setup: WorkerSetup, question: number, listener: ThreadListener) {
    const { peers, states, origin } = setup
    const { port1, port2 } = new MessageChannel()
    this.#url = origin.url
    this.#port = port1
    const worker = (this.#worker = takeWorker(origin.url))
    this.#ended = new Promise(resolve => {
      const end = (): void => {
        this.#over = true
        resolve()
      }
      const die = (error: Error): void => {
        if (!this.#over) listener.onDeath(error)
        end()
      }
      port1.on('message', (message: ToMain) => {
        if (message._tag === 'Failed' || message._tag === 'Closed') end()
        listener.onMessage(message)
      })
      worker.on('error', error => die(error instanceof Error ? error : new Error(String(error))))
      worker.on('exit', code => die(new Error(`it exited with code ${code}, as by process.exit`)))
    })
    const transferred: Transferable[] = [
      port2,
      ...peers.filter(port => port instanceof MessagePort),
      ...Object.values(states).flatMap(segments => segments.map(({ buffer }) => buffer as ArrayBuffer)), // copies of its own
    ]
    worker.postMessage({ setup, main: port2, question } satisfies Start, transferred)
  }

  post(message: ToWorker): void {
    this.#port.postMessage(message)
  }

  /** Asks it to close what it holds, and ends it where it does not within `graceMs`. */
  async close(graceMs: number): Promise<void> {
    if (!this.#over) this.post({ ...oneWay, _tag: 'Close' })
    const late = setTimeout(() => void this.#worker.terminate(), graceMs)
    await this.#ended
    clearTimeout(late)
    this.#port.close()
    if (this.#worker.threadId >= 0) giveBack(this.#url, this.#worker)
  }
}
