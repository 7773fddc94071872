// Work that moves between the tasks of a stage while it is read, so that no straggling range holds a run up: who gives to whom, and how
// far event time may go meanwhile. A state machine like the tasks; one for a run.
import { Instant } from '../../sdk/model/time.ts'
import type { Split } from '../../sdk/splittable/source.ts'
import type { Plan, Stage } from '../plan/stage.ts'

/** What a task says of itself. */
export interface Share {
  readonly stage: string
  /** How far it would let event time go: what it has left may lie there. */
  readonly watermark: number
  /** What it has told those behind it. */
  readonly output: number
  /** How much it has left to read that has an end, in a unit of the stage's; 0: nothing. */
  readonly remaining: number
  /** Nothing that has an end is left, and nothing will come: what is left has none, and stays where it is. */
  readonly settled: boolean
}

/** Work on its way from one task to another: plain data. */
export type Moved =
  | { readonly _tag: 'Split'; readonly split: Split; readonly watermark: number }
  /** A restriction of a splittable DoFn, encoded. */
  | { readonly _tag: 'Restriction'; readonly bytes: Uint8Array; readonly watermark: number }

export type SharingCommand =
  /** To all of the stage's tasks: no element of it is older than this any more. */
  | { readonly _tag: 'Release'; readonly stage: string; readonly at: number }
  /** To the task `from`: give away half of what is left. Answer with `onGiven`. */
  | { readonly _tag: 'Give'; readonly stage: string; readonly from: number }
  /** To the task `to`. Answer with `onTaken`. */
  | { readonly _tag: 'Take'; readonly stage: string; readonly to: number; readonly moved: Moved }

interface TaskState {
  watermark: number
  output: number
  remaining: number
  /** What was left when it said so the time before. */
  before: number
  settled: boolean
}

interface StageState {
  readonly stage: string
  readonly tasks: ReadonlyArray<TaskState>
  released: number
}

/**
 * The stages whose tasks may give work to each other: sources, bounded or not, and splittable DoFns that are fed by what is bounded. What
 * has an end moves, such as the backlog of a read without one; once all of that is read, event time waits no more for all tasks to say
 * where they are. A stage fed without an end would wait for ever. `isScripted`: what plays a script, at whose pace all else goes.
 */
export const sharedStages = ({ stages }: Plan, isScripted: (stage: string) => boolean): ReadonlySet<string> => {
  if (stages.some(({ id }) => isScripted(id))) return new Set()
  const bounded = new Set<string>()
  for (const stage of stages) if (ends(stage) && stage.inputs.every(input => bounded.has(input))) bounded.add(stage.id)
  const shares = (stage: Stage): boolean =>
    stage.inputs.every(input => bounded.has(input)) && (stage.head._tag === 'Source' || stage.head._tag === 'Splittable')
  return new Set(stages.filter(shares).map(({ id }) => id))
}

const ends = ({ head }: Stage): boolean =>
  head._tag === 'Source' ? head.source.isBounded : head._tag === 'Splittable' ? head.fn.isBounded : true

export class Sharing {
  readonly #stages: ReadonlyMap<string, StageState>
  /** The task that work goes to. */
  #moving: { readonly stage: StageState; readonly to: number; watermark: number } | null = null
  #frozen = false

  constructor(stages: Iterable<string>, tasks: number) {
    this.#stages = new Map(
      [...stages].map(stage => [
        stage,
        {
          stage,
          tasks: Array.from({ length: tasks }, () => ({
            watermark: Instant.min,
            output: Infinity,
            remaining: Infinity,
            before: Infinity,
            settled: false,
          })),
          released: Instant.min,
        },
      ]),
    )
  }

  /** Whether work is on its way: a snapshot now would have it nowhere. */
  get moving(): boolean {
    return this.#moving !== null
  }

  /** Nothing moves from the barrier's injection until all sources have taken their snapshots, nor once the run is ending. */
  freeze(): void {
    this.#frozen = true
  }

  thaw(): void {
    this.#frozen = false
  }

  onShare(task: number, { stage, watermark, output, remaining, settled }: Share): ReadonlyArray<SharingCommand> {
    const state = this.#stage(stage)
    const its = taskOf(state, task)
    its.before = its.remaining
    its.remaining = remaining
    its.watermark = watermark
    its.output = output
    its.settled = settled
    return [...this.#release(state), ...this.#move(state)]
  }

  /** null: there was nothing to give. */
  onGiven(moved: Moved | null): ReadonlyArray<SharingCommand> {
    const moving = this.#moving
    if (moving === null) throw new Error('sharing: work came that nobody was asked for')
    if (moved === null) {
      this.#moving = null
      return this.#release(moving.stage)
    }
    moving.watermark = moved.watermark
    return [{ _tag: 'Take', stage: moving.stage.stage, to: moving.to, moved }]
  }

  onTaken(): ReadonlyArray<SharingCommand> {
    const moving = this.#moving
    if (moving === null) throw new Error('sharing: work was taken that nobody gave')
    this.#moving = null
    // What the task said before it had this counts no more.
    const its = taskOf(moving.stage, moving.to)
    its.watermark = Math.min(its.watermark, moving.watermark)
    its.remaining = its.before = Infinity
    its.settled = false
    return this.#release(moving.stage)
  }

  #release(state: StageState): ReadonlyArray<SharingCommand> {
    const moving = this.#moving?.stage === state ? this.#moving : null
    // The giver may not say yet what it gives.
    if (moving?.watermark === -Infinity) return []
    // From here on each task goes by itself.
    const isOver = moving === null && state.tasks.every(({ settled }) => settled)
    const at = isOver ? Instant.max : Math.min(moving?.watermark ?? Infinity, ...state.tasks.map(({ watermark }) => watermark))
    if (at <= state.released) return []
    state.released = at
    return [{ _tag: 'Release', stage: state.stage, at }]
  }

  /** From whoever has most to whoever has nothing, if it takes longer than the last look at it. */
  #move(state: StageState): ReadonlyArray<SharingCommand> {
    if (this.#frozen || this.#moving !== null || state.released === Instant.max) return []
    // Whoever was further, before a restart, than all are together now would be late with what others have.
    const to = state.tasks.findIndex(({ remaining, output }) => remaining === 0 && output <= state.released)
    if (to < 0) return []
    let from = -1
    let most = 0
    for (const [task, { remaining, before }] of state.tasks.entries()) {
      if (!Number.isFinite(remaining) || !Number.isFinite(before) || remaining <= before - remaining || remaining <= most) continue
      from = task
      most = remaining
    }
    if (from < 0) return []
    this.#moving = { stage: state, to, watermark: -Infinity }
    return [{ _tag: 'Give', stage: state.stage, from }]
  }

  #stage(stage: string): StageState {
    const state = this.#stages.get(stage)
    if (state === undefined) throw new Error(`sharing: ${stage} shares nothing`)
    return state
  }
}

const taskOf = ({ tasks, stage }: StageState, task: number): TaskState => {
  const its = tasks[task]
  if (its === undefined) throw new Error(`sharing: ${stage} has no task ${task}`)
  return its
}
