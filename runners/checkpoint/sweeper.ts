// Removes what nobody needs any more, beside the work: what cannot be removed is reported once and tried again.

export interface Sweeper {
  /** Queues what is to be removed, by its path or subject, and begins; never rejects. */
  readonly sweep: (names: Iterable<string>) => Promise<void>
  /** When what was queued so far has been tried. */
  readonly settled: () => Promise<void>
}

export const sweeper = (remove: (name: string) => Promise<void>, warn: (message: string, cause: unknown) => void): Sweeper => {
  const pending = new Set<string>()
  const reported = new Set<string>()
  let underWay: Promise<void> = Promise.resolve()

  const round = async (): Promise<void> => {
    const failures: Array<{ readonly name: string; readonly error: unknown }> = []
    for (const name of pending) {
      try {
        await remove(name)
        pending.delete(name)
        reported.delete(name)
      } catch (error) {
        if (!reported.has(name)) failures.push({ name, error })
        reported.add(name)
      }
    }
    const [first] = failures
    if (first === undefined) return
    const others = failures.length === 1 ? '' : ` and ${failures.length - 1} more`
    warn(
      `Could not remove ${first.name}${others}, which no checkpoint needs now. Checkpoints are not affected; the next one tries again.`,
      first.error,
    )
  }
  return {
    sweep: names => {
      for (const name of names) pending.add(name)
      underWay = underWay.then(round)
      return underWay
    },
    settled: () => underWay,
  }
}
