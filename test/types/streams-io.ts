// Streams at both ends: what comes out of a read, and what must not go into a write.
import { Encoder, PCollection, type PDone, flow, pipe } from 'jetbeam'
import { Delivery, JetStreamConfig, JetStreamIO, Watermark } from 'jetbeam/io/jetstream'
import { clickDecoder } from './coders.ts'
import { type Same, is } from './equality.ts'
import { type Order, viewCoder } from './model.ts'

declare const orders: PCollection<Order>
declare const config: JetStreamConfig

export const checks: Same = [
  is<PCollection<string>>()(pipe(JetStreamIO.read({ stream: 'CLICKS', coder: clickDecoder, timestamp: c => c.at }), PCollection.orFail, PCollection.map(c => c.page))),
  is<PCollection<string>>()(pipe(orders, PCollection.tryMap(o => o.id), PCollection.deadLetter(JetStreamIO.write({ stream: 'D', subject: f => `d.${f.element.id}`, coder: Encoder.json() })))),
  is<PCollection<Order>>()(pipe(orders, PCollection.tee(flow(PCollection.map(o => o.id), JetStreamIO.write({ stream: 'D', subject: id => id, coder: Encoder.text() }))))),
  is<PDone>()(pipe(orders, PCollection.keyBy(o => o.id), JetStreamIO.write({ stream: 'D', subject: ([id]) => id, coder: Encoder.json(), headers: ([, o]) => ({ total: [String(o.total)] }) }))),
  is<PCollection<string>>()(pipe(JetStreamIO.read({ ...JetStreamConfig.read(config), coder: clickDecoder, timestamp: c => c.at }), PCollection.orFail, PCollection.map(c => c.page))),
  is<PDone>()(pipe(orders, JetStreamIO.write({ ...JetStreamConfig.write(config), coder: Encoder.json() }))),
  is<PDone>()(pipe(orders, JetStreamIO.write({ ...JetStreamConfig.writeTarget(config), subject: o => o.id, coder: Encoder.json() }))),
  is<PDone>()(pipe(orders, JetStreamIO.write({ stream: 'D', subject: 'd', coder: Encoder.json(), id: o => o.id, delivery: Delivery.atLeastOnce }))),
  is<JetStreamConfig>()(JetStreamConfig.builder().connection.servers(['nats://a']).source.splits(4).source.watermark(Watermark.monotonic).build()),
]
// @ts-expect-error coder of another type
export const n1 = pipe(orders, JetStreamIO.write({ stream: 'X', subject: o => o.id, coder: viewCoder }))
// @ts-expect-error Either not separated
export const n2 = pipe(JetStreamIO.read({ stream: 'V', coder: viewCoder }), PCollection.keyBy(v => v.page))
// @ts-expect-error a number of splits is a number
export const n3 = JetStreamConfig.builder().source.splits('4')
// @ts-expect-error there is no such key
export const n4 = JetStreamConfig.builder().source.splitz
// @ts-expect-error a write whose subject no configuration and no code tells
export const n5 = pipe(orders, JetStreamIO.write({ ...JetStreamConfig.writeTarget(config), coder: Encoder.json() }))
// @ts-expect-error an id is a text
export const n6 = pipe(orders, JetStreamIO.write({ stream: 'D', subject: 'd', coder: Encoder.json(), id: o => o.total, delivery: Delivery.atLeastOnce }))
// @ts-expect-error what is undecodable has no id to be known by
export const n7 = JetStreamIO.writeUndecodable({ stream: 'D', subject: 'd', id: () => 'x' })
