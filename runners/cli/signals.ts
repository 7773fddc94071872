// Ctrl-C and SIGTERM: the first one asks the run to suspend, the second ends the process.

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const
type Stop = keyof typeof exitCodes

export interface Signals {
  /** Aborted by the first one. */
  readonly suspend: AbortSignal
  /** No longer heard: the process has its default behaviour again. */
  readonly ignore: () => void
}

/** `onFirst` tells the user what is going to happen. */
export const listen = (onFirst: (signal: Stop) => void): Signals => {
  const suspend = new AbortController()
  const hear = (signal: Stop): void => {
    // What is durable stays: a process that ends here loses no more than one that is killed.
    if (suspend.signal.aborted) process.exit(exitCodes[signal])
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
