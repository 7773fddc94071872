// A store by where it is: a path, or nats://HOST:PORT/STREAM.
import { JetStreamIO } from '../../../io/jetstream/index.ts'
import { type CheckpointStore, directoryStore, jetStreamStore, type JetStreamStoreOptions } from '../../../runners/checkpoint/index.ts'

export const storeAt = (place: string, o: Partial<JetStreamStoreOptions> = {}): CheckpointStore => {
  const [, servers, stream] = /^(nats:\/\/[^/]+)\/(.+)$/.exec(place) ?? []
  return servers === undefined || stream === undefined
    ? directoryStore({ path: place, ...o })
    : jetStreamStore({ binding: () => JetStreamIO.connection({ servers }), stream, ...o })
}
