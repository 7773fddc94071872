// Ways by which the server brings what is written to a stream into one that the same pipeline reads: republishing, sources and mirrors.
import type { StreamInfo } from '@nats-io/jetstream'
import type { Link } from './connections.ts'
import type { Destination } from './destination-checks.ts'
import { JetStreamIOError } from './errors.ts'
import { streamInfo, subjectsOf } from './stream-info.ts'
import { overlaps } from './subject-filter.ts'

/** Messages of these subjects come back. */
export interface WayBack {
  /** A filter of the subjects that are written to the destination; `>`: all. */
  readonly filter: string
  /** For messages: by what they come back. */
  readonly how: string
}

interface Read {
  readonly stream: string
  /** None: all subjects. */
  readonly filters: ReadonlyArray<string>
}

/** What a subject mapping makes: its variable tokens may be anything. */
const patternOf = (destination: string): string =>
  destination
    .split('.')
    .map(token => (/\{\{|^\$\d+$/.test(token) ? '*' : token))
    .join('.')

const meets = (filters: ReadonlyArray<string>, pattern: string): boolean =>
  filters.length === 0 || filters.some(filter => overlaps(filter, pattern))

/** All ways from the destination into what the pipeline reads; streams that are not there lead nowhere. */
export const waysBack = async (
  link: Link,
  info: StreamInfo,
  d: Destination,
  reads: ReadonlyArray<Read>,
): Promise<ReadonlyArray<WayBack>> => {
  const found: WayBack[] = []
  for (const read of reads) if (read.stream !== d.stream) await walk({ link, info, d, found }, read, [read.stream])
  return found
}

interface Walk {
  readonly link: Link
  readonly info: StreamInfo
  readonly d: Destination
  readonly found: WayBack[]
}

/** From a stream that the pipeline reads back to what flows into it. `path`: the streams on the way, the one that is read first. */
const walk = async (o: Walk, { stream, filters }: Read, path: ReadonlyArray<string>): Promise<void> => {
  const info = await streamInfo(o.link, stream, o.d.label).catch((error: unknown) => {
    if (error instanceof JetStreamIOError && error._tag === 'StreamNotFound') return null
    throw error
  })
  if (info === null) return
  const [read = stream] = path
  const { republish } = o.info.config
  if (republish !== undefined) {
    const pattern = patternOf(republish.dest)
    if (subjectsOf(info).some(subject => overlaps(subject, pattern)) && meets(path.length === 1 ? filters : [], pattern))
      add(o, {
        filter: republish.src || '>',
        how: `${o.d.stream} republishes to ${republish.dest}, which ${stream} takes${reaching(path, read)}`,
      })
  }
  const { sources = [], mirror } = info.config
  for (const origin of mirror === undefined ? sources : [mirror, ...sources]) {
    // Of another domain or account.
    if (origin.external !== undefined || path.includes(origin.name)) continue
    const transforms = origin.subject_transforms ?? []
    const own = origin.filter_subject === undefined || origin.filter_subject === '' ? [] : [origin.filter_subject]
    const selected = transforms.length > 0 ? transforms.map(({ src }) => src || '>') : own
    // A transform makes other subjects of them: then any may be what is read.
    const passed = transforms.length > 0 ? selected : both(selected, filters)
    if (passed === null) continue
    if (origin.name === o.d.stream)
      for (const filter of passed.length === 0 ? ['>'] : passed)
        add(o, { filter, how: `${stream} takes them over from ${o.d.stream}${reaching(path, read)}` })
    else await walk(o, { stream: origin.name, filters: passed }, [...path, origin.name])
  }
}

const reaching = (path: ReadonlyArray<string>, read: string): string => (path.length === 1 ? '' : `, from which they come into ${read}`)

/** Filters of what passes both; null: nothing does. */
const both = (some: ReadonlyArray<string>, others: ReadonlyArray<string>): ReadonlyArray<string> | null => {
  if (some.length === 0) return others
  if (others.length === 0) return some
  const passing = some.filter(filter => meets(others, filter))
  return passing.length === 0 ? null : passing
}

/** The destination's own transform comes before. */
const add = ({ info, found }: Walk, way: WayBack): void => {
  const transform = info.config.subject_transform
  if (transform === undefined) found.push(way)
  else if (overlaps(patternOf(transform.dest), way.filter)) found.push({ ...way, filter: transform.src || '>' })
}

/** Throws FeedbackLoop where `subject` (null: any) comes back. */
export const requireNoWayBack = (ways: ReadonlyArray<WayBack>, { label, stream }: Destination, subject: string | null): void => {
  const way = ways.find(({ filter }) => filter === '>' || (subject !== null && overlaps(filter, subject)))
  if (way === undefined) return
  throw new JetStreamIOError(
    'FeedbackLoop',
    `${label}: what this pipeline writes to ${subject ?? stream} comes back into what it reads, for ever: ${way.how}. ` +
      'Read only other subjects (subjects: […]), or write to another stream.',
  )
}
