// Where a read begins and ends, how it is split and how event time follows it, as a word in a text.
import { type Duration, Instant, days, millis } from '../../sdk/model/time.ts'
import { Watermark, type WatermarkPolicy } from '../../sdk/splittable/watermark-policy.ts'
import { accept, choice, duration, durationText, quoted, refuse } from '../settings/kinds.ts'
import type { Kind } from '../settings/schema.ts'
import { Acknowledge, type AcknowledgePolicy } from './acknowledge.ts'
import { defaultDiscoverMs, mostParts, SplitBy, StartAt, StopAt } from './read-options.ts'
import { field } from './fields.ts'
import { Erased, type ErasedPolicy } from './erased.ts'
import { Poison, type PoisonPolicy } from './poison.ts'

/** `sequence:1000` as its word and what follows. */
const wordsOf = (value: unknown): readonly [string, string] | null => {
  if (typeof value !== 'string') return null
  const colon = value.indexOf(':')
  return colon < 0 ? [value, ''] : [value.slice(0, colon), value.slice(colon + 1)]
}

const zoned = /^(?:\d{4}|[+-]\d{6})-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/

/** A Date goes no further than this many milliseconds; an Instant does. */
const lastDate = 8.64e15

const timeText = (time: number): string => (Math.abs(time) <= lastDate ? new Date(time).toISOString() : `${time}ms`)

const timeIn = (iso: string): Instant | null => {
  if (/^-?\d{1,16}ms$/.test(iso)) return Instant.ofMillis(Number(iso.slice(0, -2)))
  const parsed = zoned.test(iso) ? Instant.parse(iso) : null
  return parsed?._tag === 'Right' ? parsed.right : null
}

const numberIn = (digits: string): number | null => {
  const n = /^\d+$/.test(digits) ? Number(digits) : 0
  return Number.isSafeInteger(n) && n >= 1 ? n : null
}

/** A value that code made, as a text has it; what is none stays what it is. */
const startText = (value: unknown): unknown => {
  const [tag, sequence, time, count] = ['_tag', 'sequence', 'time', 'count'].map(key => field(value, key))
  if (tag === 'All') return 'all'
  if (tag === 'New') return 'new'
  if (tag === 'LastPerSubject') return 'lastPerSubject'
  if (tag === 'End') return 'end'
  if (tag === 'Sequence') return `sequence:${String(sequence)}`
  if (tag === 'Count') return `count:${String(count)}`
  if (tag === 'Time' && typeof time === 'number') return `time:${timeText(time)}`
  return value
}

const position = <A>(says: string, of: (word: string, rest: string) => A | null): Kind<A> => ({
  says,
  accept: given => {
    const value = startText(given)
    const words = wordsOf(value)
    const found = words === null ? null : of(...words)
    return found === null ? refuse(`${quoted(value)} is not ${says}`) : accept(found, String(startText(found)))
  },
})

const ifThere = <A, B>(a: A | null, f: (a: A) => B): B | null => (a === null ? null : f(a))

export const startAt = position<StartAt>('all, new, lastPerSubject, sequence:N or time:2026-01-31T12:00:00Z', (word, rest) => {
  if (word === 'sequence') return ifThere(numberIn(rest), StartAt.sequence)
  if (word === 'time') return ifThere(timeIn(rest), StartAt.time)
  if (rest !== '') return null
  return word === 'all' ? StartAt.all : word === 'new' ? StartAt.onlyNew : word === 'lastPerSubject' ? StartAt.lastPerSubject : null
})

export const stopAt = position<StopAt>('end, sequence:N, time:2026-01-31T12:00:00Z or count:N', (word, rest) => {
  if (word === 'sequence') return ifThere(numberIn(rest), StopAt.sequence)
  if (word === 'time') return ifThere(timeIn(rest), StopAt.time)
  if (word === 'count') return ifThere(numberIn(rest), StopAt.count)
  return word === 'end' && rest === '' ? StopAt.end : null
})

const anyDuration = duration(millis(0), days(36_500))

const durationIn = (value: string): Duration | null => {
  const accepted = anyDuration.accept(value)
  return accepted._tag === 'Right' ? accepted.right.value : null
}

const watermarkText = (value: unknown): unknown => {
  const [tag, outOfOrder, idle] = ['_tag', 'outOfOrdernessMs', 'idleAfterMs'].map(key => field(value, key))
  if (tag !== 'WatermarkPolicy' || typeof outOfOrder !== 'number') return value
  const bound = outOfOrder === 0 && idle === null ? 'monotonic' : `outOfOrder:${durationText(outOfOrder)}`
  return typeof idle === 'number' ? `${bound},idle:${durationText(idle)}` : bound
}

export const watermark: Kind<WatermarkPolicy> = {
  says: 'monotonic, outOfOrder:10s or outOfOrder:10s,idle:1m',
  accept: given => {
    const value = watermarkText(given)
    const no = refuse(`${quoted(value)} is not ${watermark.says}`)
    if (typeof value !== 'string') return no
    if (value === 'monotonic') return accept(Watermark.monotonic, value)
    const [, outOfOrder = '', idle] = /^outOfOrder:([^,]*)(?:,\s*idle:([^,]*))?$/.exec(value) ?? []
    const bound = durationIn(outOfOrder)
    const idleAfter = idle === undefined ? undefined : durationIn(idle)
    if (bound === null || idleAfter === null) return no
    const policy = Watermark.boundedOutOfOrderness(bound, { idleAfter })
    return accept(policy, String(watermarkText(policy)))
  },
}

const splitByText = (value: unknown): unknown => {
  const [tag, every, parts, tokens] = ['_tag', 'discoverEveryMs', 'parts', 'tokens'].map(key => field(value, key))
  if (tag === 'Hash' && Array.isArray(tokens)) return `hash:${String(parts)}${tokens.length === 0 ? '' : `,tokens:${tokens.join(' ')}`}`
  if (tag !== 'Subject' || typeof every !== 'number') return value
  return every === defaultDiscoverMs ? 'subject' : `subject,every:${durationText(every)}`
}

export const splitBy: Kind<SplitBy> = {
  says: 'subject, subject,every:5s, hash:4 or hash:4,tokens:2 3',
  accept: given => {
    const value = splitByText(given)
    const no = refuse(`${quoted(value)} is not ${splitBy.says}`)
    const [hash, parts = '', tokens] = typeof value === 'string' ? (/^hash:([^,]*)(?:,\s*tokens:(.*))?$/.exec(value) ?? []) : []
    if (hash !== undefined) return ifThere(hashOf(parts, tokens), by => accept(by, String(splitByText(by)))) ?? no
    const [found, every] = typeof value === 'string' ? (/^subject(?:,\s*every:(.*))?$/.exec(value) ?? []) : []
    if (found === undefined) return no
    const discoverEvery = every === undefined ? undefined : durationIn(every)
    if (discoverEvery === null || discoverEvery === 0) return no
    const by = SplitBy.subject({ discoverEvery })
    return accept(by, String(splitByText(by)))
  },
}

const hashOf = (parts: string, tokens: string | undefined): SplitBy | null => {
  const count = numberIn(parts)
  const positions = tokens === undefined ? [] : tokens.split(' ').map(numberIn)
  if (count === null || count > mostParts || positions.includes(null)) return null
  return SplitBy.hash({ parts: count, tokens: positions.filter(position => position !== null) })
}

const erasedName = choice('fail', 'skip')

export const erased: Kind<ErasedPolicy> = {
  says: erasedName.says,
  accept: value => {
    const named = erasedName.accept(field(value, '_tag') ?? value)
    return named._tag === 'Left' ? named : accept(Erased[named.right.value], named.right.shown)
  },
}

const poisonText = (value: unknown): unknown => {
  const [tag, attempts, delay] = ['_tag', 'attempts', 'delayMs'].map(key => field(value, key))
  if (typeof tag !== 'string' || typeof attempts !== 'number' || typeof delay !== 'number') return value
  return `${tag},attempts:${attempts}${delay === 0 ? '' : `,delay:${durationText(delay)}`}`
}

export const poison: Kind<PoisonPolicy> = {
  says: 'deadLetter,attempts:5,delay:10s or terminate,attempts:5,delay:10s',
  accept: given => {
    const value = poisonText(given)
    const no = refuse(`${quoted(value)} is not ${poison.says}`)
    if (typeof value !== 'string') return no
    const [found, tag, n, pause] = /^(deadLetter|terminate)(?:,\s*attempts:(\d+))?(?:,\s*delay:([^,]*))?$/.exec(value) ?? []
    if (found === undefined) return no
    const attempts = n === undefined ? undefined : Number(n)
    const delay = pause === undefined ? undefined : durationIn(pause)
    if (delay === null || (attempts !== undefined && !(Number.isSafeInteger(attempts) && attempts >= 2))) return no
    const policy = Poison[tag === 'terminate' ? 'terminate' : 'deadLetter']({ attempts, delay })
    return accept(policy, String(poisonText(policy)))
  },
}

const acknowledgeName = choice('none', 'onCheckpoint')

export const acknowledge: Kind<AcknowledgePolicy> = {
  says: acknowledgeName.says,
  accept: value => {
    const given = field(value, '_tag') ?? value
    if (given === 'manual')
      return refuse(
        '"manual" would lose what is acknowledged before its checkpoint, and behind one it is onCheckpoint: that is what this takes',
      )
    const named = acknowledgeName.accept(given)
    return named._tag === 'Left' ? named : accept(Acknowledge[named.right.value], named.right.shown)
  },
}
