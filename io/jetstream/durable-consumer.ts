// The consumers of a read that acknowledges: durable, made once, and checked whenever they are found.
import { AckPolicy, type ConsumerConfig, type ConsumerInfo, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream'
import type { Link } from './connections.ts'
import { nanos } from './ephemeral-consumer.ts'
import { JetStreamIOError, apiErrorCode, consumerNotFound, errorText } from './errors.ts'

/** What a read says of its consumers. */
export interface ConsumerSettings {
  readonly consumer: string
  readonly ackWaitMs: number
  /** So many may be delivered and not acknowledged. */
  readonly maxAckPending: number
  /** Nobody has asked it for so long: the server forgets it; null: never. */
  readonly inactiveMs: number | null
}

export interface DurablePlace {
  readonly link: Link
  readonly stream: string
  readonly label: string
  readonly settings: ConsumerSettings
}

/** null: there is none of this name. */
export const consumerInfo = async (link: Link, stream: string, name: string): Promise<ConsumerInfo | null> => {
  try {
    return await link.jsm.consumers.info(stream, name)
  } catch (error) {
    if (apiErrorCode(error) === consumerNotFound) return null
    throw error
  }
}

/** What no other attempt changes: consumers of a work queue share no subject, and one of this name is there with other settings. */
const finalRefusals: ReadonlySet<number> = new Set([10_013, 10_098, 10_099, 10_100, 10_101, 10_148])

/** The limit of the stream (consumer_limits) or its server that the server names in its refusal; null: it names none. */
const namedLimit = (error: unknown): string | null => /exceeds system limit of (\S+)/.exec(errorText(error))?.[1] ?? null

const maxAckPendingExceeds = 10_121
const inactiveThresholdExceeds = 10_153

/** Keeps to the limit of the stream or its server for max_ack_pending, where that is lower. */
export const makeConsumer = async (
  place: DurablePlace,
  name: string,
  filter: string | null,
  onlyNew: boolean,
  maxAckPending = place.settings.maxAckPending,
): Promise<ConsumerInfo> => {
  const { link, stream, label, settings } = place
  try {
    return await link.jsm.consumers.add(stream, {
      durable_name: name,
      description: label,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(settings.ackWaitMs),
      max_ack_pending: maxAckPending,
      deliver_policy: onlyNew ? DeliverPolicy.New : DeliverPolicy.All,
      replay_policy: ReplayPolicy.Instant,
      ...(filter === null ? {} : { filter_subject: filter }),
      ...(settings.inactiveMs === null ? {} : { inactive_threshold: nanos(settings.inactiveMs) }),
    })
  } catch (error) {
    const code = apiErrorCode(error)
    const limit = namedLimit(error)
    const most = Number(limit ?? 0)
    if (code === maxAckPendingExceeds && most > 0 && most < maxAckPending) return makeConsumer(place, name, filter, onlyNew, most)
    if (code === inactiveThresholdExceeds && settings.inactiveMs !== null)
      throw new JetStreamIOError(
        'UnsuitableConsumer',
        `${label}: the stream ${stream} allows its consumers an inactive_threshold of ${limit ?? 'less'} (consumer_limits), and the read asks for ${settings.inactiveMs} ms. Lower inactiveThreshold, or raise the stream's limit.`,
        { cause: error },
      )
    if (!finalRefusals.has(apiErrorCode(error) ?? 0)) throw error
    throw new JetStreamIOError(
      'UnsuitableConsumer',
      `${label}: the server makes no consumer ${name} of the stream ${stream}: ${errorText(error)}. Each message of a work queue goes to one consumer: read subjects that no other one selects.`,
      { cause: error },
    )
  }
}

/** The one there is, or one that is made now. Rejects where it would lose messages. */
export const durableConsumer = async (
  place: DurablePlace,
  name: string,
  filter: string | null,
  onlyNew: boolean,
): Promise<ConsumerInfo> => {
  const there = await consumerInfo(place.link, place.stream, name)
  if (there === null) return makeConsumer(place, name, filter, onlyNew)
  requireSuitable(place, there, filter)
  return there
}

/**
 * Makes way for a consumer of this name elsewhere in the stream: a durable one keeps its position, whatever it is told, so that it is deleted
 * where it is ours. Rejects where it is not.
 */
export const makeWay = async (link: Link, stream: string, label: string, name: string): Promise<void> => {
  const there = await consumerInfo(link, stream, name)
  if (there === null) return
  if (there.config.description !== label)
    throw new JetStreamIOError(
      'UnsuitableConsumer',
      `${label}: the stream ${stream} has a consumer ${name} that this read has not made, and it would have to be deleted. Name another.`,
    )
  await link.jsm.consumers.delete(stream, name)
}

export const requireSuitable = ({ stream, label }: DurablePlace, { name, config }: ConsumerInfo, filter: string | null): void => {
  const problems = [
    ...(config.ack_policy === AckPolicy.Explicit ? [] : [`its acknowledgments are ${config.ack_policy}, and must be explicit`]),
    ...(config.deliver_subject === undefined || config.deliver_subject === '' ? [] : ['it pushes, and must be pulled from']),
    ...((config.max_deliver ?? -1) > 0
      ? [
          `it gives up what was delivered ${config.max_deliver} times (max_deliver), which would be lost without a word: it must have no such limit`,
        ]
      : []),
    ...(config.headers_only === true ? ['it delivers headers only'] : []),
    ...(sameFilters(filtersOf(config), filter)
      ? []
      : [`it selects ${shown(filtersOf(config))}, and the read ${shown(filter === null ? [] : [filter])}`]),
  ]
  if (problems.length === 0) return
  throw new JetStreamIOError(
    'UnsuitableConsumer',
    `${label}: the stream ${stream} has a consumer ${name} that this read cannot use: ${problems.join('; ')}. Name another (consumer), which is made as it must be, or change this one.`,
  )
}

const filtersOf = ({ filter_subject: one, filter_subjects: several }: Partial<ConsumerConfig>): ReadonlyArray<string> =>
  several !== undefined && several.length > 0 ? several : one === undefined || one === '' ? [] : [one]

const sameFilters = (found: ReadonlyArray<string>, wanted: string | null): boolean =>
  found.length === (wanted === null ? 0 : 1) && found.every(one => one === wanted)

const shown = (filters: ReadonlyArray<string>): string => (filters.length === 0 ? 'all subjects' : filters.join(', '))
