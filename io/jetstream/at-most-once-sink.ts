// At most once: what a durable checkpoint holds is sent, once, and nobody asks whether it arrived. What an earlier process may have sent
// is not sent again.
import type { ConnectedSink, OutputBatch } from '../../sdk/graph/sink.ts'
import { JetStreamIOError, errorText } from './errors.ts'
import { WireHeaders } from './outgoing-headers.ts'
import { endOfBatch } from './atomic-batch.ts'
import type { Position } from './position.ts'
import type { StreamPlace } from './stream-place.ts'

export const atMostOnceSink = (place: StreamPlace): ConnectedSink => {
  const { link, label, info, context, window } = place
  const counts = { published: 0, givenUp: 0 }
  const wire = new WireHeaders()
  const position: Position = { _tag: 'atMostOnce', created: info.created, lastSequence: info.state.last_seq }

  const send = ({ destinations, headers, payloads }: OutputBatch, from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const own = wire.of(headers[i] ?? null, null)
      link.nc.publish(destinations[i] ?? '', payloads[i] ?? new Uint8Array(0), own === null ? {} : { headers: own })
    }
  }

  return {
    protocol: position,
    way: 'atMostOnce',
    guarantee: `${label}: at most once. What a durable checkpoint holds is sent once, without waiting for an answer; what is lost on the way, or in a crash while it leaves, is lost.`,
    publish: () => {
      throw new Error(`${label}: what is sent at most once waits for its checkpoint (${context.mode})`)
    },
    congested: () => false,
    onReady: () => undefined,
    failure: () => null,
    flush: () => Promise.resolve(position),
    commit: async (_, outputs, recovering) => {
      place.requireTaken(outputs.destinations)
      const count = outputs.payloads.length
      if (recovering) {
        counts.givenUp += count
        if (count > 0)
          context.log('warn', `${label}: outputs of the last checkpoint may have left before: they are not sent again`, { count })
        return
      }
      for (let from = 0; from < count;) {
        const to = endOfBatch(outputs, from, window.messages, window.bytes)
        try {
          send(outputs, from, to)
          // That the server has read them bounds what is on its way.
          await link.nc.flush()
          counts.published += to - from
        } catch (error) {
          if (link.nc.isClosed())
            throw new JetStreamIOError(
              'ServerUnavailable',
              `${label}: the connection to ${link.address} was closed: ${errorText(error)}.`,
              { cause: error },
            )
          counts.givenUp += to - from
          context.log('warn', `${label}: outputs may be lost`, { count: to - from, reason: errorText(error) })
        }
        from = to
      }
    },
    close: () => Promise.resolve(),
    metrics: () => counts,
  }
}
