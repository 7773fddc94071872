// The splits of a read: starts and ends resolved against the stream as it is now, once in the life of a run.
import type { StreamInfo } from '@nats-io/jetstream'
import type { Split } from '../../sdk/splittable/source.ts'
import type { Link } from './connections.ts'
import { consumerFromTime, consumerOfLast, forgetConsumer } from './ephemeral-consumer.ts'
import type { ErasedPolicy } from './erased.ts'
import { JetStreamIOError } from './errors.ts'
import { type HashPart, splitsByHash } from './hash-splits.ts'
import type { SplitBy, StartAt, StopAt } from './read-options.ts'
import type { SplitDetail } from './split-detail.ts'
import { splitsBySubject } from './subject-splits.ts'

export interface ReadPlan {
  readonly stream: string
  readonly label: string
  readonly filters: ReadonlyArray<string>
  readonly start: StartAt
  readonly stop: StopAt | null
  readonly splits: number
  readonly splitBy: SplitBy | null
  readonly erased: ErasedPolicy
}

export const resolveSplits = async (link: Link, info: StreamInfo, plan: ReadPlan, toEnd: boolean): Promise<ReadonlyArray<Split>> => {
  const end = info.state.last_seq + 1
  const listed = plan.start._tag === 'LastPerSubject' ? await lastPerSubject(link, info, plan.filters) : null
  const from = listed === null ? await startOf(link, info, plan) : (listed[0] ?? end)
  const { to, untilMs, count } = await stopOf(link, info, plan, toEnd)
  const detail: SplitDetail = {
    created: info.created,
    lastSequence: info.state.last_seq,
    untilMs,
    list: listed === null ? null : deltas(listed),
  }
  const { splitBy } = plan
  const whole = { from, to: to === null ? null : Math.max(from, to) }
  if (splitBy?._tag === 'Subject') return splitsBySubject(link, plan, whole, detail)
  if (splitBy?._tag === 'Hash') return splitsByHash(splitBy.parts, splitBy.tokens, whole, detail)
  const splittable = count === null && listed === null && untilMs === null
  return ranges(whole, splittable ? plan.splits : 1, end).map((range, i) => ({
    id: `range-${i}`,
    range,
    count,
    detail,
    // Whoever asks for one split wants its order.
    divisible: splittable && plan.splits > 1 && range.to !== null,
  }))
}

interface Range {
  readonly from: number
  readonly to: number | null
}

/** `end`: of what is there now. What comes behind it, in a read without an end, is one range. */
const ranges = ({ from, to }: Range, parts: number, end: number): ReadonlyArray<Range> => {
  if (to === null) {
    if (parts === 1 || from >= end) return [{ from, to }]
    return [...ranges({ from, to: end }, parts, end), { from: end, to }]
  }
  const n = Math.max(1, Math.min(parts, to - from))
  const cut = (i: number): number => from + Math.floor(((to - from) * i) / n)
  return Array.from({ length: n }, (_, i) => ({ from: cut(i), to: cut(i + 1) }))
}

const startOf = async (link: Link, info: StreamInfo, plan: ReadPlan): Promise<number> => {
  const { start, label, stream } = plan
  switch (start._tag) {
    case 'All':
    case 'LastPerSubject':
      return Math.max(1, info.state.first_seq)
    case 'New':
      return info.state.last_seq + 1
    case 'Time':
      return sequenceAt(link, info, start.time)
    case 'Sequence': {
      const first = info.state.first_seq
      if (start.sequence >= first) return start.sequence
      throw new JetStreamIOError(
        'MessagesErased',
        `${label}: the read starts at sequence ${start.sequence}, but the first that the stream ${stream} still has is ${first}. Start at StartAt.all to take what is there.`,
      )
    }
  }
}

const stopOf = async (
  link: Link,
  info: StreamInfo,
  plan: ReadPlan,
  toEnd: boolean,
): Promise<{ readonly to: number | null; readonly untilMs: number | null; readonly count: number | null }> => {
  const end = info.state.last_seq + 1
  // Only a read of what is new waits for it; any other ends at what is there, however little that is.
  const capped = (to: number): number => (plan.start._tag === 'New' && !toEnd ? to : Math.min(to, end))
  const open = plan.start._tag === 'New' && !toEnd ? null : end
  const stop = plan.stop
  if (stop === null) return { to: toEnd ? end : null, untilMs: null, count: null }
  switch (stop._tag) {
    case 'End':
      return { to: end, untilMs: null, count: null }
    case 'Sequence':
      return { to: capped(stop.sequence), untilMs: null, count: null }
    case 'Count':
      return { to: open, untilMs: null, count: stop.count }
    case 'Time': {
      const serverNow = info.ts === undefined ? Date.now() : Date.parse(info.ts)
      if (!toEnd && stop.time > serverNow) return { to: null, untilMs: stop.time, count: null }
      return { to: await sequenceAt(link, info, stop.time), untilMs: null, count: null }
    }
  }
}

/** The year 4707: later times are further than the server's clock can write. */
const latest = 8.64e13

/** The first sequence published at `time` or later, or one past the end: a consumer that starts there tells, without delivering anything. */
const sequenceAt = async (link: Link, info: StreamInfo, time: number): Promise<number> => {
  if (time <= 0) return Math.max(1, info.state.first_seq)
  const name = info.config.name
  const consumer = await link.jsm.consumers.add(name, consumerFromTime(Math.min(time, latest)))
  forgetConsumer(link, name, consumer.name)
  return Math.min(consumer.delivered.stream_seq + 1, info.state.last_seq + 1)
}

/** The newest sequence of each subject, up to the stream's end as `info` says, ascending. */
const lastPerSubject = async (link: Link, info: StreamInfo, filters: ReadonlyArray<string>): Promise<ReadonlyArray<number>> => {
  const name = info.config.name
  const sequences: number[] = []
  for (const filter of filters.length === 0 ? ['>'] : filters) {
    const consumer = await link.jsm.consumers.add(name, consumerOfLast(filter))
    let left = consumer.num_pending
    const live = await link.jsm.jetstream().consumers.get(name, consumer.name)
    while (left > 0) {
      let got = 0
      for await (const message of await live.fetch({ max_messages: Math.min(left, 1_000), expires: 4_000 })) {
        got++
        if (message.seq <= info.state.last_seq) sequences.push(message.seq)
      }
      if (got === 0) break
      left -= got
    }
    forgetConsumer(link, name, consumer.name)
  }
  return sequences.sort((a, b) => a - b)
}

const deltas = (sequences: ReadonlyArray<number>): ReadonlyArray<number> => sequences.map((s, i) => s - (sequences[i - 1] ?? 0))

/** How a read is split, as code says it; null: into nothing, or into ranges. */
const sayOf = (by: SplitBy | HashPart | 'subject' | null): string | null => {
  if (by === null) return null
  if (by === 'subject' || ('_tag' in by && by._tag === 'Subject')) return 'SplitBy.subject()'
  return `SplitBy.hash(${JSON.stringify({ parts: by.parts, tokens: by.tokens })})`
}

/** A position of one way to split is none of another. */
export const requireSameSplit = (label: string, splitBy: SplitBy | null, { subject, hash }: SplitDetail): void => {
  const before = sayOf(subject === undefined ? (hash ?? null) : 'subject')
  const now = sayOf(splitBy)
  // Of what was not split by subject, the look for subjects says more.
  if (before === now || splitBy?._tag === 'Subject') return
  const ways = before === null ? 'unsplit, or in ranges. Leave splitBy out' : `split by ${before}. Give it splitBy: ${before}`
  throw new JetStreamIOError('InvalidOptions', `${label}: the checkpoint has this read ${ways}, or start a new run.`)
}
