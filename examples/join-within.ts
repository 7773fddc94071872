// Each order with its payment as soon as both are there, where they lie within half an hour of each other; what stays alone comes out when
// that time is over.
import { Encoder, Join, PCollection, Pipeline, minutes, pipe, seconds } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO, Watermark, subject } from 'jetbeam/io/jetstream'
import { orderCoder, paymentCoder } from './model.ts'

const watermark = Watermark.boundedOutOfOrderness(seconds(30))

export const joinWithin = Pipeline.define(import.meta, 'join-within', () => {
  const orders = pipe(
    JetStreamIO.read({ stream: 'ORDERS', coder: orderCoder, timestamp: order => order.at, watermark }),
    PCollection.orFail,
    PCollection.keyBy(order => order.id),
  )
  const payments = pipe(
    JetStreamIO.read({ stream: 'PAYMENTS', coder: paymentCoder, timestamp: payment => payment.at, watermark }),
    PCollection.orFail,
    PCollection.keyBy(payment => payment.orderId),
  )
  const { pairs, leftAlone, rightAlone } = pipe(orders, Join.within(payments, minutes(30)))
  return [
    pipe(
      pairs,
      PCollection.map(([, [order, payment]]) => ({ ...order, paid: payment.amount })),
      JetStreamIO.write({ stream: 'SETTLED', subject: ({ id }) => subject`settled.${id}`, coder: Encoder.json() }),
    ),
    pipe(
      leftAlone,
      JetStreamIO.write({ stream: 'DEAD', subject: ([id]) => subject`dead.unpaid.${id}`, coder: Encoder.json(), name: 'Unpaid' }),
    ),
    pipe(
      rightAlone,
      JetStreamIO.write({ stream: 'DEAD', subject: ([id]) => subject`dead.unordered.${id}`, coder: Encoder.json(), name: 'Unordered' }),
    ),
  ]
})

await main(import.meta, joinWithin)
