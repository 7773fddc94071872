// What is said between the main thread and its workers, and what is on its way to servers: each with a delay of its own.
import type { Draw } from './draw.ts'

/** Ports between the main thread and its workers: in order each, and as slow as the draws say. In one thread nothing is ever on its way. */
export class Wires {
  readonly #apart: boolean
  readonly #queues = new Map<string, { readonly worker: number; readonly messages: (() => void)[] }>()

  constructor(apart: boolean) {
    this.#apart = apart
  }

  toWorker(worker: number, deliver: () => void): void {
    this.#send(`> ${worker}`, worker, deliver)
  }

  toMain(worker: number, deliver: () => void): void {
    this.#send(`${worker} >`, worker, deliver)
  }

  #send(wire: string, worker: number, deliver: () => void): void {
    if (!this.#apart) return deliver()
    const queue = this.#queues.get(wire) ?? { worker, messages: [] }
    this.#queues.set(wire, queue)
    queue.messages.push(deliver)
  }

  /** Gives the queues that have something for or from a worker that lives. */
  ready(lives: (worker: number) => boolean): ReadonlyArray<{ readonly messages: (() => void)[] }> {
    return [...this.#queues.values()].filter(({ worker, messages }) => messages.length > 0 && lives(worker))
  }
}

export type Packet = () => void

/** The way to a server: in any order, late, and, of a process that has died, perhaps never; but longer than its process lives. */
export class Network {
  readonly #apart: boolean
  #packets: Packet[] = []

  constructor(apart: boolean) {
    this.#apart = apart
  }

  send(packet: Packet): void {
    if (this.#apart) this.#packets.push(packet)
    else packet()
  }

  /** What is on its way now. */
  get packets(): ReadonlyArray<Packet> {
    return [...this.#packets]
  }

  get busy(): boolean {
    return this.#packets.length > 0
  }

  step(draw: Draw): void {
    const [packet] = this.#packets.splice(draw.int(0, this.#packets.length - 1), 1)
    packet?.()
  }

  /** Its sender has died: some of it arrives all the same, whenever that is. */
  lose(draw: Draw): void {
    this.#packets = this.#packets.filter(() => draw.chance(0.5))
  }

  /** All that is still on its way comes now. */
  settle(): void {
    for (const packet of this.#packets.splice(0)) packet()
  }
}
