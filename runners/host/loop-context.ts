// What a task loop is given, and what it reports: its tasks' plan, connections, clock, and the listener that drives it.
import type { ConnectedSource } from '../../sdk/splittable/source.ts'
import type { HostLease } from '../../sdk/model/bindings.ts'
import type { Plan } from '../plan/stage.ts'
import type { Bundles } from './bundles.ts'
import type { CheckpointContent, WritableSnapshot } from './checkpoint-content.ts'
import type { Clock } from './clock.ts'
import type { Errands } from './errands.ts'
import type { Log } from './log.ts'
import type { Sinks } from './sinks.ts'
import type { TaskSite } from './task-set.ts'

export interface LoopPlace {
  readonly plan: Plan
  readonly content: CheckpointContent
  readonly site: TaskSite
  readonly sources: ReadonlyMap<string, ConnectedSource<unknown>>
  readonly sinks: Sinks
  readonly clients: ReadonlyMap<string, unknown>
  readonly errands: Errands
  readonly clock: Clock
  readonly lease: HostLease
  readonly bundles: Bundles
  /** Whether what goes to other threads waits there: then sources pause. */
  readonly backedUp: () => boolean
  /** Scripts are played when told, since other threads must be at rest as well. */
  readonly told: boolean
  readonly strict: boolean
  readonly seed: number
  readonly log: Log
}

/** Callbacks of a task loop. */
export interface LoopListener {
  readonly onSnapshot: (epoch: number, snapshot: WritableSnapshot) => void
  /** There is something to do again. */
  readonly onChange: () => void
}
