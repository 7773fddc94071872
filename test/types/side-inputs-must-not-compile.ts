// What must not compile of side inputs.
import type * as O from 'fp-ts/lib/Option.js'
import { Create, KV, ParDo, PCollection, View, emit, pipe } from 'jetbeam'
import type { Order, Payment } from './model.ts'

declare const orders: PCollection<Order>
declare const payments: PCollection<Payment>
declare const changes: PCollection<KV<string, O.Option<number>>>
const rates = View.asTable(changes)

// @ts-expect-error a map of what is no pair
export const n1 = pipe(orders, PCollection.mapWith({ p: pipe(payments, View.asMap) }, (o, { p }) => p.get(o.id)))
// @ts-expect-error a collection is no side input
export const n2 = pipe(orders, PCollection.mapWith({ payments }, (o, { payments }) => [o, payments]))
// @ts-expect-error a side that is not there
export const n3 = pipe(orders, PCollection.mapWith({ rates }, (o, { flags }) => [o, flags]))
// @ts-expect-error a key of another type
export const n4 = pipe(orders, PCollection.mapWith({ rates }, (o, { rates }) => rates.get(o.total)))
// @ts-expect-error a table of a collection that is no changelog
export const n5 = View.asTable(Create.of([KV.of('a', 1)]))
// @ts-expect-error side inputs are for process: there is no window at a bundle's end
export const n6 = pipe(orders, ParDo.bundled({ sides: { rates }, process: () => [], finishBundle: ({ sides }) => [emit(sides.rates)] }))
// @ts-expect-error another default than the elements' type
export const n7 = pipe(Create.of([1]), View.asSingletonOr('none'))
