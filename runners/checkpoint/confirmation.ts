// Until when a lease was last confirmed, by a clock that every thread of the process shares. A successor may begin `expiryMs` after the
// holder's last renewal was stored; the holder stops relying on it earlier, by a margin for the drift between two machines' clocks and
// for what is on its way.

/** Milliseconds of the process's monotonic clock. */
export interface LeaseConfirmation {
  /** When the renewal began that confirmed the lease: it was stored after that. */
  readonly beganMs: number
  /** Until when the holder may rely on it. */
  readonly untilMs: number
}

/** The same in all threads of a process, unlike performance.now(). */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1_000_000

/** In milliseconds. */
export const marginOf = (expiryMs: number): number => expiryMs / 5

export const confirmedFrom = (beganMs: number, expiryMs: number): LeaseConfirmation => ({
  beganMs,
  untilMs: beganMs + expiryMs - marginOf(expiryMs),
})

/** The one that holds for longer: two renewals may be under way at once. */
export const laterOf = (a: LeaseConfirmation, b: LeaseConfirmation): LeaseConfirmation => (b.beganMs > a.beganMs ? b : a)
