// Looks for splits that appear while a run reads, and deals them out to tasks in turn.
import { Instant } from '../../sdk/model/time.ts'
import type { ConnectedSource, Discovery, Split } from '../../sdk/splittable/source.ts'
import { stageOf } from '../engine/task-name.ts'
import type { Plan } from '../plan/stage.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import type { Clock } from './clock.ts'
import { dealt, firstShardOf } from './dealing.ts'
import { io } from './errors.ts'

/** The same in all threads: each has connected the same sources. */
export const discoveringIn = (sources: ReadonlyMap<string, ConnectedSource<unknown>>): ReadonlySet<string> =>
  new Set([...sources].flatMap(([stage, { discovery }]) => (discovery === undefined ? [] : [stage])))

/** What one task gets of a look. */
export interface Dealt {
  readonly stage: string
  readonly shard: number
  readonly splits: ReadonlyArray<Split>
  readonly horizon: number
}

interface Watched {
  readonly stage: string
  readonly discovery: Discovery
  readonly known: Split[]
  /** When to look again, by the wall clock; Infinity while a look is under way, and behind the last one. */
  dueMs: number
}

export interface DiscoveryPlace {
  readonly plan: Plan
  readonly sources: ReadonlyMap<string, ConnectedSource<unknown>>
  readonly content: CheckpointContent
  /** How many tasks each stage has. */
  readonly shards: number
  readonly toEnd: boolean
  readonly clock: Pick<Clock, 'monotonicMs'>
}

export class DiscoveryWatch {
  readonly #place: DiscoveryPlace
  readonly #deal: (dealt: Dealt) => void
  readonly #watched: ReadonlyArray<Watched>

  constructor(place: DiscoveryPlace, deal: (dealt: Dealt) => void) {
    this.#place = place
    this.#deal = deal
    this.#watched = [...place.sources].flatMap(([stage, { discovery }]) =>
      discovery === undefined ? [] : [{ stage, discovery, known: knownIn(place.content, stage), dueMs: 0 }],
    )
  }

  /** Looks where it is time; `later` does what waits, and its result when the loop has time. */
  turn(nowMs: number, later: (work: () => Promise<() => void>) => void): void {
    for (const watched of this.#watched) {
      if (nowMs < watched.dueMs) continue
      watched.dueMs = Infinity
      later(() => this.#look(watched))
    }
  }

  async #look(watched: Watched): Promise<() => void> {
    const { stage, discovery, known } = watched
    const { shards, toEnd } = this.#place
    const { splits, horizon } = await io(stage, () => discovery.find({ known: [...known], toEnd }))
    return () => {
      const first = firstShardOf(this.#place.plan, stage) + known.length
      known.push(...splits)
      if (horizon < Instant.max) watched.dueMs = this.#place.clock.monotonicMs() + discovery.everyMs
      for (let shard = 0; shard < shards; shard++) this.#deal({ stage, shard, splits: dealt(splits, first, shard, shards), horizon })
    }
  }

  /** When to look again, by the monotonic clock. */
  dueMs(): number {
    return Math.min(...this.#watched.map(({ dueMs }) => dueMs))
  }
}

/** Where no task has a record yet, checkpoint 0 has them. */
const knownIn = ({ splits, tasks }: CheckpointContent, stage: string): Split[] => {
  const ofTasks = Object.entries(tasks).flatMap(([task, { record }]) => (stageOf(task) === stage ? record.splits.map(it => it.split) : []))
  return ofTasks.length > 0 ? ofTasks : [...(splits[stage] ?? [])]
}
