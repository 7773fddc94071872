// Composite transforms of somebody else's: what they give follows from what they are given.
import * as E from 'fp-ts/lib/Either.js'
import * as N from 'fp-ts/lib/number.js'
import * as Ord from 'fp-ts/lib/Ord.js'
import { Create, type KV, PCollection, minutes, named, pipe } from 'jetbeam'
import { type Rejected, bestPerKey, latestValues, validate } from '../../examples/library.ts'
import { type Same, is } from './equality.ts'
import type { Order } from './model.ts'

declare const orders: PCollection<Order>
export const { rejected, valid } = pipe(
  orders,
  validate(order => (order.total > 0 ? E.right(order) : E.left('no total'))),
)
export const best = pipe(
  valid,
  PCollection.keyBy(order => order.customer),
  named(
    'BestOrders',
    bestPerKey(
      3,
      pipe(
        N.Ord,
        Ord.contramap((order: Order) => order.total),
      ),
      minutes(1),
    ),
  ),
)
export const numbers = pipe(
  Create.of([1, 2, 3]),
  validate(n => (n > 1 ? E.right(String(n)) : E.left({ tooSmall: n }))),
)

export const checks: Same = [
  is<PCollection<Rejected<Order, string>>>()(rejected),
  is<PCollection<Order>>()(valid),
  is<PCollection<KV<string, readonly Order[]>>>()(best),
  is<PCollection<Order>>()(
    pipe(
      orders,
      PCollection.keyBy(order => order.id),
      latestValues,
    ),
  ),
  is<PCollection<Rejected<number, { tooSmall: number }>>>()(numbers.rejected),
  is<PCollection<string>>()(numbers.valid),
]
