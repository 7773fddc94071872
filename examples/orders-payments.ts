// Orders and their payments, joined where they lie within half an hour of each other; what stays alone goes to a stream of its own.
import * as E from 'fp-ts/lib/Either.js'
import { CoGroupByKey, Encoder, PCollection, Pipeline, Sessions, Window, minutes, pipe, seconds } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO, Watermark, subject } from 'jetbeam/io/jetstream'
import { orderCoder, paymentCoder } from './model.ts'

const watermark = Watermark.boundedOutOfOrderness(seconds(30))
const together = Window.into(Sessions.withGap(minutes(30)))

export const ordersPayments = Pipeline.define(import.meta, 'orders-payments', () => {
  const orders = pipe(
    JetStreamIO.read({ stream: 'ORDERS', coder: orderCoder, timestamp: order => order.at, watermark }),
    PCollection.deadLetter(JetStreamIO.writeUndecodable({ stream: 'DEAD', subject: 'dead.orders', name: 'DeadOrders' })),
    PCollection.keyBy(order => order.id),
    together,
  )
  const payments = pipe(
    JetStreamIO.read({ stream: 'PAYMENTS', coder: paymentCoder, timestamp: payment => payment.at, watermark }),
    PCollection.deadLetter(JetStreamIO.writeUndecodable({ stream: 'DEAD', subject: 'dead.payments', name: 'DeadPayments' })),
    PCollection.keyBy(payment => payment.orderId),
    together,
  )
  return pipe(
    CoGroupByKey.of({ orders, payments }),
    PCollection.map(
      ([
        id,
        {
          orders: [order],
          payments,
        },
      ]) =>
        order !== undefined && payments.length > 0
          ? E.right({ id, customer: order.customer, paid: payments.reduce((sum, { amount }) => sum + amount, 0) })
          : E.left({ id, order: order ?? null, payments }),
    ),
    PCollection.deadLetter(
      JetStreamIO.write({ stream: 'DEAD', subject: ({ id }) => subject`dead.unmatched.${id}`, coder: Encoder.json(), name: 'Unmatched' }),
    ),
    JetStreamIO.write({ stream: 'SETTLED', subject: ({ id }) => subject`settled.${id}`, coder: Encoder.json() }),
  )
})

await main(import.meta, ordersPayments)
