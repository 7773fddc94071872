// Backpressure of stages whose elements wait for side inputs: the sources of those elements pause, never those that bring the sides. What
// waits in other threads counts as what waits here: a source feeds tasks in all of them.
import type { Plan, Stage } from '../plan/stage.ts'
import type { Task } from './task.ts'

/** So many elements wait in one task before their sources pause. */
const mostWaiting = 10_000

/** The stages of a thread that have elements which wait; true: too many. Plain data. */
export type Waiting = ReadonlyMap<string, boolean>

interface Sided {
  readonly stage: string
  readonly tasks: ReadonlyArray<Task>
  /** The sources and generators of its elements, and those of its sides. One of both counts as one of the sides. */
  readonly main: ReadonlySet<string>
  readonly sides: ReadonlySet<string>
}

const none: ReadonlySet<string> = new Set()

export class Pausing {
  readonly #sided: ReadonlyArray<Sided>
  readonly #elsewhere = new Map<number, Waiting>()
  #said: Waiting = new Map()

  constructor({ stages }: Plan, tasks: ReadonlyArray<Task>) {
    this.#sided = stages
      .filter(({ head }) => head._tag === 'Sided')
      .map(stage => ({
        stage: stage.id,
        tasks: tasks.filter(task => task.stage === stage),
        main: sourcesAbove(stages, stage.mainInputs),
        sides: sourcesAbove(stages, stage.sideInputs.flat()),
      }))
  }

  /** What another thread has said. */
  onElsewhere(thread: number, waiting: Waiting): void {
    this.#elsewhere.set(thread, waiting)
  }

  /** What the other threads are to know, where it is not what this has given before; else null. */
  news(): Waiting | null {
    if (this.#sided.length === 0) return null
    const now = this.#here()
    if (now.size === this.#said.size && [...now].every(([stage, crowded]) => this.#said.get(stage) === crowded)) return null
    return (this.#said = now)
  }

  #here(): Waiting {
    const here = new Map<string, boolean>()
    for (const { stage, tasks } of this.#sided) {
      const most = tasks.reduce((most, task) => Math.max(most, task.waiting()), 0)
      if (most > 0) here.set(stage, most > mostWaiting)
    }
    return here
  }

  /** The sources and generators, by stage, that should not be read for now: what they would bring waits for something that another one brings. */
  paused(): ReadonlySet<string> {
    if (this.#sided.length === 0) return none
    const everywhere = [this.#here(), ...this.#elsewhere.values()]
    const crowded = this.#sided.filter(({ stage }) => everywhere.some(waiting => waiting.get(stage) === true))
    if (crowded.length === 0) return none
    const paused = new Set(crowded.flatMap(({ main }) => [...main]))
    // Two stages may each wait for what feeds the other: whatever any of them waits for is read on.
    for (const { stage, sides } of this.#sided) {
      if (everywhere.some(waiting => waiting.has(stage))) for (const source of sides) paused.delete(source)
    }
    return paused
  }
}

const sourcesAbove = (stages: ReadonlyArray<Stage>, from: ReadonlyArray<string>): ReadonlySet<string> => {
  const byId = new Map(stages.map(stage => [stage.id, stage]))
  const seen = new Set<string>()
  const sources = new Set<string>()
  const next = [...from]
  for (let id = next.pop(); id !== undefined; id = next.pop()) {
    const stage = byId.get(id)
    if (seen.has(id) || stage === undefined) continue
    seen.add(id)
    if (stage.head._tag === 'Source' || stage.head._tag === 'Splittable') sources.add(id)
    next.push(...stage.inputs)
  }
  return sources
}
