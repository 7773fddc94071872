// The newest confirmation of a lease, in memory that all threads of a run read: a message would wait behind others, or for a thread that is
// still loading its modules.
import type { LeaseConfirmation } from '../checkpoint/confirmation.ts'

const [began, until] = [0, 1]

/** Microseconds, rounded down: no later than it was. */
const asStored = (ms: number): bigint => BigInt(Math.floor(Math.min(Math.max(ms, 0), Number.MAX_SAFE_INTEGER / 1_000) * 1_000))

export class SharedConfirmation {
  /** To be handed to another thread. */
  readonly memory: SharedArrayBuffer
  readonly #cells: BigInt64Array

  constructor(memory = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#cells = new BigInt64Array(memory)
  }

  /** One cell after the other: a reader between them meets the new beginning with the old end, which is sooner. */
  write({ beganMs, untilMs }: LeaseConfirmation): void {
    Atomics.store(this.#cells, began, asStored(beganMs))
    Atomics.store(this.#cells, until, asStored(untilMs))
  }

  /** In the order that goes with `write`. */
  read(): LeaseConfirmation {
    const untilMs = Number(Atomics.load(this.#cells, until)) / 1_000
    return { beganMs: Number(Atomics.load(this.#cells, began)) / 1_000, untilMs }
  }
}
