// The first pipeline of the README in plain JavaScript, as an ES module.
import { Decoder, Encoder, PCollection, Pipeline, pipe } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO } from 'jetbeam/io/jetstream'

const isOrder = value => typeof value === 'object' && value !== null && 'id' in value && typeof value.total === 'number'

export const largeOrders = Pipeline.define(import.meta, 'large-orders', () =>
  pipe(
    JetStreamIO.read({ stream: 'ORDERS', coder: Decoder.json(isOrder) }),
    PCollection.orFail,
    PCollection.filter(order => order.total >= 100),
    JetStreamIO.write({ stream: 'LARGE_ORDERS', subject: 'large.orders', coder: Encoder.json(), createSubjects: ['large.>'] }),
  ),
)

await main(import.meta, largeOrders)
