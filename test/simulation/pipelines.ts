// The pipeline of a scenario, written with the package's verbs; its ends are sources and sinks that the world plays.
import * as N from 'fp-ts/lib/number.js'
import * as O from 'fp-ts/lib/Option.js'
import { apply, leaf, type PDone } from '../../sdk/graph/pcollection.ts'
import type { OutputBatch, Sink } from '../../sdk/graph/sink.ts'
import {
  AfterCount,
  AfterWatermark,
  Combine,
  FixedWindows,
  Flatten,
  GlobalWindows,
  GroupByKey,
  Instant,
  IntervalWindow,
  KV,
  mergeOverlapping,
  OffsetRange,
  Splittable,
  type SplittableDoFn,
  WatermarkEstimator,
  millis,
  Partition,
  PCollection,
  pipe,
  Pipeline,
  Reify,
  Sessions,
  SlidingWindows,
  resumeAfter,
  stop,
  type Timestamped,
  View,
  Wait,
  Window,
  AfterAll,
  AfterAny,
  AfterEach,
  AfterProcessingTime,
  Never,
  OrFinally,
  Repeatedly,
  type Trigger,
  type Windowed,
  WindowFn,
} from '../../sdk/index.ts'
import { DefaultTrigger } from '../../sdk/model/trigger.ts'
import type { Source } from '../../sdk/splittable/source.ts'
import { atEven, atOdd, coarse, increment, isKept, part, partsOf, sideOf, tripled, twins } from './operations.ts'
import { stateful } from './stateful.ts'
import type { Event, Op, Scenario, SideShape, TriggerShape, WindowShape } from './scenario.ts'

/** What a sink gets of every element, as JSON. */
export interface Out {
  readonly key: unknown
  readonly value: unknown
  readonly window: readonly [start: number, end: number]
  readonly pane: {
    readonly timing: string
    readonly index: number
    readonly nonSpeculativeIndex: number
    readonly isFirst: boolean
    readonly isLast: boolean
  }
  readonly timestamp: number
}

/** What a pipeline meets outside of itself. */
export interface Outside {
  readonly source: (name: string) => Source<Event>['connect']
  readonly sink: (name: string) => Sink['connect']
  /** Of several threads at once; else checkpointed outputs are committed by one. */
  readonly parallel: boolean
  readonly earliest: Sink['earliest']
  /** When a call is answered, or a generator goes on. */
  readonly later: () => Promise<void>
  /** For what a generator decides. */
  readonly share: () => number
}

const read = (name: string, outOfOrdernessMs: number, outside: Outside): PCollection<Event> => {
  const it: Source<Event> = {
    urn: 'test:simulated',
    label: name,
    isBounded: true,
    identity: { name },
    replayable: true,
    connect: outside.source(name),
  }
  const watermark = { _tag: 'WatermarkPolicy', outOfOrdernessMs, idleAfterMs: null } as const
  return apply<Event>(
    { _tag: 'Read', source: it as Source, decode: (e: Event) => e, timestamp: (e: Event) => e.at, movesWatermark: null, watermark },
    [],
    { kind: 'read', name },
  )
}

const write =
  (name: string, immediate: boolean, outside: Outside) =>
  (pc: PCollection<Out>): PDone => {
    const encode = (out: Out, batch: OutputBatch): void => {
      const payload = new TextEncoder().encode(JSON.stringify(out))
      batch.destinations.push(name)
      batch.headers.push(null)
      batch.payloads.push(payload)
      batch.bytes += payload.length
    }
    const sink: Sink<Out> = {
      urn: 'test:simulated',
      label: name,
      identity: { name },
      delivery: 'exactlyOnce',
      immediate,
      parallel: outside.parallel,
      earliest: outside.earliest,
      needsDurableCheckpoints: true,
      encode,
      connect: outside.sink(name),
    }
    return leaf({ _tag: 'Write', sink }, pc, { kind: 'write', name })
  }

const answered = <A>(answer: (e: A) => A, outside: Outside): ((e: A) => Promise<A>) => {
  const f = async (e: A): Promise<A> => {
    await outside.later()
    return answer(e)
  }
  return f
}

const step =
  (op: Op, outside: Outside) =>
  (pc: PCollection<Event>): PCollection<Event> => {
    switch (op) {
      case 'increment':
        return pipe(
          pc,
          PCollection.map(e => increment(e)),
        )
      case 'dropThirds':
        return pipe(
          pc,
          PCollection.filter(e => isKept(e)),
        )
      case 'twice':
        return pipe(pc, PCollection.flatMap(twins))
      case 'diamond': {
        const { even, odd } = pipe(
          pc,
          Partition.by(['even', 'odd'], e => sideOf(e)),
        )
        return Flatten.of(
          pipe(
            even,
            PCollection.map(e => atEven(e)),
          ),
          pipe(
            odd,
            PCollection.map(e => atOdd(e)),
          ),
        )
      }
      case 'flattenSelf':
        return Flatten.of(pc, pc)
      case 'async':
        return asynchronously<Event>(pc, outside)
      case 'expand':
        return pipe(pc, Splittable.read(expansion(outside)))
      case 'nothing':
        return pc
    }
  }

const asynchronously = <A extends { readonly n: number }>(pc: PCollection<A>, outside: Outside): PCollection<A> => {
  const f = answered<A>(e => tripled(e), outside)
  return pipe(
    pc,
    PCollection.map(e => e),
    pc2 =>
      apply<A>(
        { _tag: 'MapAsync', f, onRejected: 'end', concurrency: 3, timeoutMs: 100_000, ordered: false, retry: null, client: null },
        [pc2],
        {
          kind: 'mapAsync',
        },
      ),
  )
}

/** Its generator claims, waits, yields, puts aside and stops as the world likes. */
const expansion = (outside: Outside): SplittableDoFn<Event, OffsetRange, number, unknown, Event> => ({
  restriction: OffsetRange,
  watermark: WatermarkEstimator.monotonic,
  isBounded: true,
  initial: e => OffsetRange.of(0, partsOf(e)),
  initialSplit: (_, { from, to }, desired) => {
    const middle = Math.floor((from + to) / desired)
    return desired === 1 || middle === from ? [{ from, to }] : [OffsetRange.of(from, middle), OffsetRange.of(middle, to)]
  },
  process: async function* (e, tracker) {
    let pending: Timestamped<Event>[] = []
    for (let position = tracker.restriction.from; ; position++) {
      if (outside.share() < 0.4) await outside.later()
      if (pending.length > 0 && outside.share() < 0.5) {
        yield pending
        pending = []
      }
      const puts = outside.share() < 0.1
      if (puts || !tracker.tryClaim(position)) {
        if (pending.length > 0) yield pending
        return puts ? resumeAfter(millis(Math.floor(outside.share() * 30))) : stop
      }
      const event = part(e, position)
      pending.push({ value: event, timestamp: Instant.ofMillis(event.at) })
    }
  },
})

interface Summed {
  readonly key: unknown
  readonly n: number
}
/** Behind the first grouping: on each result. */
const between =
  (op: Op, outside: Outside) =>
  (pc: PCollection<Summed>): PCollection<Summed> => {
    switch (op) {
      case 'async':
        return asynchronously<Summed>(pc, outside)
      case 'diamond': {
        const { even, odd } = pipe(
          pc,
          Partition.by(['even', 'odd'], e => sideOf(e)),
        )
        return Flatten.of(
          pipe(
            even,
            PCollection.map(e => e),
          ),
          pipe(
            odd,
            PCollection.map(e => e),
          ),
        )
      }
      default:
        return pc
    }
  }

const windowFnOf = (shape: WindowShape, custom: boolean): WindowFn => {
  switch (shape._tag) {
    case 'Global':
      return GlobalWindows
    case 'Fixed':
      return FixedWindows.of(millis(shape.size))
    case 'Sliding':
      return SlidingWindows.of(millis(shape.size), { every: millis(shape.every) })
    case 'Sessions':
      return custom ? sessionsByHand(shape.gap) : Sessions.withGap(millis(shape.gap))
  }
}

/** Sessions as a user would write them: the engine then knows nothing of overlaps. */
const sessionsByHand = (gap: number): WindowFn =>
  WindowFn.merging({ name: 'sessions', assign: (_, at) => [IntervalWindow.of(at, at + gap)], merge: mergeOverlapping })

const triggerOf = (shape: TriggerShape): Trigger => {
  const clock = AfterProcessingTime.pastFirstElement(millis(15))
  switch (shape._tag) {
    case 'default':
      return DefaultTrigger
    case 'never':
      return Never
    case 'watermark':
      return AfterWatermark.pastEndOfWindow()
    case 'everyElement':
      return Repeatedly.forever(AfterCount.of(1))
    case 'orFinally':
      return OrFinally.of(Repeatedly.forever(AfterCount.of(2)), AfterWatermark.pastEndOfWindow())
    case 'afterEach':
      return Repeatedly.forever(AfterEach.inOrder(AfterCount.of(1), AfterCount.of(3)))
    case 'earlyAndLate': {
      const earlies = {
        count: AfterCount.of(2),
        clock,
        alignedClock: AfterProcessingTime.pastFirstElement(millis(5), { alignTo: millis(20) }),
      }
      return AfterWatermark.pastEndOfWindow({
        early: shape.early === null ? undefined : earlies[shape.early],
        late: AfterCount.of(shape.late),
      })
    }
    case 'everyFew':
      return Repeatedly.forever(AfterCount.of(shape.count))
    case 'fewOrClock':
      return Repeatedly.forever(AfterAny.of(AfterCount.of(shape.count), clock))
    case 'fewAndClock':
      return Repeatedly.forever(AfterAll.of(AfterCount.of(shape.count), clock))
  }
}

const outOf =
  <A>(keyOf: (a: A) => unknown, valueOf: (a: A) => unknown) =>
  (pc: PCollection<A>): PCollection<Out> =>
    pipe(
      pc,
      Reify.windowed,
      PCollection.map(({ value, window, pane, timestamp }: Windowed<A>): Out => ({
        key: keyOf(value),
        value: valueOf(value),
        window: [window.start, window.end],
        pane,
        timestamp,
      })),
    )

/** An event's id, and what it sees. */
type Enriched = readonly [id: string, seen: ReadonlyArray<string>]
const firstAndRest = [([id]: Enriched) => id, ([, seen]: Enriched) => seen] as const

/** Each event with the ids that its side input shows it: all, those of its key, or the latest of its key. */
const beside =
  (shape: SideShape, side: PCollection<Event>) =>
  (events: PCollection<Event>): PCollection<Enriched> => {
    const windowed = pipe(side, Window.into(windowFnOf(shape.window, false)))
    const keyed = pipe(
      windowed,
      PCollection.map(e => KV.of(e.key, e.id)),
    )
    // Every tenth event deletes its key.
    const changes = pipe(
      windowed,
      PCollection.map(e => KV.of(e.key, e.n % 10 === 0 ? O.none : O.some(e.id))),
    )
    const one = (id: O.Option<string>): ReadonlyArray<string> => (O.isSome(id) ? [id.value] : [])
    switch (shape.view) {
      case 'list':
        return pipe(
          events,
          PCollection.mapWith({ ids: View.asList(keyed) }, (e, { ids }): Enriched => [e.id, ids.map(([, id]) => id).sort()]),
        )
      case 'multimap':
        return pipe(
          events,
          PCollection.mapWith({ ids: View.asMultimap(keyed) }, (e, { ids }): Enriched => [e.id, [...ids.get(e.key)].sort()]),
        )
      case 'table':
        return pipe(
          events,
          PCollection.mapWith({ ids: View.asTable(changes) }, (e, { ids }): Enriched => [e.id, one(ids.get(e.key))]),
        )
      case 'index':
        return pipe(
          events,
          PCollection.flatMapWith(
            {
              ids: pipe(
                changes,
                View.asIndex((_, key) => [key]),
              ),
            },
            (e, { ids }): ReadonlyArray<Enriched> => [[e.id, ids.get([e.key])]],
          ),
        )
      case 'signal':
        return pipe(
          events,
          Wait.on(windowed),
          PCollection.map((e): Enriched => [e.id, []]),
        )
    }
  }

const ordered = (values: ReadonlyArray<string | number>): ReadonlyArray<string | number> => [...values].sort()

export const pipelineOf = (s: Scenario, outside: Outside): Pipeline => {
  const events = s.before.reduce(
    (pc, op) => step(op, outside)(pc),
    Flatten.of(...s.sources.map((_, i) => read(`source${i}`, s.outOfOrdernessMs, outside))) as PCollection<Event>,
  )
  const copies = s.copy
    ? [
        pipe(
          events,
          outOf(
            e => e.key,
            e => [e.id, e.n],
          ),
          write('copies', s.immediate, outside),
        ),
      ]
    : []
  const windowed = pipe(
    events,
    Window.into(windowFnOf(s.window, s.seed % 2 === 0), {
      trigger: triggerOf(s.trigger),
      accumulation: s.accumulation,
      allowedLateness: millis(s.lateness),
      timestampCombiner: s.combiner,
      closingBehavior: s.closing,
      allowUnsafeTrigger: true,
    }),
  )
  const enriched =
    s.side === null
      ? []
      : [
          pipe(
            windowed,
            beside(s.side, read('side', s.outOfOrdernessMs, outside)),
            outOf(...firstAndRest),
            write('enriched', s.immediate, outside),
          ),
        ]
  return Pipeline.of(...copies, ...enriched, pipe(grouped(s, windowed, outside), write('results', s.immediate, outside)))
}

const grouped = (s: Scenario, events: PCollection<Event>, outside: Outside): PCollection<Out> => {
  const keyed = pipe(
    events,
    PCollection.keyBy(e => e.key),
  )
  const sums = (): PCollection<Summed> =>
    pipe(
      keyed,
      PCollection.mapValues(e => e.n),
      Combine.perKey(N.MonoidSum),
      PCollection.map(([key, n]): Summed => ({ key, n })),
      between(s.between, outside),
    )
  switch (s.grouping) {
    case 'none':
      return pipe(
        events,
        outOf(
          e => e.key,
          e => [e.id, e.n],
        ),
      )
    case 'list':
      return pipe(
        keyed,
        PCollection.mapValues(e => e.id),
        GroupByKey.of,
        outOf(
          ([key]) => key,
          ([, ids]) => ordered(ids),
        ),
      )
    case 'stateful':
      return pipe(
        keyed,
        stateful,
        outOf(
          out => out.key,
          out => out,
        ),
      )
    case 'sum':
      return pipe(
        sums(),
        outOf(
          e => e.key,
          e => e.n,
        ),
      )
    case 'total':
      return pipe(
        events,
        PCollection.map(e => e.n),
        Combine.globally(N.MonoidSum),
        outOf(
          () => null,
          n => n,
        ),
      )
    case 'sumOfSums':
      return pipe(
        sums(),
        PCollection.map(e => KV.of(coarse(e.key), e.n)),
        Combine.perKey(N.MonoidSum),
        outOf(
          ([key]) => key,
          ([, n]) => n,
        ),
      )
    case 'listOfSums':
      return pipe(
        sums(),
        PCollection.map(e => KV.of(coarse(e.key), e.n)),
        GroupByKey.of,
        outOf(
          ([key]) => key,
          ([, ns]) => ordered(ns),
        ),
      )
  }
}
