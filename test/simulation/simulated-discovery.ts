// Splits that appear while a run reads: looks that find some of them, in a life in which nobody may know yet what was found in the last.
import { stageOf } from '../../runners/engine/task-name.ts'
import { Instant } from '../../sdk/index.ts'
import type { Split } from '../../sdk/splittable/source.ts'
import { restoredOf, type Stored } from './disk.ts'
import { Draw } from './draw.ts'
import { type Event, isOpen, type Scenario, sharesWork } from './scenario.ts'

/** Whether a scenario's sources hide some of their splits at first; of those whose work moves, only unbounded ones do. */
export const hidesSplits = (scenario: Scenario): boolean =>
  (isOpen(scenario) || !sharesWork(scenario)) && new Draw(scenario.seed ^ 0x0d15_c0de).chance(0.3)

export const splitsOf = (scenario: Scenario, source: ReadonlyArray<ReadonlyArray<Event>>): ReadonlyArray<Split> =>
  source.map((events, i) => {
    const endless = isOpen(scenario) && i === source.length - 1
    return { id: String(i), range: { from: 0, to: endless ? null : events.length }, count: null, detail: null, divisible: !endless }
  })

export interface Found {
  readonly stage: string
  readonly shard: number
  readonly splits: ReadonlyArray<Split>
  readonly horizon: number
}

export class SimulatedDiscovery {
  readonly #sources: ReadonlyArray<{
    readonly stage: string
    readonly splits: ReadonlyArray<Split>
    readonly known: Set<string>
    done: boolean
  }>
  readonly #shards: number

  /** `sources`: by stage, all splits that will ever be there. */
  constructor(sources: ReadonlyMap<string, ReadonlyArray<Split>>, shards: number, disk: Stored | null) {
    this.#shards = shards
    this.#sources = [...sources].map(([stage, splits]) => ({
      stage,
      splits,
      known: new Set(disk === null ? splits.slice(0, 1).map(({ id }) => id) : knownIn(disk, stage)),
      done: false,
    }))
  }

  get busy(): boolean {
    return this.#sources.some(source => !source.done)
  }

  /** A look at one of the sources: some of what is there, dealt out in turn. */
  look(draw: Draw): ReadonlyArray<Found> {
    const source = draw.pick(this.#sources.filter(({ done }) => !done))
    const hidden = source.splits.filter(({ id }) => !source.known.has(id))
    const found = hidden.slice(0, draw.int(0, hidden.length))
    const first = source.known.size
    for (const { id } of found) source.known.add(id)
    source.done = found.length === hidden.length
    return Array.from({ length: this.#shards }, (_, shard) => ({
      stage: source.stage,
      shard,
      splits: found.filter((_, i) => (first + i) % this.#shards === shard),
      horizon: source.done ? Instant.max : Instant.min,
    }))
  }
}

const knownIn = (disk: Stored, stage: string): ReadonlyArray<string> =>
  [...disk.tasks.keys()]
    .filter(task => stageOf(task) === stage)
    .flatMap(task => restoredOf(disk, task)?.record.splits.map(({ split }) => split.id) ?? [])
