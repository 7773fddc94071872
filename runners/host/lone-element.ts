// One thread's share of trials: while they last, nothing is read but the one element that is asked for.
import type { ReadBatch } from '../../sdk/splittable/source.ts'
import type { Task } from '../engine/task.ts'
import type { SplitRef } from './poison.ts'
import type { Readers } from './readers.ts'

export class LoneElement {
  #isOver: boolean
  readonly #onAsked: () => void
  #asked: { readonly split: SplitRef; readonly answer: (handedOn: boolean) => void } | null = null

  /** `isOver`: there is nothing to try. `onAsked`: called when there is something to do. */
  constructor(isOver: boolean, onAsked: () => void) {
    this.#isOver = isOver
    this.#onAsked = onAsked
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Resolves once the split's next element is handed on; false: it is not read here, or has none now. */
  ask(split: SplitRef): Promise<boolean> {
    return new Promise(answer => {
      this.#asked = { split, answer }
      this.#onAsked()
    })
  }

  end(): void {
    this.#isOver = true
  }

  /** Whether the answer has come; the element where there is one. Calls that the checkpoint holds end first: they could fail in its place. */
  read(readers: Readers | null, tasks: ReadonlyArray<Task>, nowMs: number): ReadBatch<unknown> | 'nothing' | 'waiting' {
    const asked = this.#asked
    if (asked === null || tasks.some(task => (task.entries()['calls'] ?? 0) > 0)) return 'waiting'
    const read = readers?.pollAlone(asked.split, nowMs) ?? 'nothing'
    if (read === 'waiting') return read
    this.#asked = null
    asked.answer(read !== 'nothing')
    return read
  }
}
