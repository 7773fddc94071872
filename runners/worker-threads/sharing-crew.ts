// Work that moves between workers, as the main thread sees it: what it asks of them, and barriers that wait for what is on its way.
import type { ConnectedSource } from '../../sdk/splittable/source.ts'
import { type Moved, type Share, sharedStages, Sharing, type SharingCommand } from '../engine/sharing.ts'
import type { Plan } from '../plan/stage.ts'
import type { ToWorker } from './protocol.ts'

/** The same in all threads: each has connected the same sources. */
export const sharedAmong = (workers: number, plan: Plan, sources: ReadonlyMap<string, ConnectedSource<unknown>>): ReadonlySet<string> =>
  workers === 1 ? new Set() : sharedStages(plan, stage => sources.get(stage)?.scriptedMs !== undefined)

export class SharingCrew {
  readonly #sharing: Sharing
  readonly #tell: (worker: number | null, message: ToWorker) => void
  #barrier: (() => void) | null = null
  #ending = false

  /** `tell`: one worker, or all (null). */
  constructor(stages: ReadonlySet<string>, workers: number, tell: (worker: number | null, message: ToWorker) => void) {
    this.#sharing = new Sharing(stages, workers)
    this.#tell = tell
  }

  onShares(worker: number, shares: ReadonlyArray<Share>): void {
    for (const share of shares) this.#carryOut(this.#sharing.onShare(worker, share))
  }

  onGiven(moved: Moved | null): void {
    this.#carryOut(this.#sharing.onGiven(moved))
    this.#letBarrierGo()
  }

  onTaken(): void {
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
          this.#tell(null, { _tag: 'Release', stage, at: command.at })
          break
        case 'Give':
          this.#tell(command.from, { _tag: 'Give', stage })
          break
        case 'Take':
          this.#tell(command.to, { _tag: 'Take', stage, moved: command.moved })
          break
      }
    }
  }
}
