// What a queue's reader concludes from its stream's leader: that the read has ended, since when it is idle, and that no older message can come.
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { DurablePlace } from './durable-consumer.ts'
import { HeldElsewhere } from './held-elsewhere.ts'
import { Idleness } from './idleness.ts'
import { type HandedOn, QueueEnd } from './queue-end.ts'
import type { ReaderLife } from './reader-life.ts'
import { Redeliveries } from './redeliveries.ts'
import { Searches } from './searches.ts'
import { type StreamEvidence, evidenceOf } from './stream-evidence.ts'

export interface QueueWatchOptions extends DurablePlace {
  readonly context: HostContext
  readonly split: string
  readonly created: string
  readonly name: string
  readonly filter: string | null
  /** The last sequence to read; null: without end. */
  readonly end: number | null
}

export interface QueueWatchHooks {
  readonly handedOn: HandedOn
  /** Delivered, and not handed on. */
  readonly waiting: ReadonlyMap<number, unknown>
  /** When the last message that came was published. */
  readonly lastAt: () => number | null
  /** Behind each search. */
  readonly searched: () => void
  /** All that the queue holds was handed on. */
  readonly caughtUp: () => void
}

export class QueueWatch {
  readonly idleness = new Idleness()
  readonly redeliveries = new Redeliveries()
  /** The consumer sends nothing: a reason to ask the stream's leader, and no evidence. */
  isSilent = false
  readonly #o: QueueWatchOptions
  readonly #life: ReaderLife
  readonly #on: QueueWatchHooks
  readonly #evidence: StreamEvidence
  readonly #end: QueueEnd
  readonly #held: HeldElsewhere
  readonly #searches: Searches
  readonly stop: () => void

  constructor(o: QueueWatchOptions, life: ReaderLife, on: QueueWatchHooks) {
    this.#o = o
    this.#life = life
    this.#on = on
    this.#evidence = evidenceOf(o.link, o.stream)
    this.#end = new QueueEnd(this.#evidence, o)
    this.#held = new HeldElsewhere(o)
    this.#searches = new Searches(o, life)
    this.stop = this.#evidence.watch(failure => (failure === null ? this.#onLook() : life.fail(failure)))
  }

  /** The consumer has nothing to send, or may not send it. */
  silent(): void {
    this.isSilent = true
    this.search()
  }

  /** Asks only where an end or event time waits for the answer. */
  search(): void {
    const { end } = this.#o
    const isEndNear = end !== null && this.isSilent && this.#on.waiting.size === 0
    if (isEndNear || this.redeliveries.areMissing) void this.#searches.run(() => this.#searched(end ?? this.redeliveries.before, false))
  }

  async #searched(end: number, patient: boolean): Promise<void> {
    await this.#end.reaches(end, this.#on.handedOn, patient)
    if (!this.#life.isServed) return
    const { missing, through } = this.#end
    this.redeliveries.handedOn(through)
    if (missing !== null && !this.#on.waiting.has(missing)) await this.#held.found(missing)
    if (this.#o.end !== null && through >= this.#o.end) this.#life.complete()
    this.#on.searched()
  }

  #onLook(): void {
    const { settled } = this.#evidence
    if (settled === null || !this.#life.isServed) return
    this.search()
    if (this.#o.end !== null || !this.isSilent || this.#on.waiting.size > 0) return
    void this.#searches.run(async () => {
      await this.#searched(settled.last, true)
      if (this.#end.through < settled.last || !this.#life.isServed) return
      this.idleness.proven(settled.at, this.#on.lastAt())
      this.#life.caughtUp(Date.now())
      this.#on.caughtUp()
    })
  }
}
