// Lists the newest message of each subject: StartAt.lastPerSubject, and what a bucket holds. A consumer lists them as its replica has them when
// it is made, and then delivers what comes behind; so the list is complete where that reaches the stream's end, and the last of a subject counts.
import { type ScanOptions, drain, scanPlan } from './recovery-scan.ts'
import { RangeReader } from './range-reader.ts'

export interface ListingOptions extends ScanOptions {
  readonly filters: ReadonlyArray<string>
  /** The stream's last sequence, from its leader. */
  readonly last: number
}

/** The newest sequence of each subject up to `last`, ascending. */
export const newestOfSubjects = async (o: ListingOptions): Promise<ReadonlyArray<number>> => {
  const newest = new Map<string, number>()
  for (const filter of o.filters.length === 0 ? ['>'] : o.filters) {
    const reader = new RangeReader({
      ...scanPlan(o, 1, o.last),
      newest: true,
      gapless: false,
      filter: () => Promise.resolve({ server: [filter], client: null }),
    })
    try {
      await reader.start()
      await drain(reader, ({ subject, sequence }) => newest.set(subject, Math.max(newest.get(subject) ?? 0, sequence)))
    } finally {
      await reader.close()
    }
  }
  return [...newest.values()].sort((a, b) => a - b)
}
