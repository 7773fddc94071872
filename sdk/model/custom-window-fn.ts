// Window functions of one's own, with windows that stay as they are or grow together.
import type { Instant } from './time.ts'
import type { BoundedWindow } from './window.ts'
import type { MergeWindows, WindowFnKind } from './windowing-strategy.ts'

/**
 * Assigns elements to windows (Beam's WindowFn). `A` is the type of the elements that `assign` reads: `unknown` for all standard ones.
 */
export interface WindowFn<in A = unknown> {
  /** Identifies the function in checkpoints. */
  readonly urn: string
  /** The parameters of a standard window function, which the engine computes without a call. */
  readonly kind: WindowFnKind
  /** The windows of an element. Pure. */
  readonly assign: (element: A, timestamp: Instant) => ReadonlyArray<BoundedWindow>
  /** Merges a key's windows; null: windows stay as they were assigned. */
  readonly merge: MergeWindows | null
}

type Assigning<A> = {
  /** What it is called in errors, and in checkpoints: a changed function takes a new name, or a restored run would mix the two. */
  readonly name: string
  /**
   * The windows of an element by its value and timestamp: pure, and none of them over at that timestamp. As in Beam an element may be in
   * no window, and is then dropped; the counter `droppedWithoutWindow` of the Window.into, which Metrics.query finds, says how many were.
   */
  readonly assign: (element: A, timestamp: Instant) => ReadonlyArray<BoundedWindow>
}

const make = <A>({ name, assign }: Assigning<A>, merge: MergeWindows | null): WindowFn<A> => {
  // What the compiler has checked, for programs that it has not seen.
  if (typeof name !== 'string' || name.trim() === '')
    throw new RangeError('WindowFn: a window function needs a name, by which checkpoints know it')
  for (const [what, f] of [['assign', assign] as const, ...(merge === null ? [] : [['merge', merge] as const])]) {
    if (typeof f !== 'function')
      throw new TypeError(`WindowFn: ${what} of ${JSON.stringify(name)} is a function, and was ${typeof f}. Give it one`)
  }
  return Object.freeze({
    urn: 'jetbeam:window_fn:custom:v1',
    kind: Object.freeze({ _tag: 'Custom', name, merging: merge !== null }),
    assign,
    merge,
  })
}

/**
 * Window functions of one's own, for Window.into (Beam's NonMergingWindowFn and WindowFn).
 *
 * `of` assigns windows that stay as they are. `merging` is asked, for each key, whenever one of its windows is new, which of the key's
 * windows become one: it gives those that do as `{ window, parts }`, and those that it does not mention stay. A merge must not depend on
 * the order in which windows came. `merge` sees windows alone, never elements.
 *
 * Both throw a RangeError for an empty name, and a TypeError for what is no function. While it runs, what is not an array of windows, a window that has ended at its element's
 * timestamp, or a merge of windows that the key does not have, ends the run with the transform's path.
 *
 * @example
 * // as long as each element says that it lasts
 * Window.into(WindowFn.of({ name: 'visit', assign: (view: PageView, at) => [IntervalWindow.of(at, at + view.millis)] }))
 * // sessions whose gap is each element's own
 * Window.into(WindowFn.merging({ name: 'gaps', assign: (view: PageView, at) => [IntervalWindow.of(at, at + view.millis)], merge: mergeOverlapping }))
 */
export const WindowFn = Object.freeze({
  /** Windows that stay as they were assigned. */
  of: <A>(fn: Assigning<A>): WindowFn<A> => make(fn, null),
  /** Windows that grow together within a key. */
  merging: <A>(fn: Assigning<A> & { readonly merge: MergeWindows }): WindowFn<A> => make(fn, fn.merge),
})
