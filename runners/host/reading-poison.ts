// What a source's poison policy asks of one reading: how much it may hand on between two checkpoints, and what it gives up first.
import type { Split, SplitProgress } from '../../sdk/splittable/source.ts'
import { type PoisonRecord, keyOf } from './poison.ts'

/** Most elements read after the newest checkpoint while one of them may have ended an earlier run. */
export const carefulElements = 256
/** Most elements read after the newest checkpoint at any time: a later start may have to try each of them alone. */
const mostElements = 65_536

export class ReadingPoison {
  /** Why the next element is given up; null: it is not. */
  reason: string | null
  /** How many were given up here. */
  givenUp = 0
  readonly #isCareful: boolean
  #handedOn = 0
  #atBarrier = 0
  #committed = 0

  constructor(reason: string | null, isCareful: boolean) {
    this.reason = reason
    this.#isCareful = isCareful
  }

  static of(record: PoisonRecord | undefined, stage: string, split: Split['id'], { last }: SplitProgress): ReadingPoison {
    const key = keyOf({ stage, split })
    const found = record?.givenUp[key]
    const isGivenUp = found?.last === last
    return new ReadingPoison(
      isGivenUp ? `no run came to a checkpoint behind it in ${found.attempts} attempts` : null,
      isGivenUp || (record?.begun[key]?.runs ?? 1) > 1,
    )
  }

  /** How many may still be handed on before the next checkpoint. */
  room(): number {
    // What takes the place of an element that is given up is published before anything else can end the run.
    if (this.givenUp > 0 && this.#committed === 0) return 0
    const most = this.#isCareful && this.#committed < mostElements ? carefulElements : mostElements
    return most - (this.#handedOn - this.#committed)
  }

  took(elements: number): void {
    this.#handedOn += elements
  }

  onBarrier(): void {
    this.#atBarrier = this.#handedOn
  }

  onCommitted(): void {
    this.#committed = this.#atBarrier
  }
}
