// jetbeam/io/jetstream: everything a user of it names.
export { JetStreamIO, type ReadOptions, type WriteTarget } from './jetstream-io.ts'
export { StartAt, StopAt, Watermark } from './read-options.ts'
export type { WatermarkPolicy } from '../../sdk/splittable/source.ts'
export { Delivery } from './delivery.ts'
export { subject } from './subject.ts'
export type { Headers, Message, Outgoing, Undecodable } from './message.ts'
export { JetStreamIOError, type JetStreamFailure } from './errors.ts'
