// What checkpoints hold of a destination: by which protocol it is written to, and where it stood.

import { field, isCount } from './fields.ts'

/** The way that outputs take into one stream. `unnamed` is at least once. */
export type Way = 'messageIds' | 'chain' | 'atomicBatch' | 'unnamed' | 'atMostOnce'

export interface MarkerPlace {
  readonly subject: string
  /** Where the marker lay. */
  readonly sequence: number
}

/** A message of a destination. */
export interface Newest {
  readonly sequence: number
  /** When it was stored, in milliseconds. */
  readonly at: number
}

/** Of one stream. */
export interface Position {
  /** What has no names is as good as new to who names them. */
  readonly _tag: Exclude<Way, 'unnamed'>
  readonly created: string
  /** Nothing that is published from here on is stored at or before this sequence. */
  readonly lastSequence: number
  /** The newest message that the stream is known to have had; absent where no time stamp is known. */
  readonly newest?: Newest | undefined
  /** Of atomic batches, by task. */
  readonly markers?: Readonly<Record<string, MarkerPlace>> | undefined
}

/** Of several. */
interface Positions {
  readonly _tag: 'streams'
  readonly streams: Readonly<Record<string, Position>>
}

const ways: ReadonlyArray<unknown> = ['messageIds', 'chain', 'atomicBatch', 'atMostOnce'] satisfies ReadonlyArray<Position['_tag']>

export const isPosition = (value: unknown): value is Position =>
  ways.includes(field(value, '_tag')) &&
  typeof field(value, 'created') === 'string' &&
  isCount(field(value, 'lastSequence')) &&
  ['sequence', 'at'].every(key => isCount(field(field(value, 'newest') ?? { sequence: 0, at: 0 }, key))) &&
  valuesOf(field(value, 'markers') ?? {}).every(place => typeof field(place, 'subject') === 'string' && isCount(field(place, 'sequence')))

const isPositions = (value: unknown): value is Positions =>
  field(value, '_tag') === 'streams' && valuesOf(field(value, 'streams')).every(isPosition)

/** Of a record; what is none has a value that is none. */
const valuesOf = (record: unknown): ReadonlyArray<unknown> =>
  typeof record === 'object' && record !== null ? Object.values(record) : [undefined]

/** What `recorded` says of one stream; `recorded` itself where it is of one alone. */
export const ofStream = (recorded: unknown, stream: string): unknown =>
  isPositions(recorded) ? (field(recorded.streams, stream) ?? null) : (recorded ?? null)

export const ofStreams = (streams: Positions['streams']): Positions => ({ _tag: 'streams', streams })

/** Sequences only grow, so the lowest is behind all that any of them published since. Each has markers of its own. */
const earliestOf = (positions: ReadonlyArray<Position>): Position | null => {
  const [first, ...others] = [...positions].sort((a, b) => a.lastSequence - b.lastSequence)
  if (first === undefined) return null
  if (first._tag !== 'atomicBatch') {
    const [newest] = positions.flatMap(position => position.newest ?? []).sort((a, b) => b.sequence - a.sequence)
    return newest === undefined ? first : { ...first, newest }
  }
  return { ...first, markers: [first, ...others].reduce<Position['markers']>((all, { markers }) => ({ ...all, ...markers }), {}) }
}

export const earliest = (positions: ReadonlyArray<unknown>): unknown => {
  const several = positions.filter(isPositions)
  if (several.length === 0) return earliestOf(positions.filter(isPosition))
  const streams = new Set(several.flatMap(it => Object.keys(it.streams)))
  const entries = [...streams].flatMap(stream => {
    const position = earliestOf(several.flatMap(it => it.streams[stream] ?? []))
    return position === null ? [] : [[stream, position] as const]
  })
  return ofStreams(Object.fromEntries(entries))
}
