// Work that moves between simulated workers: each says now and then how it stands, and what the main thread asks of it takes its time.
import { givenBy, shareOf, takenBy } from '../../runners/engine/shared-work.ts'
import { sharedStages } from '../../runners/engine/sharing.ts'
import type { Task } from '../../runners/engine/task.ts'
import type { Plan } from '../../runners/plan/stage.ts'
import type { ToWorker } from '../../runners/worker-threads/protocol.ts'
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
    this.#crew = new SharingCrew(this.stages, workers, (worker, message) => {
      for (let to = 0; to < workers; to++) if (worker === null || worker === to) place.wires.toWorker(to, () => this.#do(to, message))
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

  #do(worker: number, message: ToWorker): void {
    const { wires, now, taskOf, read, recalls } = this.#place
    switch (message._tag) {
      case 'Release':
        return taskOf(message.stage, worker).onReleased(message.at)
      case 'Give': {
        const task = taskOf(message.stage, worker)
        const moved = recalls(task) ? null : (givenBy(task)?.moved ?? null)
        return wires.toMain(worker, () => this.#crew.onGiven(moved))
      }
      case 'Take': {
        const task = taskOf(message.stage, worker)
        const split = takenBy(task, message.moved, now())
        if (split !== null) read(task, split)
        return wires.toMain(worker, () => this.#crew.onTaken())
      }
      default:
        throw new Error(`sharing says ${message._tag} to a worker`)
    }
  }
}
