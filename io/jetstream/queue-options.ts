// What a queue reader is given: which consumer of which stream, where it ends, and what was handed on before.
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { DurablePlace } from './durable-consumer.ts'
import type { PoisonPolicy } from './poison.ts'
import type { PullSettings } from './pull-window.ts'
import type { SequenceSet } from './sequence-set.ts'

export interface QueueOptions extends DurablePlace {
  readonly context: HostContext
  /** For the log. */
  readonly split: string
  readonly pull: PullSettings
  readonly poison: PoisonPolicy | null
  /** The stream's creation time when the run began. */
  readonly created: string
  readonly name: string
  readonly filter: string | null
  /** The last sequence to read; null: without end. */
  readonly end: number | null
  /** Messages left to read before the split ends. */
  readonly count: number | null
  /** The last position that was handed on, 0 for none: they are counted. */
  readonly position: number
  /** What was handed on. */
  readonly handedOn: SequenceSet
  /** What an earlier run tried alone, and has not come to a checkpoint behind; null: nothing. */
  readonly tried: number | null
}
