// A job's lease that a test takes into doubt, holds again, or loses.
import type { HostLease } from '../../sdk/model/bindings.ts'

export interface DoubtfulLease extends HostLease {
  readonly doubt: () => void
  readonly hold: () => void
  readonly lose: (error: Error) => void
}

export const doubtfulLease = (): DoubtfulLease => {
  let isHeld = true
  let lost: Error | null = null
  let waiters: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
  const take = (): typeof waiters => {
    const taken = waiters
    waiters = []
    return taken
  }
  return {
    held: () => isHeld,
    whenHeld: () => {
      if (lost !== null) return Promise.reject(lost)
      return isHeld ? Promise.resolve() : new Promise((resolve, reject) => waiters.push({ resolve, reject }))
    },
    doubt: () => {
      isHeld = false
    },
    hold: () => {
      isHeld = true
      for (const { resolve } of take()) resolve()
    },
    lose: error => {
      lost = error
      for (const { reject } of take()) reject(error)
    },
  }
}
