// Ctrl-C and SIGTERM: the first signal asks the run to suspend, a later one ends the process.

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const
type Stop = keyof typeof exitCodes

export interface Signals {
  /** Aborted by the first one. */
  readonly suspend: AbortSignal
  /** No longer heard: the process has its default behaviour again. */
  readonly ignore: () => void
}

/** One Ctrl-C can arrive twice: a terminal signals the whole process group, and tsx and npm pass on what they get. */
const oneSignalMs = 500

/** Calls `onFirst` with the first signal. `nowMs`: a clock that never goes back. */
export const listen = (onFirst: (signal: Stop) => void, nowMs: () => number = () => performance.now()): Signals => {
  const suspend = new AbortController()
  let firstMs = 0
  const hear = (signal: Stop): void => {
    if (suspend.signal.aborted && nowMs() - firstMs < oneSignalMs) return
    // What is durable stays: a process that ends here loses no more than one that is killed.
    if (suspend.signal.aborted) return process.exit(exitCodes[signal])
    firstMs = nowMs()
    onFirst(signal)
    suspend.abort()
  }
  const signals: ReadonlyArray<Stop> = ['SIGINT', 'SIGTERM']
  for (const signal of signals) process.on(signal, hear)
  return {
    suspend: suspend.signal,
    ignore: () => {
      for (const signal of signals) process.off(signal, hear)
    },
  }
}
