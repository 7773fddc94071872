// A job's events on their way to whoever listens: handed on at once, kept for nobody for long, and waited for by nobody.
import type { JobEvent, JobNews } from '../../sdk/model/job-event.ts'
import { callbackOf } from './callback.ts'
import type { Clock } from './clock.ts'
import { withoutSecrets } from '../../sdk/model/redaction.ts'
import type { Log } from './log.ts'

/** What waits for one iterator; beyond this the oldest are dropped. */
const mostWaiting = 1_000

export type Tell = (news: JobNews) => void

export class JobEvents {
  readonly #clock: Pick<Clock, 'wallMs'>
  readonly #waiting = new Set<Waiting>()
  readonly #listener: (event: JobEvent) => void
  #ended = false

  constructor(listener: ((event: JobEvent) => unknown) | undefined, log: Log, clock: Pick<Clock, 'wallMs'>) {
    this.#clock = clock
    this.#listener = callbackOf('onEvent', listener, log)
  }

  readonly tell: Tell = news => {
    const event: JobEvent = { atMs: this.#clock.wallMs(), ...withoutSecrets(news) }
    for (const waiting of this.#waiting) waiting.add(event)
    this.#listener(event)
  }

  events(): AsyncIterableIterator<JobEvent> {
    const waiting = new Waiting(() => this.#waiting.delete(waiting))
    if (this.#ended) waiting.end()
    else this.#waiting.add(waiting)
    return waiting
  }

  /** The job is over: iterators give what they have and end. */
  end(): void {
    this.#ended = true
    for (const waiting of this.#waiting) waiting.end()
    this.#waiting.clear()
  }
}

class Waiting implements AsyncIterableIterator<JobEvent> {
  readonly #onReturn: () => void
  #events: JobEvent[] = []
  #missed = 0
  readonly #takers: ((result: IteratorResult<JobEvent>) => void)[] = []
  #ended = false

  constructor(onReturn: () => void) {
    this.#onReturn = onReturn
  }

  add(event: JobEvent): void {
    const taker = this.#takers.shift()
    if (taker !== undefined) return taker({ done: false, value: event })
    this.#events.push(event)
    if (this.#events.length <= mostWaiting) return
    // Half of them at once: dropping one at a time would move all others each time.
    const dropped = this.#events.splice(0, mostWaiting / 2)
    this.#missed += dropped.length
  }

  end(): void {
    this.#ended = true
    for (const taker of this.#takers.splice(0)) taker({ done: true, value: undefined })
  }

  #take(): JobEvent | undefined {
    const [first] = this.#events
    if (this.#missed === 0 || first === undefined) return this.#events.shift()
    const count = this.#missed
    this.#missed = 0
    return { atMs: first.atMs, _tag: 'Missed', count }
  }

  next(): Promise<IteratorResult<JobEvent>> {
    const value = this.#take()
    if (value !== undefined) return Promise.resolve({ done: false, value })
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise(resolve => this.#takers.push(resolve))
  }

  return(): Promise<IteratorResult<JobEvent>> {
    this.#events = []
    this.#onReturn()
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
