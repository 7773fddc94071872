// Types that must come out exactly so.
import * as E from 'fp-ts/lib/Either.js'
import * as N from 'fp-ts/lib/number.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  AfterCount,
  Coder,
  Combine,
  CombineFn,
  Count,
  Create,
  DoFn,
  type Failure,
  FixedWindows,
  Flatten,
  GroupByKey,
  KV,
  ParDo,
  Partition,
  PCollection,
  type PDone,
  Reify,
  Window,
  type Windowed,
  emit,
  flow,
  minutes,
  named,
  pipe,
} from 'jetbeam'
import { countWords } from '../../examples/word-count.ts'
import { type Same, is } from './equality.ts'
import type { Order, Payment, View } from './model.ts'

declare const orders: PCollection<Order>
declare const payments: PCollection<Payment>
declare const views: PCollection<View>
declare const ordersByKey: PCollection<KV<string, Order>>
declare const paymentsByKey: PCollection<KV<string, Payment>>
declare const write: <A>(o: { readonly subject: (a: A) => string }) => (pc: PCollection<A>) => PDone

const hosts = DoFn.bundled({
  startBundle: () => ({ seen: 0 }),
  process: ({ value }: Windowed<Order>, { bundle }) => [bundle.seen > 0 && emit(value.id)],
  finishBundle: ({ bundle }) => [emit(bundle.seen)],
})

export const checks: Same = [
  // named: around a lambda, an overload, a generic function, a flow
  is<PCollection<string>>()(
    pipe(
      orders,
      named(
        'Ids',
        PCollection.map(o => o.id),
      ),
    ),
  ),
  is<PCollection<Order>>()(
    pipe(
      orders,
      named(
        'Paid',
        PCollection.filter(o => o.total > 0),
      ),
    ),
  ),
  is<PCollection<KV<Order, number>>>()(pipe(orders, named('Count', Count.perElement))),
  is<PCollection<KV<string, number>>>()(pipe(Create.of(['a b']), countWords)),
  is<PCollection<KV<string, number>>>()(
    pipe(
      orders,
      named(
        'Total',
        flow(
          PCollection.keyBy(o => o.customer),
          PCollection.mapValues(o => o.total),
          Combine.perKey(N.MonoidSum),
        ),
      ),
    ),
  ),
  // filter narrows by an inferred predicate
  is<PCollection<string>>()(
    pipe(
      Create.of(['a', null]),
      PCollection.filter(s => s !== null),
    ),
  ),
  // branches with different element types
  is<PCollection<string | number>>()(
    pipe(
      orders,
      PCollection.flatMap(o => (o.total > 0 ? [o.id] : [o.total])),
    ),
  ),
  is<
    PCollection<
      { readonly kind: 'a'; readonly id: string; readonly n?: never } | { readonly kind: 'b'; readonly n: number; readonly id?: never }
    >
  >()(
    pipe(
      orders,
      PCollection.map(o => (o.total > 0 ? { kind: 'a', id: o.id } : { kind: 'b', n: o.total })),
    ),
  ),
  is<PCollection<string>>()(
    pipe(
      orders,
      PCollection.flatMap(o => (o.total > 0 ? [o.id] : [])),
    ),
  ),
  is<PCollection<string>>()(
    pipe(
      orders,
      PCollection.flatMap(function* (o) {
        yield o.id
      }),
    ),
  ),
  is<PCollection<string>>()(
    pipe(
      orders,
      PCollection.filterMap(o => (o.total > 0 ? O.some(o.id) : O.none)),
    ),
  ),
  // Flatten of unlike inputs
  is<PCollection<Order | Payment>>()(Flatten.of(orders, payments)),
  is<PCollection<Order>>()(Flatten.of(orders, orders)),
  is<PCollection<KV<string, Order | Payment>>>()(Flatten.of(ordersByKey, paymentsByKey)),
  is<PCollection<KV<string, ReadonlyArray<Order | Payment>>>>()(pipe(Flatten.of(ordersByKey, paymentsByKey), GroupByKey.of)),
  // keys and values
  is<PCollection<KV<readonly [string, string], number>>>()(
    pipe(
      views,
      PCollection.keyBy(v => [v.user, v.page]),
      Count.perKey,
    ),
  ),
  is<PCollection<KV<{ readonly user: string; readonly page: string }, number>>>()(
    pipe(
      views,
      PCollection.keyBy(v => ({ user: v.user, page: v.page })),
      Count.perKey,
    ),
  ),
  is<PCollection<KV<string, number>>>()(
    pipe(
      views,
      PCollection.keyBy((): string => 'all'),
      Count.perKey,
    ),
  ),
  is<PCollection<string>>()(
    pipe(
      views,
      PCollection.keyBy(v => v.page),
      PCollection.keys,
    ),
  ),
  is<PCollection<View>>()(
    pipe(
      views,
      PCollection.keyBy(v => v.page),
      PCollection.values,
    ),
  ),
  is<PCollection<KV<number, View>>>()(
    pipe(
      views,
      PCollection.keyBy(v => v.page),
      PCollection.mapKeys(page => page.length),
    ),
  ),
  is<PCollection<KV<string, readonly View[]>>>()(
    pipe(
      views,
      PCollection.keyBy(v => v.page),
      GroupByKey.of,
    ),
  ),
  // combine
  is<PCollection<KV<string, number>>>()(
    pipe(
      views,
      PCollection.map(v => KV.of(v.page, v.millis)),
      Combine.perKey(CombineFn.mean),
    ),
  ),
  is<PCollection<number>>()(
    pipe(
      views,
      PCollection.map(v => v.millis),
      Combine.globally(N.MonoidSum),
    ),
  ),
  is<PCollection<number>>()(pipe(views, Count.globally)),
  is<PCollection<ReadonlyMap<string, number>>>()(
    pipe(
      views,
      Combine.globally(
        pipe(
          CombineFn.count,
          CombineFn.groupBy((v: View) => v.page),
        ),
      ),
    ),
  ),
  is<PCollection<string>>()(
    pipe(
      views,
      Combine.globally(
        pipe(
          CombineFn.mean,
          CombineFn.contramap((v: View) => v.millis),
          CombineFn.map(mean => mean.toFixed(2)),
        ),
      ),
    ),
  ),
  is<PCollection<number>>()(
    pipe(
      views,
      Combine.globally(
        CombineFn.of({
          create: () => ({ n: 0 }),
          add: (a, v: View) => {
            a.n += v.millis
            return a
          },
          merge: (a, b) => ({ n: a.n + b.n }),
          extract: a => a.n,
        }),
      ),
    ),
  ),
  is<PCollection<readonly number[]>>()(pipe(Create.of([3, 1]), Combine.globally(CombineFn.top(1, N.Ord)))),
  // partition
  is<{ readonly small: PCollection<Order>; readonly large: PCollection<Order> }>()(
    pipe(
      orders,
      Partition.by(['small', 'large'], o => (o.total > 10 ? 'large' : 'small')),
    ),
  ),
  // a bundle's life cycle, with outputs
  is<{
    readonly host: PCollection<{ readonly to: 'host'; readonly host: string }>
    readonly cheap: PCollection<{ readonly to: 'cheap'; readonly order: Order }>
  }>()(
    pipe(
      orders,
      ParDo.bundled({
        setup: async () => new URL('http://x'),
        startBundle: url => ({ url, seen: 0 }),
        process: ({ value }, { bundle }) => {
          bundle.seen++
          return value.total < 1 ? [emit({ to: 'cheap', order: value })] : [emit({ to: 'host', host: bundle.url.host })]
        },
        teardown: url => {
          url.toString()
        },
      }),
      Partition.on('to', ['host', 'cheap']),
    ),
  ),
  is<PCollection<string | number>>()(pipe(orders, ParDo.of(hosts))),
  // ParDo.of around DoFn.bundled, in place: context goes through two calls
  is<PCollection<string>>()(pipe(orders, ParDo.of(DoFn.bundled({ process: ({ value }) => [value.total > 1 && emit(value.id)] })))),
  // dead letter with a sink that is a lambda or a flow
  is<PCollection<string>>()(
    pipe(
      orders,
      PCollection.map(o => (o.total > 0 ? E.right(o.id) : E.left({ why: o.total }))),
      PCollection.deadLetter(
        flow(
          PCollection.map(l => l.why),
          write({ subject: n => `d.${n.toFixed()}` }),
        ),
      ),
    ),
  ),
  is<PCollection<string>>()(
    pipe(
      orders,
      PCollection.tryMap(o => o.id),
      PCollection.deadLetter(write({ subject: f => `d.${f.element.id}` })),
    ),
  ),
  // asynchronous verbs
  is<PCollection<number>>()(
    pipe(
      orders,
      PCollection.mapAsync(async (o, { attempt }) => o.total + attempt),
    ),
  ),
  is<PCollection<E.Either<Failure<Order>, number>>>()(
    pipe(
      orders,
      PCollection.tryMapAsync(async o => o.total),
    ),
  ),
  is<{ readonly left: PCollection<{ readonly code: number }>; readonly right: PCollection<string> }>()(
    pipe(
      orders,
      PCollection.mapTaskEither((o): TE.TaskEither<{ readonly code: number }, string> => TE.right(o.id), {
        retry: { attempts: 2, while: e => e.code > 1 },
      }),
      PCollection.separate,
    ),
  ),
  // tee
  is<PCollection<Order>>()(
    pipe(
      orders,
      PCollection.tee(
        flow(
          PCollection.map(o => o.id),
          write({ subject: id => id }),
        ),
      ),
    ),
  ),
  // sink at the end
  is<PDone>()(
    pipe(
      orders,
      PCollection.keyBy(o => o.id),
      write({ subject: ([id]) => id }),
    ),
  ),
  is<PDone>()(pipe(orders, PCollection.ignore)),
  is<PCollection<Windowed<Order>>>()(pipe(orders, Reify.windowed)),
]
// a window transform as a value, used for two types, and first in a flow
const perMinute = Window.into(FixedWindows.of(minutes(1)), { trigger: AfterCount.of(1), accumulation: 'discarding' })
const counted = flow(perMinute, Count.perElement)
export const checks2: Same = [
  is<PCollection<Order>>()(pipe(orders, perMinute)),
  is<PCollection<Payment>>()(pipe(payments, perMinute)),
  is<PCollection<KV<Order, number>>>()(pipe(orders, counted)),
]
// a coder for the keys, given in place
export const checks3: Same = [
  is<PCollection<KV<string, Order>>>()(
    pipe(
      orders,
      PCollection.keyBy(o => o.id, { coder: Coder.string }),
    ),
  ),
  is<PCollection<KV<{ readonly user: string }, View>>>()(
    pipe(
      views,
      PCollection.keyBy(v => ({ user: v.user }), { coder: Coder.struct({ user: Coder.string }) }),
    ),
  ),
  is<PCollection<KV<string, number>>>()(
    pipe(
      views,
      Count.perElement,
      PCollection.map(([v, n]) => KV.of(v.page, n)),
      PCollection.withCoder(Coder.kv(Coder.string, Coder.varint)),
    ),
  ),
]
