// Writes the state of one checkpoint attempt, a few milliseconds at a time, while elements go on.
import type { TaskSnapshot } from '../engine/messages.ts'
import type { WritableSnapshot } from './checkpoint-content.ts'
import type { Clock } from './clock.ts'

/** Elements wait for so long at most, and a batch of them may take a few times as long. */
const turnMs = 2
const entriesAtOnce = 64

interface Writing {
  readonly snapshot: TaskSnapshot
  readonly takenMs: number
}

export class SnapshotWriter {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #onWritten: (snapshot: WritableSnapshot) => void
  readonly #writing: Writing[] = []

  constructor(clock: Pick<Clock, 'monotonicMs'>, onWritten: (snapshot: WritableSnapshot) => void) {
    this.#clock = clock
    this.#onWritten = onWritten
  }

  add(snapshot: TaskSnapshot): void {
    const writing = { snapshot, takenMs: this.#clock.monotonicMs() }
    if (!this.#advance(writing)) this.#writing.push(writing)
  }

  /** Says whether it is written. */
  #advance({ snapshot, takenMs }: Writing): boolean {
    const { keyed } = snapshot
    if (keyed?.write(entriesAtOnce) === false) return false
    this.#onWritten({ ...snapshot, keyed: keyed?.parts() ?? [], takenMs })
    return true
  }

  /** Says whether there is more to write. */
  turn(): boolean {
    const endMs = this.#clock.monotonicMs() + turnMs
    while (this.#writing.length > 0 && this.#clock.monotonicMs() < endMs) {
      const [first] = this.#writing
      if (first !== undefined && this.#advance(first)) this.#writing.shift()
    }
    return this.#writing.length > 0
  }
}
