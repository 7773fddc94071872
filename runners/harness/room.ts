// How much a stage may give before it is handed on. Many outputs can follow from one element, and a bundle is not over before all of its
// elements are: what waits for that must not grow with what a function gives.
import type { ExitBuffer } from './exit-buffer.ts'

/** Steps that make several of one look this often: cheap beside what each output costs. */
const lookEvery = 256
const mostRows = 4_096
const mostBytes = 1_048_576

export class Room {
  /** How many outputs of such steps until the next look. */
  left = lookEvery
  /** Hands on what the exits hold, in the middle of a bundle. */
  handOn: () => void = () => undefined
  readonly #exits: ReadonlyArray<ExitBuffer>

  constructor(exits: ReadonlyArray<ExitBuffer>) {
    this.#exits = exits
  }

  /** To be called when nothing is left. */
  look(): void {
    this.left = lookEvery
    for (const { batch, outputs } of this.#exits)
      if (batch.values.length >= mostRows || outputs.payloads.length >= mostRows || outputs.bytes >= mostBytes) return this.handOn()
  }
}
