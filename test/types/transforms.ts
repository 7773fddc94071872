// Types of joins and aggregations that must come out exactly so, and what must not compile.
import type { Either } from 'fp-ts/lib/Either.js'
import * as N from 'fp-ts/lib/number.js'
import type { Option } from 'fp-ts/lib/Option.js'
import * as S from 'fp-ts/lib/string.js'
import type { These } from 'fp-ts/lib/These.js'
import {
  CalendarWindows,
  CoGroupByKey,
  Combine,
  CombineFn,
  Create,
  Distinct,
  type Failure,
  IntervalWindow,
  Join,
  type KV,
  Latest,
  Max,
  Mean,
  Min,
  PCollection,
  Reify,
  Regex,
  Sample,
  Sum,
  ToString,
  Top,
  View as PipelineView,
  Window,
  type Windowed,
  WindowFn,
  WithKeys,
  flow,
  mergeOverlapping,
  pipe,
} from 'jetbeam'
import { type Same, is } from './equality.ts'
import type { Order, Payment, View } from './model.ts'

declare const orders: PCollection<Order>
declare const payments: PCollection<Payment>
declare const views: PCollection<View>
const byId = pipe(
  orders,
  PCollection.keyBy(o => o.id),
)
const byOrder = pipe(
  payments,
  PCollection.keyBy(p => p.orderId),
)
const byAmount = pipe(
  payments,
  PCollection.keyBy(p => p.amount),
)
const millis = pipe(
  views,
  PCollection.keyBy(v => v.page),
  PCollection.mapValues(v => v.millis),
)

export const joins: Same = [
  is<PCollection<KV<string, { readonly o: readonly Order[]; readonly p: readonly Payment[] }>>>()(CoGroupByKey.of({ o: byId, p: byOrder })),
  is<PCollection<KV<string, { readonly byId: readonly Order[] }>>>()(CoGroupByKey.of({ byId })),
  is<PCollection<KV<string, readonly [Order, Payment]>>>()(pipe(byId, Join.inner(byOrder))),
  is<PCollection<KV<string, readonly [Order, Option<Payment>]>>>()(pipe(byId, Join.left(byOrder))),
  is<PCollection<KV<string, readonly [Option<Order>, Payment]>>>()(pipe(byId, Join.right(byOrder))),
  is<PCollection<KV<string, These<Order, Payment>>>>()(pipe(byId, Join.full(byOrder))),
  is<PCollection<KV<string, readonly [Order, Option<Payment>]>>>()(
    pipe(
      orders,
      PCollection.keyBy(o => o.id),
      Join.left(
        pipe(
          payments,
          PCollection.keyBy(p => p.orderId),
        ),
      ),
    ),
  ),
]
export const aggregates: Same = [
  is<PCollection<readonly number[]>>()(pipe(Create.of([3, 1]), Top.of(1, N.Ord))),
  is<PCollection<KV<string, readonly number[]>>>()(pipe(millis, Top.perKey(3, N.Ord))),
  is<PCollection<KV<string, readonly number[]>>>()(pipe(millis, Top.smallestPerKey(3, N.Ord))),
  is<PCollection<number>>()(pipe(Create.of([3, 1]), Min.globally(N.Ord))),
  is<PCollection<KV<string, number>>>()(pipe(millis, Max.perKey(N.Ord))),
  is<PCollection<KV<string, number>>>()(pipe(millis, Mean.perKey)),
  is<PCollection<number>>()(pipe(Create.of([3, 1]), Sum.globally)),
  is<PCollection<KV<string, number>>>()(pipe(millis, Latest.perKey)),
  is<PCollection<View>>()(pipe(views, Latest.globally)),
  is<PCollection<View>>()(
    pipe(
      views,
      Distinct.by(v => v.user),
    ),
  ),
  is<PCollection<View>>()(pipe(views, Distinct.of)),
  is<PCollection<View>>()(pipe(views, Sample.any(3))),
  is<PCollection<readonly View[]>>()(pipe(views, Sample.fixedSizeGlobally(3))),
  is<PCollection<KV<string, readonly number[]>>>()(pipe(millis, Sample.fixedSizePerKey(3))),
  is<PCollection<KV<string, Windowed<number>>>>()(pipe(millis, Reify.windowedValues)),
]
export const fanout: Same = [
  is<PCollection<KV<string, number>>>()(pipe(millis, Combine.perKey(N.MonoidSum, { fanout: 3 }))),
  is<PCollection<KV<string, number>>>()(pipe(millis, Combine.perKey(CombineFn.mean, { fanout: (page: string) => page.length }))),
  is<PCollection<number>>()(pipe(Create.of([1]), Combine.globally(CombineFn.mean, { fanout: 3 }))),
]
export const text: Same = [
  is<PCollection<string>>()(pipe(Create.of(['a']), Regex.matches(/a/))),
  is<PCollection<KV<string, string>>>()(pipe(Create.of(['a']), Regex.findKV(/(a)(b)/, 1, 2))),
  is<PCollection<readonly string[]>>()(pipe(Create.of(['a']), Regex.findAll(/a/))),
  is<PCollection<readonly (string | null)[]>>()(pipe(Create.of(['a']), Regex.allMatches(/a/))),
  is<PCollection<string>>()(pipe(views, ToString.elements)),
  is<PCollection<string>>()(pipe(millis, ToString.kvs(': '))),
]
export const keys: Same = [
  is<PCollection<KV<string, View>>>()(
    pipe(
      views,
      WithKeys.of(v => v.page),
    ),
  ),
  is<PCollection<KV<'all', View>>>()(pipe(views, WithKeys.constant('all'))),
]
// window functions keep the element's own type, and say what they must see of it
const perVisit = WindowFn.of({ name: 'visit', assign: (v: { readonly millis: number }, at) => [IntervalWindow.of(at, at + v.millis)] })
export const windows: Same = [
  is<WindowFn<{ readonly millis: number }>>()(perVisit),
  is<PCollection<View>>()(pipe(views, Window.into(perVisit))),
  is<PCollection<View>>()(pipe(views, Window.into(CalendarWindows.days(1)))),
  is<PCollection<View>>()(
    pipe(
      views,
      Window.into(WindowFn.merging({ name: 'gap', assign: (_, at) => [IntervalWindow.of(at, at + 1)], merge: mergeOverlapping })),
    ),
  ),
]
export const failures: Same = [
  is<PCollection<Either<Failure<Order>, string>>>()(
    pipe(
      orders,
      PCollection.tryMap(o => o.id),
    ),
  ),
  is<PCollection<Either<Failure<Order>, string | number>>>()(
    pipe(
      orders,
      PCollection.tryFlatMap(o => (o.total > 0 ? [o.id] : [o.total])),
    ),
  ),
  is<PCollection<Either<Failure<Order>, number>>>()(
    pipe(
      orders,
      PCollection.tryMapWith({ rate: pipe(Create.of([1.1]), PipelineView.asSingletonOr(1)) }, (o, { rate }) => o.total * rate),
    ),
  ),
  is<PCollection<Either<Failure<Order>, Order>>>()(
    pipe(
      orders,
      PCollection.tryFilter(o => o.total > 0),
    ),
  ),
  is<PCollection<Either<Failure<string | null>, string>>>()(
    pipe(
      Create.of(['a', null]),
      PCollection.tryFilter(s => s !== null),
    ),
  ),
  is<PCollection<Either<Failure<Order>, KV<readonly [string, number], Order>>>>()(
    pipe(
      orders,
      PCollection.tryKeyBy(o => [o.id, o.total]),
    ),
  ),
  is<PCollection<KV<string, number>>>()(
    pipe(
      byId,
      PCollection.tryMapValues(o => o.total),
      PCollection.deadLetter(
        flow(
          PCollection.map(({ element: [id, order] }) => `${id} ${order.customer}`),
          PCollection.ignore,
        ),
      ),
    ),
  ),
  is<PCollection<Either<Failure<KV<string, Order>>, KV<number, Order>>>>()(
    pipe(
      byId,
      PCollection.tryMapKeys(id => id.length),
    ),
  ),
]

// @ts-expect-error keys of different types
export const n1 = CoGroupByKey.of({ byId, byAmount })
// @ts-expect-error join with other key
export const n2 = pipe(byId, Join.inner(byAmount))
// @ts-expect-error elements without keys
export const n3 = CoGroupByKey.of({ byId, orders })
// @ts-expect-error an order of other values
export const n4 = pipe(millis, Top.perKey(1, S.Ord))
// @ts-expect-error the mean of text
export const n5 = pipe(Create.of(['a']), Mean.globally)
// @ts-expect-error text is asked for
export const n6 = pipe(Create.of([1]), Regex.find(/a/))
// @ts-expect-error the window function must see more of an element
export const n7 = pipe(orders, Window.into(perVisit))
// @ts-expect-error a week begins on a day
export const n8 = CalendarWindows.weeks(1)
// @ts-expect-error a kind of element that is no pair
export const n9 = pipe(orders, Latest.perKey)
// @ts-expect-error a fanout by keys of another type
export const n10 = pipe(millis, Combine.perKey(N.MonoidSum, { fanout: (page: number) => page }))
