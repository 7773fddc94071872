// jetbeam/io/jetstream: everything a user of it names.
export { JetStreamIO, type ReadOptions, type WriteTarget } from './jetstream-io.ts'
export { KvIO, type KvEntry, type WatchOptions } from './kv-io.ts'
export { SplitBy, StartAt, StopAt } from './read-options.ts'
export { Watermark, type WatermarkPolicy } from '../../sdk/splittable/watermark-policy.ts'
export { Delivery } from './delivery.ts'
export { subject } from './subject.ts'
export type { Headers, Message, Outgoing, Undecodable } from './message.ts'
export { JetStreamIOError, type JetStreamFailure } from './errors.ts'
