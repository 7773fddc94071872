// Splittable DoFns: elements that describe what to read, and what is read of them.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { SplittableDoFn } from '../splittable/do-fn.ts'
import type { ErasedSplittable } from '../splittable/erased.ts'
import type { Source } from '../splittable/source.ts'
import { Watermark, type WatermarkPolicy } from '../splittable/watermark-policy.ts'
import type { Instant } from '../model/time.ts'

const read =
  <E, R, P, W, O>(fn: SplittableDoFn<E, R, P, W, O>) =>
  (pc: PCollection<E>): PCollection<O> => {
    const { restriction, watermark, isBounded, initial, initialSplit = null, truncate = null, process } = fn
    // From here on elements, restrictions and positions are only carried: each goes back to the functions whose types have been checked here.
    const erased = { restriction, watermark, isBounded, initial, initialSplit, truncate, process } as unknown as ErasedSplittable
    return apply({ _tag: 'Splittable', fn: erased }, [pc], { kind: 'Splittable.read' })
  }

/** What `Splittable.source` makes a collection of. */
export interface SourceOptions<M, A> {
  /** The connector: what reads. */
  readonly source: Source<M>
  /** From what the source's readers hand over to the element. Pure: after a crash it is called again. */
  readonly decode: (raw: NoInfer<M>) => A
  /** Its event time. Pure, as `decode`. */
  readonly timestamp: (element: NoInfer<A>, raw: NoInfer<M>) => Instant
  /** Whether an element's timestamp moves the watermark: that of one which tells no event time must not. All do unless told. */
  readonly movesWatermark?: ((element: NoInfer<A>) => boolean) | undefined
  /** Watermark.monotonic unless told. */
  readonly watermark?: WatermarkPolicy | undefined
  /** What it is called in paths where it has no name: the source's label unless told. */
  readonly kind?: string | undefined
  /** What it is called in errors and checkpoints: it must be unique where it stands. */
  readonly name?: string | undefined
}

const source = <M, A>(o: SourceOptions<M, A>): PCollection<A> => {
  const { decode, timestamp, movesWatermark = null, watermark = Watermark.monotonic } = o
  return apply(
    // The source's messages are what its functions take: the types above say so, and here they end.
    { _tag: 'Read', source: o.source, decode, timestamp, movesWatermark, watermark },
    [],
    { kind: o.kind ?? o.source.label, name: o.name ?? null },
  )
}

/**
 * Reads what is not in the pipeline: as elements describe it (`read`), or as a connector brings it (`source`). Beam's splittable DoFns.
 *
 * `read` is the shorter way, for whatever an asynchronous generator can fetch: any kind of restriction, one for each element of a
 * collection, outputs with the next checkpoint. `source` is for connectors: nothing but positions, splits that are found once and written
 * into the first checkpoint, batches without a promise each, and outputs that may leave at once under their record's name (exactly-once
 * sinks need no checkpoint for them). JetStreamIO.read and TextIO.read are made with it, and have no other way.
 *
 * @example
 * const rows = Splittable.source({ source: tableLog('orders'), decode: row => row.number, timestamp: (_, row) => row.changed })
 * pipe(rows, Sum.globally) // => 10
 */
export const Splittable = Object.freeze({
  /**
   * For each element, `initial` says what there is to read: a restriction. `process` is an async generator that claims positions of it, in
   * ascending order, and yields what lies there in batches, each output with its timestamp. The engine checkpoints, splits, delays and
   * resumes restrictions between two yields, so that each position is handed on exactly once; several are read at a time.
   *
   * Outputs are in their element's windows. A generator that throws ends the run with its element; so does one that yields anything but an
   * array of `Timestamped.at(…)(…)`, claims a position twice, or stops with work left. An unbounded one is refused in a run until: 'end'.
   *
   * @example
   * pipe(
   *   Create.of(['orders']),
   *   Splittable.read({
   *     restriction: OffsetRange, watermark: WatermarkEstimator.monotonic, isBounded: true,
   *     initial: async table => OffsetRange.of(0, await countRows(table)),
   *     async *process(table, tracker) {
   *       for (let from = tracker.restriction.from; ; from += 1_000) {
   *         const rows = await fetchRows(table, from, 1_000)
   *         const mine = rows.slice(0, tracker.tryClaimAll(rows.map(row => row.number)))
   *         yield mine.map(row => pipe(row, Timestamped.at(row.changed)))
   *         if (mine.length < 1_000) return stop
   *       }
   *     },
   *   }),
   *   Count.globally,
   * ) // => 5
   */
  read,
  /**
   * What a connector reads, in whole batches: see {@link Source} for what it implements. Bounded or not as the source says; elements are in
   * the global window.
   *
   * @example
   * const rows = Splittable.source({
   *   source: tableLog('orders'), // a Source<Row> of one's own
   *   decode: row => row.text,
   *   timestamp: (text, row) => row.changed,
   *   watermark: Watermark.boundedOutOfOrderness(seconds(10)),
   * })
   */
  source,
})
