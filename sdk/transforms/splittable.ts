// Splittable DoFns: elements that describe what to read, and what is read of them.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { SplittableDoFn } from '../splittable/do-fn.ts'
import type { ErasedSplittable } from '../splittable/erased.ts'

const read =
  <E, R, P, W, O>(fn: SplittableDoFn<E, R, P, W, O>) =>
  (pc: PCollection<E>): PCollection<O> => {
    const { restriction, watermark, isBounded, initial, initialSplit = null, truncate = null, process } = fn
    // From here on elements, restrictions and positions are only carried: each goes back to the functions whose types have been checked here.
    const erased = { restriction, watermark, isBounded, initial, initialSplit, truncate, process } as unknown as ErasedSplittable
    return apply({ _tag: 'Splittable', fn: erased }, [pc], { kind: 'Splittable.read' })
  }

/**
 * Reads what elements describe: files by name, feeds by address, tables by key (Beam's splittable DoFn).
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
   *   Create.of(['users', 'orders']),
   *   Splittable.read({
   *     restriction: OffsetRange, watermark: WatermarkEstimator.monotonic, isBounded: true,
   *     initial: async table => OffsetRange.of(0, await countRows(table)),
   *     async *process(table, tracker) {
   *       for (;;) {
   *         const rows = await fetchRows(table, tracker.restriction.from, 1_000)
   *         const mine = rows.slice(0, tracker.tryClaimAll(rows.map(row => row.number)))
   *         yield mine.map(row => pipe(row, Timestamped.at(row.changed)))
   *         if (mine.length < 1_000) return stop
   *       }
   *     },
   *   }),
   * )
   */
  read,
})
