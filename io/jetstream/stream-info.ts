// What the leader of a stream says about it, and what is refused because of it.
import type { StreamInfo } from '@nats-io/jetstream'
import type { Link } from './connections.ts'
import { JetStreamIOError, apiErrorCode, streamNotFound, truncated } from './errors.ts'

/** Asks the stream's leader; `counts`: for the number of messages of each subject as well. Rejects with StreamNotFound. */
export const streamInfo = async (link: Link, stream: string, label: string, counts = false): Promise<StreamInfo> => {
  try {
    return countable(await link.jsm.streams.info(stream, counts ? { subjects_filter: '>' } : undefined), label)
  } catch (error) {
    if (apiErrorCode(error) !== streamNotFound) throw error
    throw new JetStreamIOError(
      'StreamNotFound',
      `${label}: there is no stream ${stream} on ${link.address}. Create it, or correct the name.`,
      { cause: error },
    )
  }
}

/** Throws for sequences that a number cannot hold: the last messages would never be reached. */
const countable = (info: StreamInfo, label: string): StreamInfo => {
  const { first_seq: first, last_seq: last } = info.state
  if (Math.max(first, last) < Number.MAX_SAFE_INTEGER) return info
  throw new JetStreamIOError(
    'UnsupportedSequences',
    `${label}: the stream ${info.config.name} has sequences from ${first} to ${last}, and those beyond 2^53 - 2 are not supported. Source it into a stream with a lower first_seq, and use that one.`,
  )
}

/** A stream that only sources others has none, whatever the client's types say. */
export const subjectsOf = (info: StreamInfo): ReadonlyArray<string> => {
  const config: { readonly subjects?: ReadonlyArray<string> } = info.config
  return config.subjects ?? []
}

/** `filters` as the stream has its subjects: a mirror of a bucket keeps the entries under the name of the bucket that it mirrors. */
export const filtersIn = ({ config }: StreamInfo, filters: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (config.mirror === undefined || !config.name.startsWith('KV_')) return filters
  const own = `$KV.${config.name.slice(3)}.`
  return filters.map(filter => (filter.startsWith(own) ? `$KV.*.${filter.slice(own.length)}` : filter))
}

/** Why stream names are refused, or null. */
export const refusedStreamName = (name: string): string | null =>
  name === '' ? 'it is empty' : /[\s.*>/\\]/.test(name) ? 'a stream name holds no spaces, dots, slashes or wildcards' : null

/** A stream that keeps the last few messages of a subject, or gives messages a life of their own, has gaps by its nature. */
export const hasGapsByNature = (info: StreamInfo): boolean => info.config.max_msgs_per_subject > 0 || info.config.allow_msg_ttl === true

/** Whether a stream erases single messages by itself, or at the word of any writer, wherever they lie. */
export const erasesSingly = ({ config }: StreamInfo): boolean => config.max_msgs_per_subject > 0 || config.allow_rollup_hdrs

/** The failure of a read that is to be without gaps. */
export const missing = ({ stream, label }: Pick<Reached, 'stream' | 'label'>, from: number, to: number): JetStreamIOError =>
  new JetStreamIOError('MessagesErased', `${label}: sequences ${from} to ${to - 1} of the stream ${stream} are not there any more`)

/** What a reader has of a stream: what must still be true when it goes on. */
export interface Reached {
  readonly stream: string
  readonly label: string
  readonly created: string
  /** The next sequence it needs. */
  readonly next: number
  /** The stream has had this sequence. */
  readonly last: number
  /** What is erased is passed over, and counted. */
  readonly skips?: boolean | undefined
  /** Of some of the subjects, of which nothing was left when they were last looked at. */
  readonly quiet?: boolean | undefined
}

/** Throws where going on would skip or repeat messages without a word. `tolerate` is told of erased messages in a stream that has gaps by nature. */
export const requireIntact = (info: StreamInfo, reached: Reached, tolerate: (message: string) => void): void => {
  const { stream, label, next, last } = reached
  if (info.created !== reached.created)
    throw new JetStreamIOError(
      'StreamRecreated',
      `${label}: the stream ${stream} was deleted and created again (at ${info.created}; it was read as created at ${reached.created}), so position ${next} means nothing in it. ` +
        'Start a new run, under another job name or with its checkpoints removed.',
    )
  const { first_seq: first, last_seq: end } = info.state
  if (end < last) throw truncated(reached, end, { sequence: last })
  if (first <= next || isUnmirrored(info, reached)) return
  const erased = `sequences ${next} to ${first - 1} of the stream ${stream} were erased before they were read (purged, or past its limits: max_age, max_msgs, max_bytes); its first is ${first} now`
  if (reached.skips === true) return tolerate(`${label}: ${erased}`)
  if (reached.quiet === true)
    return tolerate(
      `${label}: ${erased}. Nothing was left of the subjects that are read here when they were last looked at: what came and went since is lost`,
    )
  if (!hasGapsByNature(info))
    throw new JetStreamIOError(
      'MessagesErased',
      `${label}: ${erased}. Give the stream limits that outlast the longest stop, and start a new run to accept what is missing, or let the read skip what is erased (erased: Erased.skip).`,
    )
  tolerate(`${label}: ${erased}. It keeps only so many messages a subject, or for so long, so this is expected`)
}

/**
 * Whether a mirror has never had what lies before its first message: it leaves out what its filter does not select, and begins where its origin
 * does. What it was known to have was read; limits of its own could have erased more, unless it was empty then.
 */
export const isUnmirrored = ({ config }: StreamInfo, { next, last }: Pick<Reached, 'next' | 'last'>): boolean =>
  config.mirror !== undefined && next > last && (last === 0 || (config.max_age === 0 && config.max_msgs <= 0 && config.max_bytes <= 0))

/** Of a queue, which is read by acknowledgments: throws where what was read means nothing in the stream any more. `last`: the last that was read. */
export const requireSameQueue = (
  info: StreamInfo,
  { stream, label, created, last }: Pick<Reached, 'stream' | 'label' | 'created' | 'last'>,
): void => {
  if (info.created !== created)
    throw new JetStreamIOError(
      'StreamRecreated',
      `${label}: the stream ${stream} was deleted and created again (at ${info.created}; it was read as created at ${created}). Start a new run, under another job name or with its checkpoints removed.`,
    )
  if (info.state.last_seq < last) throw truncated({ stream, label }, info.state.last_seq, { sequence: last })
}
