// The generators of splittable stages, played by draws: they claim, yield, put aside and stop whenever they like, and are split at any moment.
import * as O from 'fp-ts/lib/Option.js'
import type { RestrictionCommand, RestrictionEvent } from '../../runners/engine/splittable/messages.ts'
import type { Task } from '../../runners/engine/task.ts'
import { type Instant, millis, OffsetRange, resumeAfter, stop, type Timestamped } from '../../sdk/index.ts'
import type { Draw } from './draw.ts'
import { part, partsOf } from './operations.ts'
import type { Event } from './scenario.ts'

interface Reading {
  readonly task: Task
  readonly command: Extract<RestrictionCommand, { readonly _tag: 'Start' }>
  /** Claimed, and not yielded yet. */
  pending: Timestamped<Event>[]
}

export class SimulatedGenerators {
  readonly #draw: Draw
  readonly #now: () => number
  readonly #asked: { readonly task: Task; readonly id: number; readonly element: Event }[] = []
  readonly #readings: Reading[] = []

  constructor(draw: Draw, now: () => number) {
    this.#draw = draw
    this.#now = now
  }

  carryOut(task: Task, command: RestrictionCommand): void {
    switch (command._tag) {
      case 'Ask':
        return void this.#asked.push({ task, id: command.id, element: command.element as Event }) // the scenario's own elements
      case 'Start':
        return void this.#readings.push({ task, command, pending: [] })
      case 'Stop':
        return this.#forget(task, command.id)
    }
  }

  #forget(task: Task, id: number): void {
    const at = this.#readings.findIndex(reading => reading.task === task && reading.command.id === id)
    if (at >= 0) this.#readings.splice(at, 1)
  }

  get busy(): boolean {
    return this.#asked.length + this.#readings.length > 0
  }

  step(): void {
    const at = this.#draw.int(0, this.#asked.length + this.#readings.length - 1)
    const [asked] = at < this.#asked.length ? this.#asked.splice(at, 1) : []
    if (asked !== undefined) {
      const restriction = OffsetRange.of(0, partsOf(asked.element))
      return this.#tell(asked.task, { _tag: 'Asked', id: asked.id, restriction, desired: this.#draw.int(1, 3) })
    }
    const reading = this.#readings[at - this.#asked.length]
    if (reading !== undefined) this.#go(reading)
  }

  #tell(task: Task, event: RestrictionEvent): void {
    task.onRestriction(event, this.#now())
  }

  #go(reading: Reading): void {
    const { task, command, pending } = reading
    const { id } = command
    if (this.#draw.chance(0.15)) return void task.restrictions?.trySplit(id, this.#draw.pick([0, 0.3, 0.5, 1]), this.#now())
    if (pending.length > 0 && this.#draw.chance(0.5)) return this.#yield(reading)
    if (this.#draw.chance(0.1)) {
      if (pending.length > 0) this.#yield(reading)
      return this.#end(reading, resumeAfter(millis(this.#draw.int(0, 30))))
    }
    if (this.#claim(reading)) return
    if (pending.length > 0) this.#yield(reading)
    this.#end(reading, stop)
  }

  #claim({ command, pending }: Reading): boolean {
    const tracker = command.tracker
    const { from } = tracker.restriction as OffsetRange // the scenario's splittable stages read these
    const position = O.isSome(tracker.last) ? Number(tracker.last.value) + 1 : from
    if (!tracker.tryClaim(position)) return false
    const event = part(command.element as Event, position)
    pending.push({ value: event, timestamp: event.at as Instant })
    return true
  }

  #yield(reading: Reading): void {
    const outputs = reading.pending
    reading.pending = []
    this.#tell(reading.task, { _tag: 'Yielded', id: reading.command.id, outputs })
  }

  #end({ task, command }: Reading, continuation: unknown): void {
    // It may have been stopped with its last yield.
    if (!this.#readings.some(reading => reading.command === command)) return
    this.#forget(task, command.id)
    this.#tell(task, { _tag: 'Returned', id: command.id, continuation })
  }
}
