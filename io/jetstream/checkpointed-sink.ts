// What sinks have in common to which outputs come with durable checkpoints only: one row is never published, and nobody waits for room.
import type { ConnectedSink, Sink, SinkContext } from '../../sdk/graph/sink.ts'

/** Of each task's outputs on its own, by whichever thread. */
export const sinkOfCheckpoints = <A>(
  o: Pick<Sink<A>, 'urn' | 'label' | 'identity' | 'delivery' | 'needsDurableCheckpoints' | 'jetStream' | 'encode'>,
  connect: (context: SinkContext) => Promise<ConnectedSink>,
): Sink<A> => Object.freeze({ ...o, identity: Object.freeze(o.identity), immediate: false, parallel: true, connect })

export const commitsOnly = (
  label: string,
  o: Pick<ConnectedSink, 'protocol' | 'way' | 'guarantee' | 'commit' | 'close' | 'metrics' | 'latency' | 'written'>,
): ConnectedSink => ({
  ...o,
  publish: () => {
    throw new Error(`${label}: outputs leave with checkpoints, never one by one`)
  },
  congested: () => false,
  onReady: () => undefined,
  failure: () => null,
  flush: () => Promise.resolve(o.protocol),
})
