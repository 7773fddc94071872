// What every sink measures of its connection: how often it came back after it was lost, and whether it is down.
import type { ConnectedSink } from '../../sdk/graph/sink.ts'
import type { Link } from './connections.ts'

export const countingReconnects = (link: Pick<Link, 'listen' | 'isConnected'>, sink: ConnectedSink): ConnectedSink => {
  let reconnects = 0
  const stopListening = link.listen(event => {
    if (event === 'reconnected') reconnects++
  })
  return {
    ...sink,
    metrics: () => ({ ...sink.metrics(), reconnects, disconnected: Number(!link.isConnected()) }),
    close: () => {
      stopListening()
      return sink.close()
    },
  }
}
