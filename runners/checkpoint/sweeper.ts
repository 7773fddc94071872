// Removes what nobody needs any more, beside the work: what cannot be removed is reported once and tried again.
import { rm } from 'node:fs/promises'
import { temporarySuffix } from './durable-file.ts'

export interface Sweeper {
  /** Queues paths and begins; never rejects. */
  readonly sweep: (paths: Iterable<string>) => Promise<void>
  /** When what was queued so far has been tried. */
  readonly settled: () => Promise<void>
}

export const sweeper = (warn: (message: string, cause: unknown) => void): Sweeper => {
  const pending = new Set<string>()
  const reported = new Set<string>()
  let underWay: Promise<void> = Promise.resolve()

  const round = async (): Promise<void> => {
    const failures: Array<{ readonly path: string; readonly error: unknown }> = []
    for (const path of pending) {
      try {
        // Only an unfinished savepoint is a folder.
        await rm(path, { force: true, recursive: path.endsWith(temporarySuffix) })
        pending.delete(path)
        reported.delete(path)
      } catch (error) {
        if (!reported.has(path)) failures.push({ path, error })
        reported.add(path)
      }
    }
    const [first] = failures
    if (first === undefined) return
    const others = failures.length === 1 ? '' : ` and ${failures.length - 1} more`
    warn(
      `Could not remove ${first.path}${others}, which no checkpoint needs now. Checkpoints are not affected; the next one tries again.`,
      first.error,
    )
  }
  return {
    sweep: paths => {
      for (const path of paths) pending.add(path)
      underWay = underWay.then(round)
      return underWay
    },
    settled: () => underWay,
  }
}
