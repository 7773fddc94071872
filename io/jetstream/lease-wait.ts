// A publisher's wait for its job's lease: asked before each few messages, and sending goes on once it is held.
import type { HostLease } from '../../sdk/model/bindings.ts'

/** Messages sent between two checks of the lease: a process may be stopped, and replaced, between any two of them. */
export const lookEvery = 64

export class LeaseWait {
  readonly #lease: HostLease
  readonly #goOn: () => void
  readonly #onOver: (error: unknown) => void
  #waiting = false
  /** The lease is lost, or the run has ended: nothing is sent any more. */
  isOver = false
  /** When a wait ended last, by Date.now. */
  heldAt = 0

  /** `goOn`: called when the lease is held again. `onOver`: called with why it never will be. */
  constructor(lease: HostLease, goOn: () => void, onOver: (error: unknown) => void) {
    this.#lease = lease
    this.#goOn = goOn
    this.#onOver = onOver
  }

  /** Where it is not held, `goOn` is called once it is. */
  isHeld(): boolean {
    if (this.#lease.held()) return true
    if (this.#waiting) return false
    this.#waiting = true
    void this.until().then(held => {
      this.#waiting = false
      if (held) this.#goOn()
    })
    return false
  }

  /** Says whether it is held in the end. */
  async until(): Promise<boolean> {
    if (this.#lease.held()) return true
    try {
      await this.#lease.whenHeld()
    } catch (error) {
      this.isOver = true
      this.#onOver(error)
      return false
    }
    this.heldAt = Date.now()
    return true
  }
}
