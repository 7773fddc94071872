// Backpressure of stages whose elements wait for side inputs: the sources of those elements pause, never those that bring the sides.
import type { Plan, Stage } from '../plan/stage.ts'
import type { Task } from './task.ts'

/** So many elements wait in one task before their sources pause. */
const mostWaiting = 10_000

interface Sided {
  readonly tasks: ReadonlyArray<Task>
  /** The sources of its elements, and those of its sides. A source of both counts as one of the sides. */
  readonly main: ReadonlySet<string>
  readonly sides: ReadonlySet<string>
}

const none: ReadonlySet<string> = new Set()

export class Pausing {
  readonly #sided: ReadonlyArray<Sided>

  constructor({ stages }: Plan, tasks: ReadonlyArray<Task>) {
    this.#sided = stages
      .filter(({ head }) => head._tag === 'Sided')
      .map(stage => ({
        tasks: tasks.filter(task => task.stage === stage),
        main: sourcesAbove(stages, stage.mainInputs),
        sides: sourcesAbove(stages, stage.sideInputs.flat()),
      }))
  }

  /** The sources, by stage, that should not be read for now: what they would bring waits for something that another one brings. */
  paused(): ReadonlySet<string> {
    const crowded = this.#sided.filter(({ tasks }) => tasks.some(task => task.waiting() > mostWaiting))
    if (crowded.length === 0) return none
    const paused = new Set(crowded.flatMap(({ main }) => [...main]))
    // Two stages may each wait for what feeds the other: whatever any of them waits for is read on.
    for (const { tasks, sides } of this.#sided) {
      if (tasks.some(task => task.waiting() > 0)) for (const source of sides) paused.delete(source)
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
    if (stage.head._tag === 'Source') sources.add(id)
    next.push(...stage.inputs)
  }
  return sources
}
