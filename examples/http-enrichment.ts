// Orders with their customer from a web service: calls at the same time, retries, and two kinds of dead letters. What a promise rejects with
// becomes a failure with its order; the errors of a TaskEither have types, which say what is worth another attempt.
import * as TE from 'fp-ts/lib/TaskEither.js'
import { Encoder, PCollection, Pipeline, millis, pipe, seconds } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO, subject } from 'jetbeam/io/jetstream'
import { z } from 'zod'
import { orderCoder } from './model.ts'

const customer = z.object({ name: z.string(), country: z.string() })
type HttpError =
  | { readonly _tag: 'Http'; readonly status: number }
  | { readonly _tag: 'Network'; readonly reason: string }
  | { readonly _tag: 'Body'; readonly reason: string }

const retry = { attempts: 3, initial: millis(50), max: seconds(10), jitter: 0.2 }

const fetchCustomer = (url: string, signal: AbortSignal): TE.TaskEither<HttpError, z.infer<typeof customer>> =>
  pipe(
    TE.tryCatch(
      () => fetch(url, { signal }),
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

export const httpEnrichment = Pipeline.define(import.meta, 'http-enrichment', z.object({ service: z.string() }), ({ service }) => {
  const orders = pipe(JetStreamIO.read({ stream: 'ORDERS', coder: orderCoder }), PCollection.orFail)
  const enriched = pipe(
    orders,
    PCollection.tryMapAsync(
      async (order, { signal }) => {
        const response = await fetch(`${service}/${order.customer}`, { signal })
        return { ...order, customer: customer.parse(await response.json()) }
      },
      { concurrency: 32, timeout: seconds(5), retry },
    ),
    PCollection.deadLetter(JetStreamIO.writeFailures({ stream: 'DEAD', subject: 'dead.orders', coder: orderCoder, name: 'DeadOrders' })),
    JetStreamIO.write({ stream: 'ENRICHED', subject: o => subject`orders.${o.customer.country}`, coder: Encoder.json() }),
  )
  const { left, right } = pipe(
    orders,
    PCollection.mapTaskEither(
      (order, { signal }) =>
        pipe(
          fetchCustomer(`${service}/${order.customer}`, signal),
          TE.bimap(
            error => ({ order, error }),
            found => ({ ...order, customer: found }),
          ),
        ),
      { concurrency: 32, timeout: seconds(5), retry: { ...retry, while: ({ error }) => error._tag !== 'Body' } },
    ),
    PCollection.separate,
  )
  const rejected = pipe(
    left,
    JetStreamIO.write({
      stream: 'DEAD',
      subject: ({ error, order }) => subject`dead.${error._tag}.${order.id}`,
      coder: Encoder.json(),
      name: 'Rejected',
    }),
  )
  return [enriched, rejected, pipe(right, PCollection.ignore)]
})

await main(import.meta, httpEnrichment)
