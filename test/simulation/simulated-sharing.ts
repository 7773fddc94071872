// Work that moves between simulated workers: each says now and then how it stands, and what the main thread asks of it takes its time.
import { givenBy, shareOf, takenBy } from '../../runners/engine/shared-work.ts'
import { type Moved, sharedStages } from '../../runners/engine/sharing.ts'
import type { Task } from '../../runners/engine/task.ts'
import type { Plan } from '../../runners/plan/stage.ts'
import { SharingCrew } from '../../runners/worker-threads/sharing-crew.ts'
import type { Wires } from './wires.ts'

export interface SharingPlace {
  readonly wires: Wires
  readonly now: () => number
  readonly taskOf: (stage: string, worker: number) => Task
  /** The worker reads this split of the task's from now on. */
  readonly read: (task: Task, split: string) => void
  /** Its sink knows of outputs from an earlier process. */
  readonly recalls: (task: Task) => boolean
}

export class SimulatedSharing {
  readonly stages: ReadonlySet<string>
  readonly #place: SharingPlace
  readonly #workers: number
  readonly #crew: SharingCrew

  constructor(plan: Plan, workers: number, shares: boolean, place: SharingPlace) {
    this.stages = shares ? sharedStages(plan, () => false) : new Set()
    this.#place = place
    this.#workers = workers
    this.#crew = new SharingCrew(this.stages, workers, {
      release: (stage, at) => {
        for (let to = 0; to < workers; to++) place.wires.toWorker(to, () => place.taskOf(stage, to).onReleased(at))
      },
      give: (worker, stage, onGiven) => place.wires.toWorker(worker, () => this.#give(worker, stage, onGiven)),
      take: (worker, stage, moved, onTaken) => place.wires.toWorker(worker, () => this.#take(worker, stage, moved, onTaken)),
    })
  }

  get crew(): Pick<SharingCrew, 'onBarrier' | 'onAligned' | 'end'> {
    return this.#crew
  }

  /** What the task says of itself leaves for the main thread. */
  report(worker: number): void {
    const shares = [...this.stages].map(stage => shareOf(this.#place.taskOf(stage, worker)))
    this.#place.wires.toMain(worker, () => this.#crew.onShares(worker, shares))
  }

  get workers(): number {
    return this.stages.size === 0 ? 0 : this.#workers
  }

  #give(worker: number, stage: string, onGiven: (moved: Moved | null) => void): void {
    const { wires, taskOf, recalls } = this.#place
    const task = taskOf(stage, worker)
    const moved = recalls(task) ? null : (givenBy(task)?.moved ?? null)
    wires.toMain(worker, () => onGiven(moved))
  }

  #take(worker: number, stage: string, moved: Moved, onTaken: () => void): void {
    const { wires, now, taskOf, read } = this.#place
    const task = taskOf(stage, worker)
    const split = takenBy(task, moved, now())
    if (split !== null) read(task, split)
    wires.toMain(worker, onTaken)
  }
}
