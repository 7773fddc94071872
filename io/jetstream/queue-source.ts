// Reads that acknowledge: a split for each consumer, one for all subjects or for each that was named.
import type { StreamInfo } from '@nats-io/jetstream'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Split, SplitProgress } from '../../sdk/splittable/source.ts'
import { replyFor, requireAcknowledgeable } from './ack-subject.ts'
import { Acknowledgments } from './acknowledgments.ts'
import type { Link } from './connections.ts'
import { requireUnread } from './consumer-use.ts'
import { type ConsumerSettings, type DurablePlace, consumerInfo, durableConsumer } from './durable-consumer.ts'
import { JetStreamIOError } from './errors.ts'
import { compareHistory } from './history.ts'
import { persistently, sleep } from './patience.ts'
import type { PoisonPolicy } from './poison.ts'
import type { PullSettings } from './pull-window.ts'
import { handedOnIn, triedIn } from './queue-note.ts'
import { QueueReader } from './queue-reader.ts'
import { begun } from './reader-life.ts'
import type { StartAt, StopAt } from './read-options.ts'
import { infoReaching } from './stream-evidence.ts'
import { requireSameQueue } from './stream-info.ts'

export interface QueuePlan {
  readonly stream: string
  readonly label: string
  readonly filters: ReadonlyArray<string>
  readonly start: StartAt
  readonly stop: StopAt | null
  readonly pull: PullSettings
  readonly poison: PoisonPolicy | null
}

/** What of a split is this source's own: plain data. */
interface QueueDetail {
  readonly created: string
  readonly consumer: string
  readonly filter: string | null
  /** The last sequence to read; null: without end. */
  readonly end: number | null
}

export const queueSplits = async (
  place: DurablePlace,
  info: StreamInfo,
  plan: QueuePlan,
  toEnd: boolean,
): Promise<ReadonlyArray<Split>> => {
  const { consumer } = place.settings
  const filters = plan.filters.length === 0 ? [null] : plan.filters
  const splits: Split[] = []
  for (const [i, filter] of filters.entries()) {
    const name = filters.length === 1 ? consumer : `${consumer}-${i + 1}`
    await durableConsumer(place, name, filter, plan.start._tag === 'New')
    // Only a read of what is new waits for as many as it counts.
    const isBounded = plan.stop !== null && plan.start._tag !== 'New'
    const end = toEnd || plan.stop?._tag === 'End' || isBounded ? info.state.last_seq : null
    const detail: QueueDetail = { created: info.created, consumer: name, filter, end }
    const count = plan.stop?._tag === 'Count' ? plan.stop.count : null
    splits.push({ id: `consumer-${name}`, range: { from: 1, to: null }, count, detail, divisible: false })
  }
  return splits
}

/** For a run that ends at what is there now. */
export const endedQueueSplit = (split: Split, info: StreamInfo, label: string): Split => {
  const detail = queueDetailOf(split, label)
  return detail.end === null ? { ...split, detail: { ...detail, end: info.state.last_seq } satisfies QueueDetail } : split
}

export const openQueue = async (
  place: DurablePlace,
  context: HostContext,
  plan: QueuePlan,
  split: Split,
  progress: SplitProgress,
): Promise<QueueReader> => {
  const { created, consumer, filter, end } = queueDetailOf(split, place.label)
  requireSameSubjects(plan, filter)
  await persistently({ what: place.label, signal: context.signal, link: place.link }, () =>
    requireUnread(place, consumer, plan.pull.expiresMs, context.signal),
  )
  const reader = new QueueReader({
    ...place,
    context,
    split: split.id,
    pull: plan.pull,
    poison: plan.poison,
    created,
    name: consumer,
    filter,
    end,
    count: split.count === null ? null : split.count - progress.claimed,
    position: progress.last ?? 0,
    handedOn: handedOnIn(progress.note),
    tried: triedIn(progress.note),
  })
  return begun(reader)
}

/** How long a start waits for confirmations: what is not confirmed by then is dropped when it is delivered again, and acknowledged then. */
const recommitMs = 10_000

/**
 * Acknowledges what a checkpoint holds, by the sequences alone: the process that wrote it may have died before it did. Rejects where the stream
 * is not the one that was read.
 */
export const recommitQueue = async (
  { link, stream, label }: DurablePlace,
  context: HostContext,
  split: Split,
  progress: SplitProgress,
): Promise<void> => {
  const { created, consumer } = queueDetailOf(split, label)
  const place = { link, stream, label, name: consumer }
  const failures: Error[] = []
  const acknowledgments = new Acknowledgments({
    ...place,
    lease: context.lease,
    ackWaitMs: recommitMs,
    delivered: () => [],
    onFailure: error => failures.push(error),
  })
  try {
    const suspension = acknowledgments.suspend()
    const handedOn = handedOnIn(progress.note)
    const known = handedOn.lastKnown
    const found = await infoReaching(link, stream, label, handedOn.last)
    requireSameQueue(found, { stream, label, created, last: handedOn.last })
    if (known !== null) await compareHistory(place, found, known)
    const info = await consumerInfo(link, stream, consumer)
    if (info === null || info.num_ack_pending === 0) return
    handedOn.raise(info.ack_floor.stream_seq)
    const unacknowledged = [...handedOn.above()].map(sequence => ({
      sequence,
      at: handedOn.known(sequence).smallest,
      reply: replyFor(place, sequence, 0),
    }))
    await requireAcknowledgeable(link, place, context.signal)
    await acknowledgments.resume(suspension)
    await Promise.race([acknowledgments.acknowledge(unacknowledged), sleep(recommitMs, context.signal)])
    const [failure] = failures
    if (failure !== undefined) throw failure
    if (acknowledgments.unconfirmed > 0)
      context.log('warn', `${label}: ${acknowledgments.unconfirmed} acknowledgments of an earlier run are not confirmed yet`)
  } finally {
    acknowledgments.close()
  }
}

const queueDetailOf = (split: Split, label: string): QueueDetail => {
  const { detail } = split
  if (typeof detail === 'object' && detail !== null && 'consumer' in detail) return detail as QueueDetail
  throw new JetStreamIOError(
    'InvalidOptions',
    `${label}: the checkpoint has this read by position, without acknowledgments. Leave acknowledge out, or start a new run.`,
  )
}

const requireSameSubjects = ({ filters, label }: QueuePlan, filter: string | null): void => {
  if (filter === null ? filters.length === 0 : filters.includes(filter)) return
  throw new JetStreamIOError(
    'InvalidOptions',
    `${label}: the checkpoint has a consumer of ${filter ?? 'all subjects'}, which this read no longer names: what it has delivered would be left behind. Name the same subjects, or start a new run, under another job name and with another consumer.`,
  )
}

/** Throws where the stream's retention does not go with what is asked for. */
export const requireRetention = ({ config }: StreamInfo, { stream, label, start }: QueuePlan, settings: ConsumerSettings | null): void => {
  const { retention } = config
  const refuse = (why: string): never => {
    throw new JetStreamIOError('UnsupportedRetention', `${label}: the stream ${stream} has ${retention} retention, ${why}`)
  }
  if (settings === null) {
    if (retention === 'limits') return
    return refuse(
      "which erases what is acknowledged, so it cannot be read by position. Give the read acknowledge: Acknowledge.onCheckpoint and a consumer's name.",
    )
  }
  if (retention === 'limits')
    return refuse('whose messages stay, so that it is read by position, which is faster. Leave acknowledge and consumer out.')
  if (retention === 'workqueue' && start._tag === 'New')
    return refuse(
      'whose consumers get all that is there: it cannot start at what is new (StartAt.onlyNew). Leave start out, or purge the stream.',
    )
  if (retention === 'interest' && settings.inactiveMs !== null)
    return refuse(
      'which erases what no consumer is interested in: a consumer that the server forgets while nobody asks would take with it what it had yet to deliver. Leave inactiveThreshold out.',
    )
}

export const queueGuarantee = (label: string, link: Link, retention: string): string =>
  `${label}: exactly once by acknowledgments. What is handed on is acknowledged, and that confirmed, behind a checkpoint that holds what follows from it; what is delivered again until then is dropped (${retention} retention, ${link.address}).`
