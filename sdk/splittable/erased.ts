// A splittable DoFn with its types erased: what a graph node carries, the engine keeps the restrictions of, and the host runs.
import type { Option } from 'fp-ts/lib/Option.js'
import type { Restriction } from './restriction.ts'
import type { WatermarkEstimator } from './watermark-estimator.ts'

export interface ErasedSplittable {
  readonly restriction: Restriction<unknown, unknown>
  readonly watermark: WatermarkEstimator<unknown>
  readonly isBounded: boolean
  /** Gives a restriction, or a promise of one. */
  readonly initial: (element: unknown) => unknown
  readonly initialSplit: ((element: unknown, restriction: unknown, desired: number) => ReadonlyArray<unknown>) | null
  readonly truncate: ((element: unknown, restriction: unknown) => Option<unknown>) | null
  /** An async generator of arrays of {value, timestamp}; its result says whether to come back. */
  readonly process: (element: unknown, tracker: unknown, context: unknown) => AsyncGenerator<unknown, unknown, void>
}
