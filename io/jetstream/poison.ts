// Poison messages: how many runs try a message that ends each of them, and what happens to it then.
import { type Duration, millis } from '../../sdk/model/time.ts'
import { JetStreamIOError } from './errors.ts'
import type { StreamMessage } from './message.ts'

/** What a read does about a message that ends each run that reads it: see {@link Poison}. */
export interface PoisonPolicy {
  readonly _tag: 'deadLetter' | 'terminate'
  /** Runs that read it among other messages before it is tried alone. */
  readonly attempts: number
  /** The pause before it is read again, in milliseconds. */
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
 * What a read does about a message that ends each run that reads it: any read, by position or from a queue. `attempts` is a whole number from
 * 2 (default: 5), `delay` the pause before the message is read again, in milliseconds (default: 0). Other values throw a JetStreamIOError
 * (InvalidOptions).
 *
 * After a failure a run takes 256 messages between two checkpoints. After `attempts` runs that came to no checkpoint behind a message, the
 * next run tries the messages that follow one by one, each behind a checkpoint that names it. A message whose run fails then is given up, and
 * no other. A read by position tries a message alone in the whole job: no other split, stream or worker reads meanwhile.
 *
 * `deadLetter`: the message becomes a `Left<Undecodable>` with the reason, for PCollection.deadLetter. `terminate`: it is passed over (a queue
 * gets TERM), and a warning is logged. The metric `givenUp` of its split counts both.
 *
 * Each attempt calls your functions again. Outputs are published once: those that an attempt published before it failed stay, also where the
 * message is given up later. A process that is killed counts as a failed attempt; a server that does not answer does not, while the process
 * lives. A call of `mapAsync` that fails behind a checkpoint, or a timer, is not the message's failure: make it data with `tryMapAsync`.
 * A read by position with a policy keeps checkpoints.
 *
 * @example
 * const orders = { stream: 'ORDERS', coder: viewCoder }
 * JetStreamIO.read({ ...orders, poison: Poison.deadLetter({ attempts: 3 }) })
 * const jobs = { stream: 'JOBS', coder: viewCoder, acknowledge: Acknowledge.onCheckpoint, consumer: 'shop' }
 * JetStreamIO.read({ ...jobs, poison: Poison.deadLetter({ attempts: 5, delay: seconds(1) }) })
 * JetStreamIO.read({ ...jobs, poison: Poison.terminate() })
 */
export const Poison = {
  /** The message becomes a Left with the reason. */
  deadLetter: policy('deadLetter'),
  /** The message is passed over. */
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
