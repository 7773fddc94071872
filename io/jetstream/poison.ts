// Messages that end each run that gets them: how often one is tried, and what becomes of it then.
import { type Duration, millis } from '../../sdk/model/time.ts'
import { JetStreamIOError } from './errors.ts'
import type { StreamMessage } from './message.ts'

/** What becomes of a message that ends each run that gets it: see {@link Poison}. */
export interface PoisonPolicy {
  readonly _tag: 'deadLetter' | 'terminate'
  /** So often it is delivered among others, before it is tried alone. */
  readonly attempts: number
  /** The pause before what was delivered and not acknowledged comes again, in milliseconds. */
  readonly delayMs: number
}

type PoisonOptions = {
  readonly attempts?: number | undefined
  readonly delay?: Duration | undefined
}

const policy =
  (_tag: PoisonPolicy['_tag']) =>
  ({ attempts = 5, delay = millis(0) }: PoisonOptions = {}): PoisonPolicy => {
    if (!Number.isSafeInteger(attempts) || attempts < 2 || !(delay >= 0 && Number.isFinite(delay)))
      throw new JetStreamIOError(
        'InvalidOptions',
        `Poison.${_tag}: attempts is a whole number from 2, and delay a duration: ${attempts} and ${delay} ms are not.`,
      )
    return Object.freeze({ _tag, attempts, delayMs: delay })
  }

/**
 * What a read that acknowledges does about a message that ends every run: NATS counts how often it was delivered. `attempts` that are no
 * whole number from 2 are a JetStreamIOError (InvalidOptions).
 *
 * A run that begins with messages that were delivered before takes 256 of them between two checkpoints. What was delivered more often than
 * `attempts` (5 unless told) is tried alone, behind a checkpoint that says so: if no run comes to a checkpoint behind it then, it is given up,
 * and nothing else is. `delay` is the pause before what was not acknowledged comes again.
 *
 * `deadLetter`: it becomes a Left (Undecodable) with the reason, as what the coder does not understand, for PCollection.deadLetter.
 * `terminate`: the server is told to forget it (TERM), and a warning is logged.
 *
 * @example
 * const jobs = { stream: 'JOBS', coder: viewCoder, acknowledge: Acknowledge.onCheckpoint, consumer: 'shop' }
 * JetStreamIO.read({ ...jobs, poison: Poison.deadLetter({ attempts: 5, delay: seconds(1) }) })
 * JetStreamIO.read({ ...jobs, poison: Poison.terminate() })
 */
export const Poison = {
  /** It goes on as a Left, with the reason. */
  deadLetter: policy('deadLetter'),
  /** The server forgets it. */
  terminate: policy('terminate'),
} as const

/** So many that were delivered before are under way between two checkpoints: what fails is among them. */
export const someTogether = 256

export interface Suspect {
  readonly message: StreamMessage
  readonly sequence: number
}

/**
 * The messages that have had all their attempts, in company: each is tried once more, alone, behind a checkpoint that says so. So a start that
 * finds in its checkpoint that one was tried, and not that it was handed on, knows which one has failed.
 */
export class Trials {
  private readonly suspects: Suspect[] = []
  /** What an earlier run tried last. */
  private readonly failed: number | null
  /** What a checkpoint is to say, and what a published one says. */
  trying: number | null
  private recorded: number | null = null
  /** The last that was handed on is tried alone. */
  private isAlone = false

  constructor(tried: number | null) {
    this.failed = tried
    this.trying = tried
  }

  get size(): number {
    return this.suspects.length
  }

  hasFailed(sequence: number): boolean {
    return sequence === this.failed
  }

  add(suspect: Suspect): void {
    this.suspects.push(suspect)
  }

  clear(): void {
    this.suspects.length = 0
  }

  /** With nothing else under way: the next one to try; null: a checkpoint must say so first, which may have been asked for just now. */
  next(): { readonly suspect: Suspect | null; readonly isNews: boolean } {
    const [suspect] = this.suspects
    if (suspect === undefined) return { suspect: null, isNews: false }
    if (this.recorded === suspect.sequence) {
      this.isAlone = true
      return { suspect: this.suspects.shift() ?? null, isNews: false }
    }
    const isNews = this.trying !== suspect.sequence
    this.trying = suspect.sequence
    return { suspect: null, isNews }
  }

  /** Until a checkpoint has what is tried alone, nothing may follow that could end the run in its place. */
  holdBack(uncommitted: number): boolean {
    if (uncommitted === 0) this.isAlone = false
    return this.isAlone
  }

  /** A published checkpoint says it. */
  record(trying: number | null): void {
    this.recorded = trying
  }
}
