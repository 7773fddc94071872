// Questions to worker threads: each has a number, a deadline, and an end when its worker dies or its asker gives it up.
import type { Clock } from '../host/clock.ts'
import { RemoteFailure } from '../host/errors.ts'
import type { Answer } from './protocol.ts'

export type AnswerTag = Answer['_tag']
export type AnswerOf<T extends AnswerTag> = Extract<Answer, { readonly _tag: T }>

export interface Question<T extends AnswerTag> {
  readonly worker: number
  readonly tag: T
  /** How long the worker may take; milliseconds. */
  readonly limitMs: number
  /** Ends the question early. */
  readonly signal?: AbortSignal | undefined
  /** What it rejects with at its deadline. */
  readonly late?: ((worker: number) => Error) | undefined
  readonly send: (question: number) => void
}

interface Open {
  readonly worker: number
  readonly tag: AnswerTag
  readonly answer: (answer: Answer) => void
  readonly end: (error: Error) => void
}

export class Questions {
  readonly #clock: Pick<Clock, 'after'>
  readonly #open = new Map<number, Open>()
  readonly #dead = new Map<number, Error>()
  #last = 0
  #stale = 0

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock
  }

  /** Answers that no open question belongs to: they were dropped. */
  get stale(): number {
    return this.#stale
  }

  /** How many wait for an answer. */
  get open(): number {
    return this.#open.size
  }

  /** Rejects with a RemoteFailure at the deadline, with the worker's failure when it dies, and with the signal's reason. */
  ask<T extends AnswerTag>({ worker, tag, limitMs, signal, late = notAnswered(tag, limitMs), send }: Question<T>): Promise<AnswerOf<T>> {
    return new Promise((resolve, reject) => {
      const dead = this.#dead.get(worker)
      if (dead !== undefined) return reject(dead)
      if (signal?.aborted === true) return reject(reasonOf(signal))
      const question = ++this.#last
      const close = (): void => {
        this.#open.delete(question)
        cancel()
        signal?.removeEventListener('abort', onAbort)
      }
      const end = (error: Error): void => {
        close()
        reject(error)
      }
      const onAbort = (): void => end(signal === undefined ? new Error('the question was given up') : reasonOf(signal))
      const cancel = this.#clock.after(limitMs, () => end(late(worker)))
      signal?.addEventListener('abort', onAbort)
      const answer = (message: Answer): void => {
        close()
        resolve(message as AnswerOf<T>) // `take` has compared the tags
      }
      this.#open.set(question, { worker, tag, answer, end })
      send(question)
    })
  }

  take(worker: number, answer: Answer): void {
    const asked = this.#open.get(answer.question)
    if (asked?.worker === worker && asked.tag === answer._tag) asked.answer(answer)
    else this.#stale++
  }

  /** Nothing comes from the worker any more: its questions end, and so does each that is asked later. */
  onDeath(worker: number, error: Error): void {
    this.#dead.set(worker, error)
    for (const open of [...this.#open.values()]) if (open.worker === worker) open.end(error)
  }

  /** Ends all open questions with the run: their timers would keep the process alive for minutes. */
  close(): void {
    for (const open of [...this.#open.values()]) open.end(new Error('the run has ended'))
  }
}

const reasonOf = ({ reason }: AbortSignal): Error => (reason instanceof Error ? reason : new Error('the question was given up'))

const notAnswered =
  (tag: AnswerTag, limitMs: number) =>
  (worker: number): RemoteFailure => {
    const message = `worker ${worker} did not answer with ${tag} within ${limitMs / 1_000} s. A function of the pipeline may be blocking its thread`
    return new RemoteFailure({ _tag: 'WorkerFailed', worker, message, cause: null })
  }
