// A splittable DoFn with its types erased: what a graph node carries, the engine keeps the restrictions of, and the host runs.
import type { Option } from 'fp-ts/lib/Option.js'
import type { Coder } from '../coders/index.ts'
import type { RestrictionAlgebra } from './restriction.ts'

/** How far event time has come for one restriction: a state, which is checkpointed, and what follows from it. */
export interface ErasedEstimator {
  readonly urn: string
  readonly coder: Coder<unknown>
  /** `from`: the timestamp of the element that is read; milliseconds, as everywhere here. */
  readonly initial: (from: number) => unknown
  /** What was handed on. */
  readonly observe: (state: unknown, timestamp: number) => unknown
  readonly current: (state: unknown, nowMs: number) => number
  /** What `process` gets of it: reads and, where it may, moves the state through `cell`. */
  readonly handle: (cell: { state: unknown; readonly nowMs: () => number }) => unknown
}

export interface ErasedSplittable {
  readonly restriction: RestrictionAlgebra<unknown, unknown> & { readonly coder: Coder<unknown> }
  readonly watermark: ErasedEstimator
  readonly isBounded: boolean
  readonly initial: (element: unknown) => unknown
  readonly initialSplit: ((element: unknown, restriction: unknown, desired: number) => ReadonlyArray<unknown>) | null
  readonly truncate: ((element: unknown, restriction: unknown) => Option<unknown>) | null
  /** An async generator of arrays of {value, timestamp}; its result says whether to come back. */
  readonly process: (element: unknown, tracker: unknown, context: unknown) => AsyncGenerator<unknown, unknown, void>
}
