// Trials: which element is tried alone next. Each trial begins behind a checkpoint that names the element's split and ends with one that
// holds what follows from the element. A start that finds a trial that has not ended knows which element to give up.
import { stageOf } from '../engine/task-name.ts'
import type { WritableSnapshot } from './checkpoint-content.ts'
import { type PoisonRecord, type SplitRef, keyOf } from './poison.ts'
import { carefulElements } from './reading-poison.ts'

type Phase =
  /** A checkpoint must name the suspect. */
  | { readonly _tag: 'Naming' }
  /** Its checkpoint is under way. */
  | { readonly _tag: 'Recording'; readonly epoch: number }
  | { readonly _tag: 'Trying' }
  | { readonly _tag: 'Over' }

export class Trials {
  readonly #record: PoisonRecord | null
  readonly #suspects: SplitRef[]
  #left = carefulElements
  #phase: Phase
  #trying: PoisonRecord['trying'] = null

  constructor(record: PoisonRecord | null) {
    this.#record = record
    this.#suspects = [...(record?.suspects ?? [])]
    this.#phase = this.#suspects.length > 0 ? { _tag: 'Naming' } : { _tag: 'Over' }
  }

  get isOver(): boolean {
    return this.#phase._tag === 'Over'
  }

  /** A checkpoint must be taken before anything is read. */
  get wantsCheckpoint(): boolean {
    return this.#phase._tag === 'Naming'
  }

  /** An element is tried, or looked for. */
  get isTrying(): boolean {
    return this.#phase._tag === 'Trying'
  }

  /** This checkpoint names the suspect. */
  begin(epoch: number): void {
    this.#phase = { _tag: 'Recording', epoch }
  }

  /** For the manifest of a checkpoint; `ends`: the run ends with it. */
  recordIn(epoch: number, ends: boolean, snapshots: ReadonlyArray<WritableSnapshot>): PoisonRecord | null {
    if (this.#record === null) return null
    return { ...this.#record, trying: ends ? null : this.#tryingIn(epoch, snapshots) }
  }

  #tryingIn(epoch: number, snapshots: ReadonlyArray<WritableSnapshot>): PoisonRecord['trying'] {
    const [suspect] = this.#suspects
    if (suspect === undefined) return null
    const found = snapshots
      .filter(({ task }) => stageOf(task) === suspect.stage)
      .flatMap(({ record }) => record.splits)
      .find(({ split }) => split.id === suspect.split)
    if (found === undefined || found.done) return null
    const { last } = found.progress
    if (this.#phase._tag === 'Recording' && this.#phase.epoch === epoch) this.#trying = { ...suspect, last }
    // Of another checkpoint meanwhile: the trial has ended if the split has moved on.
    return this.#trying !== null && keyOf(this.#trying) === keyOf(suspect) && this.#trying.last === last ? this.#trying : null
  }

  /** The checkpoint is published. The split whose next element is to be tried; null: this changes nothing. */
  published(epoch: number): SplitRef | 'over' | null {
    if (this.#phase._tag !== 'Recording' || this.#phase.epoch !== epoch) return null
    const [suspect] = this.#suspects
    this.#phase = suspect === undefined ? { _tag: 'Over' } : { _tag: 'Trying' }
    return suspect ?? 'over'
  }

  /** The checkpoint was given up. */
  aborted(epoch: number): void {
    if (this.#phase._tag === 'Recording' && this.#phase.epoch === epoch) this.#phase = { _tag: 'Naming' }
  }

  /** Whether an element was handed on: else the split has none now. */
  tried(handedOn: boolean): void {
    this.#trying = null
    this.#phase = { _tag: 'Naming' }
    if (handedOn && --this.#left > 0) return
    this.#suspects.shift()
    this.#left = carefulElements
  }
}
