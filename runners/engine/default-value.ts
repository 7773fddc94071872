// Beam: a global combine of nothing, in the global window, is what its function makes of nothing.
import { ByteWriter, Coder, streamOf } from '../../sdk/coders/index.ts'
import { Instant } from '../../sdk/model/time.ts'
import type { Batch } from '../harness/batch.ts'
import type { Stage } from '../plan/stage.ts'
import { accumulatingOf } from './cell.ts'

/** null where the stage gives none. Only the task that the one key of a global combine belongs to knows whether there was anything: `mine`. */
export const defaultOf = ({ id, head }: Stage, mine: (keyBytes: Uint8Array) => boolean): Batch | null => {
  if (head._tag !== 'Group' || !head.withDefault || head.fn === null || head.strategy.windowFn.kind._tag !== 'Global') return null
  const key = new ByteWriter()
  streamOf(head.keyCoder ?? Coder.structural<unknown>()).write(null, key)
  if (!mine(key.finish())) return null
  const accumulating = accumulatingOf(head.fn, id)
  return {
    keys: [null],
    values: [accumulating.extract(accumulating.create())],
    timestamps: [Instant.max - 2],
    windows: null,
    panes: [{ timing: 'onTime', index: 0, nonSpeculativeIndex: 0, isFirst: true, isLast: true }],
    positions: null,
    lifted: false,
  }
}
