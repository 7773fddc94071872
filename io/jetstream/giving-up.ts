// A reader by position that gives up messages: what it hands on in their place.
import type { SplitReader } from '../../sdk/splittable/source.ts'
import type { StreamMessage } from './message.ts'
import type { PoisonPolicy } from './poison.ts'

export const givingUp = (reader: SplitReader<StreamMessage>, { _tag }: PoisonPolicy): SplitReader<StreamMessage> => ({
  poll: maxElements => reader.poll(maxElements),
  giveUp: reason => {
    const batch = reader.poll(1)
    const [message] = batch?.values ?? []
    if (batch === null || message === undefined) return batch
    return { ...batch, values: _tag === 'deadLetter' ? [message.refused(reason)] : [] }
  },
  status: () => reader.status(),
  lag: () => reader.lag(),
  lagMs: reader.lagMs === undefined ? undefined : nowMs => reader.lagMs?.(nowMs) ?? null,
  metrics: reader.metrics === undefined ? undefined : () => reader.metrics?.() ?? {},
  onChange: callback => reader.onChange(callback),
  truncate: to => reader.truncate(to),
  close: () => reader.close(),
})
