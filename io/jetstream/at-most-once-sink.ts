// At most once: what a durable checkpoint holds is sent, once, and nobody asks whether it arrived. What an earlier process may have sent
// is not sent again.
import type { ConnectedSink } from '../../sdk/graph/sink.ts'
import { commitsOnly } from './checkpointed-sink.ts'
import type { Position } from './position.ts'
import { SendOnce } from './send-once.ts'
import type { StreamPlace } from './stream-place.ts'

export const atMostOnceSink = (place: StreamPlace): ConnectedSink => {
  const { label, info, context } = place
  const counts = { published: 0, givenUp: 0 }
  const sender = new SendOnce(place)
  const protocol: Position = { _tag: 'atMostOnce', created: info.created, lastSequence: info.state.last_seq }
  return commitsOnly(label, {
    protocol,
    way: 'atMostOnce',
    guarantee: `${label}: at most once. What a durable checkpoint holds is sent once, without waiting for an answer; what is lost on the way, or in a crash while it leaves, is lost.`,
    commit: async (_, outputs, recovering) => {
      place.requireTaken(outputs.destinations)
      const count = outputs.payloads.length
      if (recovering && count > 0)
        context.log('warn', `${label}: outputs of the last checkpoint may have left before: they are not sent again`, { count })
      const arrived = recovering ? 0 : await sender.send(outputs)
      counts.published += arrived
      counts.givenUp += count - arrived
    },
    close: () => Promise.resolve(),
    metrics: () => counts,
  })
}
