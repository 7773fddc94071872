// Work that moves between workers, as the main thread sees it: who gives and takes, and barriers that wait for work on its way.
import type { ConnectedSource } from '../../sdk/splittable/source.ts'
import { type Moved, type Share, sharedStages, Sharing, type SharingCommand } from '../engine/sharing.ts'
import type { Plan } from '../plan/stage.ts'

/** The same in all threads: each has connected the same sources. */
export const sharedAmong = (workers: number, plan: Plan, sources: ReadonlyMap<string, ConnectedSource<unknown>>): ReadonlySet<string> =>
  workers === 1 ? new Set() : sharedStages(plan, stage => sources.get(stage)?.scriptedMs !== undefined)

/** The messages to workers that sharing needs. */
export interface SharingWorkers {
  readonly release: (stage: string, at: number) => void
  /** Calls back with null where the worker has nothing to give. */
  readonly give: (worker: number, stage: string, onGiven: (moved: Moved | null) => void) => void
  readonly take: (worker: number, stage: string, moved: Moved, onTaken: () => void) => void
}

export class SharingCrew {
  readonly #sharing: Sharing
  readonly #workers: SharingWorkers
  #barrier: (() => void) | null = null
  #ending = false

  constructor(stages: ReadonlySet<string>, count: number, workers: SharingWorkers) {
    this.#sharing = new Sharing(stages, count)
    this.#workers = workers
  }

  onShares(worker: number, shares: ReadonlyArray<Share>): void {
    for (const share of shares) this.#carryOut(this.#sharing.onShare(worker, share))
  }

  #onGiven(moved: Moved | null): void {
    this.#carryOut(this.#sharing.onGiven(moved))
    this.#letBarrierGo()
  }

  #onTaken(): void {
    this.#carryOut(this.#sharing.onTaken())
    this.#letBarrierGo()
  }

  /** A barrier goes once nothing is on its way, and nothing moves before `onAligned`. */
  onBarrier(inject: () => void): void {
    this.#sharing.freeze()
    this.#barrier = inject
    this.#letBarrierGo()
  }

  /** The barrier is behind all sources, or was given up. */
  onAligned(): void {
    this.#barrier = null
    if (!this.#ending) this.#sharing.thaw()
  }

  /** Nothing moves any more. */
  end(): void {
    this.#ending = true
    this.#sharing.freeze()
  }

  #letBarrierGo(): void {
    if (this.#sharing.moving) return
    const inject = this.#barrier
    this.#barrier = null
    inject?.()
  }

  #carryOut(commands: ReadonlyArray<SharingCommand>): void {
    for (const command of commands) {
      const { stage } = command
      switch (command._tag) {
        case 'Release':
          this.#workers.release(stage, command.at)
          break
        case 'Give':
          this.#workers.give(command.from, stage, moved => this.#onGiven(moved))
          break
        case 'Take':
          this.#workers.take(command.to, stage, command.moved, () => this.#onTaken())
          break
      }
    }
  }
}
