// Asynchronous work with promises and with typed errors, between two streams.
import * as TE from 'fp-ts/lib/TaskEither.js'
import { Encoder, PCollection, Pipeline, millis, pipe, seconds } from 'jetbeam'
import { Delivery, JetStreamIO } from 'jetbeam/io/jetstream'
import { z } from 'zod'
import { orderCoder } from './model.ts'

const customer = z.object({ name: z.string(), country: z.string() })
type HttpError =
  | { readonly _tag: 'Http'; readonly status: number }
  | { readonly _tag: 'Network'; readonly reason: string }
  | { readonly _tag: 'Body'; readonly reason: string }

const retry = { attempts: 5, initial: millis(100), max: seconds(10), jitter: 0.2 }
const orders = pipe(JetStreamIO.read({ stream: 'ORDERS', coder: orderCoder }), PCollection.orFail)

// With promises: what throws after the last attempt is a Failure with the order in it.
export const enriched = pipe(
  orders,
  PCollection.tryMapAsync(
    async (order, { signal }) => {
      const response = await fetch(`https://crm.example/customers/${order.customer}`, { signal })
      return { ...order, customer: customer.parse(await response.json()) }
    },
    { concurrency: 32, timeout: seconds(5), retry },
  ),
  PCollection.deadLetter(JetStreamIO.writeFailures({ stream: 'DEAD', subject: 'dead.orders', coder: orderCoder })),
  JetStreamIO.write({
    stream: 'ENRICHED',
    subject: o => `orders.${o.customer.country}`,
    coder: Encoder.json(),
    delivery: Delivery.exactlyOnce,
  }),
)

// With TaskEither: the error is typed, and so is what is worth another attempt.
const fetchCustomer = (id: string, signal: AbortSignal): TE.TaskEither<HttpError, z.infer<typeof customer>> =>
  pipe(
    TE.tryCatch(
      () => fetch(`https://crm.example/customers/${id}`, { signal }),
      (reason): HttpError => ({ _tag: 'Network', reason: String(reason) }),
    ),
    TE.filterOrElse(
      r => r.ok,
      (r): HttpError => ({ _tag: 'Http', status: r.status }),
    ),
    TE.flatMap(r =>
      TE.tryCatch(
        async () => customer.parse(await r.json()),
        (reason): HttpError => ({ _tag: 'Body', reason: String(reason) }),
      ),
    ),
  )
export const typed = pipe(
  orders,
  PCollection.mapTaskEither(
    (order, { signal }) =>
      pipe(
        fetchCustomer(order.customer, signal),
        TE.bimap(
          error => ({ order, error }),
          found => ({ ...order, customer: found }),
        ),
      ),
    { concurrency: 32, timeout: seconds(5), retry: { ...retry, while: ({ error }) => error._tag !== 'Body' } },
  ),
  PCollection.separate,
)
export const enrichOrders = Pipeline.of(
  enriched,
  pipe(typed.left, JetStreamIO.write({ stream: 'DEAD', subject: f => `dead.${f.error._tag}.${f.order.id}`, coder: Encoder.json() })),
  pipe(typed.right, PCollection.ignore),
)
