// Which entries of keyed state the next snapshot has to say, and those of the last one that are still to be written: whoever is about
// to change one of these has it written first, so that the snapshot says how it stood at the barrier.
import { type ByteWriter } from '../../sdk/coders/index.ts'
import { UserCodeError } from '../harness/errors.ts'
import { type FrozenState, FrozenSteps, Parts } from './frozen-state.ts'
import type { SnapshotScope } from './messages.ts'

/** Rounds count from 1: each ends with a snapshot. */
export interface Changing {
  /** The last round in which it changed; 0: not since it was restored. */
  changedIn: number
  /** The last round whose snapshot needs nothing more of it. */
  writtenIn: number
  /** A snapshot has it, so a later one has to say where it goes. */
  persisted: boolean
  /** It is no longer part of the state. */
  gone: boolean
}

export interface Recording<E, D> {
  /** For the error where a coder throws. */
  readonly path: string
  readonly write: (entry: E, out: ByteWriter) => void
  /** Whether a snapshot has to say that the entry has gone. */
  readonly saysGone: (entry: E) => boolean
  /** That something went as a whole, such as a window with all its keys. */
  readonly writeDropped: (dropped: D, out: ByteWriter) => void
}

/** Beyond so many entries, those that came and went again since the last snapshot are forgotten. */
const fewEntries = 4_096

/** `E`: entries. `D`: what is dropped as a whole. */
export class Changes<E extends Changing, D> {
  readonly #recording: Recording<E, D>
  #round = 1
  #changed: E[] = []
  #enough = fewEntries
  #dropped: D[] = []
  #frozen: Frozen<E, D> | null = null
  #inSnapshot: Pick<Content<E, D>, 'changed' | 'dropped'> = { changed: [], dropped: [] }

  constructor(recording: Recording<E, D>) {
    this.#recording = recording
  }

  /** It is new: no snapshot that is under way has it. */
  add(entry: E): void {
    entry.writtenIn = this.#round - 1
  }

  /** To be called before it changes: the next snapshot says it. */
  mark(entry: E): void {
    if (entry.changedIn === this.#round) return
    this.settle(entry)
    entry.changedIn = this.#round
    if (this.#changed.length >= this.#enough) this.#forgetGone()
    this.#changed.push(entry)
  }

  isMarked(entry: E): boolean {
    return entry.changedIn === this.#round
  }

  /** To be called before it changes, or goes, in a way that the next snapshot need not say. */
  settle(entry: E): void {
    this.#frozen?.settle(entry)
  }

  /** The next snapshot says that it went as a whole. Only for what a snapshot has: without a store none ever comes that would say it. */
  drop(dropped: D): void {
    this.#dropped.push(dropped)
  }

  #forgetGone(): void {
    this.#changed = this.#changed.filter(entry => this.#isWorthSaying(entry))
    this.#enough = Math.max(fewEntries, 2 * this.#changed.length)
  }

  #isWorthSaying(entry: E): boolean {
    return !entry.gone || this.#recording.saysGone(entry)
  }

  /** `all`: every entry there is. */
  freeze(scope: SnapshotScope, all: () => Iterable<E>): FrozenState | null {
    if (this.#frozen !== null) throw new Error(`${this.#recording.path}: a snapshot is taken while the last one is being written`)
    const round = this.#round++
    const [changed, dropped] = [this.#changed, this.#dropped]
    this.#inSnapshot = { changed, dropped }
    this.clear()
    if (scope === 'none') return null
    const content = { round, all: scope === 'all' ? all : null, changed, dropped }
    const frozen = new Frozen(this.#recording, content, () => (this.#frozen = null))
    this.#frozen = frozen
    return frozen
  }

  /** The last snapshot came to nothing. Gives what it was made of, oldest first, and all of that counts as changed. */
  restore(): ReadonlyArray<E> {
    this.#frozen?.giveUp()
    this.#frozen = null
    const { changed, dropped } = this.#inSnapshot
    const entries = [...changed.filter(entry => entry.changedIn !== this.#round), ...this.#changed]
    this.#dropped = [...dropped, ...this.#dropped]
    this.#inSnapshot = { changed: [], dropped: [] }
    for (const entry of entries) entry.changedIn = this.#round
    this.#changed = entries.filter(entry => this.#isWorthSaying(entry))
    return this.#changed
  }

  /** How many the next snapshot has to look at. */
  get size(): number {
    return this.#changed.length + this.#dropped.length
  }

  /** All there is lies in the checkpoint that it was restored from. */
  clear(): void {
    this.#changed = []
    this.#dropped = []
  }
}

interface Content<E, D> {
  readonly round: number
  /** null: only what changed. */
  readonly all: (() => Iterable<E>) | null
  readonly changed: ReadonlyArray<E>
  readonly dropped: ReadonlyArray<D>
}

class Frozen<E extends Changing, D> implements FrozenState {
  readonly #recording: Recording<E, D>
  readonly #content: Content<E, D>
  readonly #onWritten: () => void
  readonly #steps: FrozenSteps
  /** Behind all others: what is said to have gone must not come after what took its place. */
  readonly #early = new Parts()
  #isWritten = false
  #givenUp = false

  constructor(recording: Recording<E, D>, content: Content<E, D>, onWritten: () => void) {
    this.#recording = recording
    this.#content = content
    this.#onWritten = onWritten
    this.#steps = new FrozenSteps(recording.path, parts => this.#entries(parts))
  }

  *#entries(parts: Parts): Generator<void> {
    const { all, changed, dropped } = this.#content
    // Whatever replaces the former snapshots need not say what of them has gone.
    if (all === null) {
      for (const one of dropped) {
        this.#recording.writeDropped(one, parts.out)
        yield
      }
      for (const entry of changed) {
        if (!entry.gone || this.#isSettled(entry) || !this.#recording.saysGone(entry)) continue
        this.#write(entry, parts)
        yield
      }
    }
    for (const entry of all?.() ?? changed) {
      if (entry.gone || this.#isSettled(entry)) continue
      this.#write(entry, parts)
      yield
    }
  }

  #isSettled({ writtenIn }: E): boolean {
    return writtenIn === this.#content.round
  }

  #write(entry: E, parts: Parts): void {
    this.#recording.write(entry, parts.out)
    entry.writtenIn = this.#content.round
    if (!entry.gone) entry.persisted = true
  }

  settle(entry: E): void {
    const { all, round } = this.#content
    if (this.#isSettled(entry) || entry.gone || (all === null && entry.changedIn !== round)) return
    try {
      this.#write(entry, this.#early)
    } catch (cause) {
      throw UserCodeError.onState(this.#recording.path, cause)
    }
  }

  write(entries: number): boolean {
    if (this.#givenUp) throw new Error(`${this.#recording.path}: a snapshot is written that was given up`)
    if (this.#isWritten) return true
    this.#isWritten = this.#steps.write(entries)
    if (this.#isWritten) this.#onWritten()
    return this.#isWritten
  }

  giveUp(): void {
    this.#givenUp = true
  }

  parts(): ReadonlyArray<Uint8Array> {
    return [...this.#steps.parts(), ...this.#early.finish()]
  }
}
