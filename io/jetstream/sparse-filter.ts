// Where a subject filter is applied. A server-side filter can be 5 to 300 times slower than none where it selects much of a stream of
// many subjects, and the only sensible way where it selects next to nothing: the stream's counts by subject decide.
import type { StreamInfo } from '@nats-io/jetstream'
import type { Link } from './connections.ts'
import { subjectsOf } from './stream-info.ts'
import { type SubjectMatcher, matcherOf } from './subject-filter.ts'

/** Selecting less than this share of a stream's messages is sparse. */
const sparseShare = 0.01
/** Below this a stream is read whole in the time that counting takes. */
const smallStream = 5_000

export interface FilterPlan {
  readonly server: ReadonlyArray<string>
  readonly client: SubjectMatcher | null
}

const unfiltered: FilterPlan = { server: [], client: null }

/** Counted once for each consumer: what is sparse today may not be at the next reconnect. */
export const filterPlan = async (link: Link, info: StreamInfo, filters: ReadonlyArray<string>): Promise<FilterPlan> => {
  const client = matcherOf(filters, subjectsOf(info))
  if (client === null) return unfiltered
  const here: FilterPlan = { server: [], client }
  if (info.state.messages < smallStream) return here
  // Several filters on one consumer came with 2.10; an older server would refuse them.
  if (filters.length > 1 && !atLeast(link.nc.info?.version, 2, 10)) return here
  let selected = 0
  for (const filter of filters) {
    const count = await countOf(link, info.config.name, filter)
    if (count === null) return here
    selected += count
    if (selected > info.state.messages * sparseShare) return here
  }
  return { server: filters, client }
}

export const atLeast = (version: string | undefined, major: number, minor: number, patch = 0): boolean => {
  const [a = 0, b = 0, c = 0] = (version ?? '').split('.').map(part => Number.parseInt(part, 10))
  return a > major || (a === major && (b > minor || (b === minor && c >= patch)))
}

/** How many messages `filter` selects; null where its subjects are more than one answer holds, which is not sparse. */
const countOf = async (link: Link, stream: string, filter: string): Promise<number | null> => {
  const answer: unknown = (
    await link.nc.request(`${link.apiPrefix}.STREAM.INFO.${stream}`, JSON.stringify({ subjects_filter: filter }), { timeout: 5_000 })
  ).json()
  const { total, state } = answer as {
    readonly total?: number
    readonly state?: { readonly subjects?: Readonly<Record<string, number>> | null }
  }
  const counts = Object.values(state?.subjects ?? {})
  if (total !== undefined && total > counts.length) return null
  return counts.reduce((sum, n) => sum + n, 0)
}
