// The splits of a read: starts and ends resolved against the stream as it is now, once in the life of a run.
import { clockSkewMs } from './clock-skew.ts'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Split } from '../../sdk/splittable/source.ts'
import type { Link } from './connections.ts'
import type { ErasedPolicy } from './erased.ts'
import { JetStreamIOError } from './errors.ts'
import { lastTimeOf } from './history.ts'
import { type HashPart, splitsByHash } from './hash-splits.ts'
import type { SplitBy, StartAt, StopAt } from './read-options.ts'
import { newestOfSubjects } from './newest-of-subjects.ts'
import type { SplitDetail } from './split-detail.ts'
import { type Look, type StreamEvidence, evidenceOf } from './stream-evidence.ts'
import { filtersIn } from './stream-info.ts'
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

interface Place {
  readonly link: Link
  readonly context: HostContext
  readonly evidence: StreamEvidence
  readonly look: Look
}

/** Whether the splits depend on where the stream ends, which a former leader would not know. */
const needsEnd = ({ start, stop }: ReadPlan, toEnd: boolean): boolean =>
  toEnd || stop !== null || start._tag === 'New' || start._tag === 'LastPerSubject' || start._tag === 'Time'

export const resolveSplits = async (link: Link, context: HostContext, plan: ReadPlan, toEnd: boolean): Promise<ReadonlyArray<Split>> => {
  const { stream, label } = plan
  const evidence = evidenceOf(link, stream)
  const look = needsEnd(plan, toEnd) ? await evidence.settledLook(label, context.signal) : await evidence.look(label)
  const place: Place = { link, context, evidence, look }
  const { info, last } = look
  const end = last + 1
  const { created } = info
  const listed =
    plan.start._tag === 'LastPerSubject'
      ? await newestOfSubjects({ link, context, stream, label, created, filters: filtersIn(info, plan.filters), last })
      : null
  const from = listed === null ? await startOf(place, plan) : (listed[0] ?? end)
  const { to, untilMs, count } = await stopOf(place, plan, toEnd)
  const detail: SplitDetail = {
    created,
    lastSequence: last,
    lastAt: lastTimeOf(info),
    ...(plan.start._tag === 'Time' ? { sinceMs: plan.start.time } : {}),
    untilMs,
    list: listed === null ? null : deltas(listed),
  }
  const { splitBy } = plan
  const whole = { from, to: to === null ? null : Math.max(from, to) }
  if (splitBy?._tag === 'Subject') return splitsBySubject(link, plan, whole, detail, look)
  if (splitBy?._tag === 'Hash') return splitsByHash(splitBy.parts, splitBy.tokens, whole, detail)
  const splittable = count === null && listed === null && (untilMs === null || to !== null)
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

const startOf = async (place: Place, plan: ReadPlan): Promise<number> => {
  const { info } = place.look
  const { start, label, stream } = plan
  switch (start._tag) {
    case 'All':
    case 'LastPerSubject':
      return Math.max(1, info.state.first_seq)
    case 'New':
      return info.state.last_seq + 1
    case 'Time':
      return sequenceAt(place, label, start.time - clockSkewMs)
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
  place: Place,
  plan: ReadPlan,
  toEnd: boolean,
): Promise<{ readonly to: number | null; readonly untilMs: number | null; readonly count: number | null }> => {
  const end = place.look.last + 1
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
      // Leaders' clocks differ: what is published a little later may be dated before it.
      const isPast = stop.time + clockSkewMs <= place.look.at
      if (!isPast && !toEnd) return { to: null, untilMs: stop.time, count: null }
      return { to: isPast ? await sequenceAt(place, plan.label, stop.time + clockSkewMs) : end, untilMs: stop.time, count: null }
    }
  }
}

/** The first sequence published at `time` or later, or one past the end, as far as stamps ascend. The leader is asked for single messages. */
const sequenceAt = async ({ evidence, context, look }: Place, label: string, time: number): Promise<number> => {
  const { created } = look.info
  let low = Math.max(1, look.info.state.first_seq)
  let high = look.last + 1
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2)
    const found = await evidence.first({ from: middle, to: high, filters: ['>'], created }, label, context.signal)
    if (found === null || found.publishedAt >= time) high = middle
    else low = found.sequence + 1
  }
  return low
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
