// What every sink counts of its connection: how often it came back after it was lost.
import type { ConnectedSink } from '../../sdk/graph/sink.ts'
import type { Link } from './connections.ts'

export const countingReconnects = (link: Pick<Link, 'listen'>, sink: ConnectedSink): ConnectedSink => {
  let reconnects = 0
  const stopListening = link.listen(event => {
    if (event === 'reconnected') reconnects++
  })
  return {
    ...sink,
    metrics: () => ({ ...sink.metrics(), reconnects }),
    close: () => {
      stopListening()
      return sink.close()
    },
  }
}
