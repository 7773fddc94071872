// What a task and its host say to each other about restrictions: the task decides, the host runs users' generators.
import type { EstimatorCell } from '../../../sdk/splittable/watermark-estimator.ts'
import type { LiveTracker } from '../../../sdk/splittable/tracker.ts'

export type RestrictionCommand =
  /** Ask the DoFn for the element's initial restriction; answer with `Asked`. */
  | { readonly _tag: 'Ask'; readonly id: number; readonly element: unknown }
  /** Begin to read; each batch comes back as `Yielded`, the end as `Returned`. */
  | {
      readonly _tag: 'Start'
      readonly id: number
      readonly element: unknown
      readonly tracker: LiveTracker<unknown, unknown>
      readonly cell: EstimatorCell
    }
  /** Nobody waits for it any more: nothing of it is to be answered. */
  | { readonly _tag: 'Stop'; readonly id: number }

export type RestrictionEvent =
  /** `desired`: into about how many parts to split it. */
  | { readonly _tag: 'Asked'; readonly id: number; readonly restriction: unknown; readonly desired: number }
  | { readonly _tag: 'Yielded'; readonly id: number; readonly outputs: unknown }
  | { readonly _tag: 'Returned'; readonly id: number; readonly continuation: unknown }

/** What is shown of a restriction while the run goes on. */
export interface RestrictionState {
  readonly id: number
  readonly status: 'queued' | 'reading' | 'delayed' | 'done'
  readonly position: number | null
  readonly remaining: number | null
  readonly watermark: number
}
