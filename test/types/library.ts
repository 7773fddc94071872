// Composite transforms as a package would publish them: generic, named, with several outputs.
import * as E from 'fp-ts/lib/Either.js'
import * as N from 'fp-ts/lib/number.js'
import * as Ord from 'fp-ts/lib/Ord.js'
import { Combine, CombineFn, Create, type Duration, FixedWindows, type KV, PCollection, Window, flow, minutes, named, pipe } from 'jetbeam'
import { type Same, is } from './equality.ts'
import type { Order } from './model.ts'

export interface Rejected<A, R> {
  readonly element: A
  readonly reason: R
}

/** Splits a collection by a check; the reasons keep their type. */
export const validate = <A, R, B>(check: (a: A) => E.Either<R, B>) =>
  named('Validate', (pc: PCollection<A>) => {
    const { left, right } = pipe(
      pc,
      PCollection.map(element =>
        pipe(
          check(element),
          E.mapLeft((reason): Rejected<A, R> => ({ element, reason })),
        ),
      ),
      PCollection.separate,
    )
    return { rejected: left, valid: right }
  })

/** The best `n` of each key per window. */
export const bestPerKey = <V>(n: number, ord: Ord.Ord<V>, every: Duration) =>
  named('BestPerKey', <K>(pc: PCollection<KV<K, V>>) =>
    pipe(pc, Window.into(FixedWindows.of(every)), Combine.perKey(CombineFn.top(n, ord))),
  )

/** Generic to the end: nothing fixed until it is used. */
export const allValues = <K, V>(pc: PCollection<KV<K, V>>) =>
  pipe(
    pc,
    named(
      'AllValues',
      flow(
        PCollection.values<K, V>,
        PCollection.map(value => ({ value })),
      ),
    ),
  )

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
  is<PCollection<{ readonly value: Order }>>()(
    pipe(
      orders,
      PCollection.keyBy(order => order.id),
      allValues,
    ),
  ),
  is<PCollection<Rejected<number, { tooSmall: number }>>>()(numbers.rejected),
  is<PCollection<string>>()(numbers.valid),
]
