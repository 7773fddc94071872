// A source that plays a script: elements, watermarks and processing time, in the order in which a test wants them to happen.
import * as E from 'fp-ts/lib/Either.js'
import type { Coder } from '../coders/index.ts'
import { erasedCoder } from '../graph/erased.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import { type Duration, Instant } from '../model/time.ts'
import type { ReadBatch, Source, Split, SplitProgress, SplitReader } from '../splittable/source.ts'

/**
 * One thing that happens in a {@link TestStream}: elements come, the watermark moves, or processing time does (Beam's TestStream.Event).
 */
export type TestEvent<A> =
  | { readonly _tag: 'Elements'; readonly elements: ReadonlyArray<readonly [at: Instant, a: A]> }
  | { readonly _tag: 'Watermark'; readonly to: Instant }
  | { readonly _tag: 'ProcessingTime'; readonly by: Duration }

/** What the reader hands over: the coder's bytes, and when it happened. */
interface Written {
  readonly at: Instant
  readonly bytes: Uint8Array
}

/** Where a script stands. Plain data: a checkpoint keeps it. */
interface Note {
  /** The event that comes next, and how many of its elements were handed over. */
  readonly event: number
  readonly elements: number
  /** Of processing time. */
  readonly elapsedMs: number
}

const begins: Note = { event: 0, elements: 0, elapsedMs: 0 }
// Only `read` below writes notes, and nobody else's come back to it.
const noteOf = (note: unknown): Note => (note as Note | null) ?? begins

const infinity: TestEvent<never> = Object.freeze({ _tag: 'Watermark', to: Instant.max })

const sourceOf = (events: ReadonlyArray<TestEvent<Uint8Array>>): Source<Written> => {
  const count = events.reduce((sum, event) => sum + (event._tag === 'Elements' ? event.elements.length : 0), 0)
  const split: Split = { id: '0', range: { from: 0, to: null }, count, detail: null }
  return {
    urn: 'beam:transform:teststream:v1',
    label: 'TestStream',
    isBounded: false,
    identity: { events: events.length, elements: count },
    replayable: true,
    connect: () =>
      Promise.resolve({
        resolve: () => Promise.resolve([split]),
        open: (_, progress) => Promise.resolve(readerOf(events, progress)),
        scriptedMs: note => noteOf(note).elapsedMs,
        guarantee: () => 'events of the test itself: played again from the one in the checkpoint',
        close: () => Promise.resolve(),
      }),
  }
}

const readerOf = (events: ReadonlyArray<TestEvent<Uint8Array>>, progress: SplitProgress): SplitReader<Written> => {
  let note = noteOf(progress.note)
  let position = progress.last === null ? 0 : progress.last + 1
  const read = (most: number): ReadBatch<Written> | null => {
    const event = events[note.event]
    if (event === undefined) return null
    const next = { ...note, event: note.event + 1, elements: 0 }
    const nothing = { values: [], positions: [], bytes: 0 }
    switch (event._tag) {
      case 'Watermark':
        return { ...nothing, note: next, watermark: event.to }
      case 'ProcessingTime':
        return { ...nothing, note: { ...next, elapsedMs: note.elapsedMs + event.by } }
      case 'Elements': {
        const from = note.elements
        const elements = event.elements.slice(from, from + most)
        return {
          values: elements.map(([at, bytes]) => ({ at, bytes })),
          positions: elements.map((_, i) => position + i),
          bytes: elements.reduce((sum, [, bytes]) => sum + bytes.length, 0),
          note: from + elements.length < event.elements.length ? { ...note, elements: from + elements.length } : next,
        }
      }
    }
  }
  return {
    poll: most => {
      const batch = read(most)
      if (batch === null) return null
      note = noteOf(batch.note)
      position += batch.values.length
      return batch
    },
    status: () => {
      if (note.event >= events.length) return { _tag: 'done' }
      // Between two events nothing is on its way: the next one comes when the rest of the run has nothing left to do.
      return note.event > 0 && note.elements === 0 ? { _tag: 'idle', since: TestStream.startsAt + note.elapsedMs } : { _tag: 'reading' }
    },
    lag: () => events.length - note.event,
    onChange: () => undefined,
    truncate: () => undefined,
    close: () => Promise.resolve(),
  }
}

const decoding =
  <A>(coder: Coder<A>) =>
  ({ bytes }: Written): A => {
    const decoded = coder.decode(bytes)
    if (E.isRight(decoded)) return decoded.right
    throw new TypeError(`TestStream: the coder does not read what it wrote: ${decoded.left.reason}`)
  }

const of = <A>(coder: Coder<A>, ...events: ReadonlyArray<TestEvent<NoInfer<A>>>): PCollection<A> => {
  refuseDisorder(events)
  const written = [...events, infinity].map((event): TestEvent<Uint8Array> =>
    event._tag === 'Elements' ? { ...event, elements: event.elements.map(([at, a]) => [at, coder.encode(a)] as const) } : event,
  )
  const read = apply<A>(
    {
      _tag: 'Read',
      source: sourceOf(written),
      decode: decoding(coder),
      timestamp: (_: A, { at }: Written) => at,
      movesWatermark: () => false,
      watermark: { _tag: 'WatermarkPolicy', outOfOrdernessMs: 0, idleAfterMs: null },
    },
    [],
    { kind: 'TestStream' },
  )
  // So that a coder of pairs gives the keys behind it their coder.
  return apply<A>({ _tag: 'WithCoder', coder: erasedCoder(coder) }, [read], { kind: 'TestStream.coder' })
}

/** Watermarks never go back, and nothing comes behind the end of time. */
const refuseDisorder = (events: ReadonlyArray<TestEvent<unknown>>): void => {
  let watermark: Instant = Instant.min
  for (const [i, event] of events.entries()) {
    if (watermark === Instant.max && event._tag !== 'ProcessingTime')
      throw new RangeError(`TestStream.of: event ${i} comes after the watermark has gone to infinity: put it before`)
    if (event._tag !== 'Watermark') continue
    if (event.to < watermark)
      throw new RangeError(`TestStream.of: event ${i} takes the watermark from ${watermark} back to ${event.to}: it only rises`)
    watermark = event.to
  }
}

/**
 * A collection that is made before the test's eyes, event by event (Beam's TestStream). It is unbounded; its watermark stands where the
 * script puts it, at first before all time, so that an element behind it is late.
 *
 * The next event happens when the run has nothing left to do: what came before has gone through all of the pipeline, asynchronous calls
 * included. In a pipeline that holds a TestStream, processing time is not the machine's: it begins at `startsAt` and moves by
 * `advanceProcessingTime` alone; triggers and timers that become due fire one after another, each at its own time, before the next event.
 * Several streams in one pipeline take turns, an event each. After its last event a stream takes its watermark to infinity by itself.
 *
 * Elements go through the coder. `of` throws a RangeError for a watermark that goes back and for what comes after infinity, and the
 * coder's EncodeError.
 *
 * @example
 * TestStream.of(
 *   Coder.string,
 *   TestStream.elements([1_000, 'a'], [2_000, 'b']),
 *   TestStream.advanceProcessingTime(seconds(10)),
 *   TestStream.advanceWatermarkTo(60_000),
 *   TestStream.elements([3_000, 'late']),
 *   TestStream.advanceWatermarkToInfinity,
 * ) // => 'a', 'b', 'late'
 * Instant.toIso(TestStream.startsAt) // => '2000-01-01T00:00:00.000Z'
 */
export const TestStream = Object.freeze({
  of,
  /** Elements with their event times, in milliseconds since 1970. They may come to a transform in one bundle or in several. */
  elements: <A>(...as: ReadonlyArray<readonly [atMillis: number, a: A]>): TestEvent<A> =>
    Object.freeze({ _tag: 'Elements', elements: as.map(([at, a]) => [Instant.ofMillis(at), a] as const) }),
  /** To a point of event time, in milliseconds since 1970. */
  advanceWatermarkTo: (atMillis: number): TestEvent<never> => Object.freeze({ _tag: 'Watermark', to: Instant.ofMillis(atMillis) }),
  /** By a length of time above 0; a RangeError otherwise. */
  advanceProcessingTime: (by: Duration): TestEvent<never> => {
    if (!(by > 0)) throw new RangeError(`TestStream.advanceProcessingTime: time moves by more than 0 ms, and ${by} is not`)
    return Object.freeze({ _tag: 'ProcessingTime', by })
  },
  /** Nothing comes after it. */
  advanceWatermarkToInfinity: infinity,
  /** Where processing time begins: 2000-01-01T00:00Z. */
  startsAt: Instant.ofMillis(946_684_800_000),
})
