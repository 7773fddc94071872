// The first pipeline of the README: large orders of one stream go to another, exactly once.
import { Decoder, Encoder, PCollection, Pipeline, pipe } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO } from 'jetbeam/io/jetstream'

interface Order {
  readonly id: string
  readonly total: number
}

const isOrder = (value: unknown): value is Order =>
  typeof value === 'object' && value !== null && 'id' in value && 'total' in value && typeof value.total === 'number'

export const largeOrders = Pipeline.define(import.meta, 'large-orders', () =>
  pipe(
    JetStreamIO.read({ stream: 'ORDERS', coder: Decoder.json(isOrder) }),
    PCollection.orFail, // a message that is not an order ends the run
    PCollection.filter(order => order.total >= 100),
    JetStreamIO.write({
      stream: 'LARGE_ORDERS',
      subject: 'large.orders',
      coder: Encoder.json<Order>(),
      createSubjects: ['large.>'], // creates the stream if it is missing
    }),
  ),
)

await main(import.meta, largeOrders)
