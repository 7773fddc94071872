// Types of side inputs that must come out exactly so.
import type * as O from 'fp-ts/lib/Option.js'
import {
  AfterCount,
  Create,
  DoFn,
  FixedWindows,
  GlobalWindows,
  KV,
  type Lookup,
  type Multilookup,
  ParDo,
  PCollection,
  Repeatedly,
  Reshuffle,
  type SideInput,
  View,
  Wait,
  Window,
  type Windowed,
  emit,
  hours,
  pipe,
} from 'jetbeam'
import { type Same, is } from './equality.ts'
import type { Order, Payment } from './model.ts'

declare const orders: PCollection<Order>
declare const payments: PCollection<Payment>
interface Flag {
  readonly name: string
  readonly tenant: string
}
declare const changes: PCollection<KV<string, O.Option<Flag>>>

const flags = pipe(
  changes,
  View.asIndex(flag => flag.tenant),
)
const rates = pipe(
  orders,
  PCollection.map(order => KV.of(order.id, order.total)),
  Window.into(FixedWindows.of(hours(1))),
  View.asMap,
)
const flagsTheBeamWay = pipe(
  changes,
  PCollection.filterMap(([, flag]) => flag),
  PCollection.keyBy(flag => flag.tenant),
  Window.into(GlobalWindows, { trigger: Repeatedly.forever(AfterCount.of(1)), accumulation: 'accumulating' }),
  View.asMultimap,
)
const withSides = DoFn.bundled({
  sides: { flags, rates },
  startBundle: () => ({ seen: 0 }),
  process: ({ value }: Windowed<Order>, { bundle, sides }) => [
    emit(sides.rates.get(value.id)),
    bundle.seen > 1 && emit(sides.flags.get('x').length),
  ],
})

export const checks: Same = [
  is<SideInput<Multilookup<string, Flag>>>()(flags),
  is<SideInput<Lookup<string, number>>>()(rates),
  is<SideInput<Multilookup<string, Flag>>>()(flagsTheBeamWay),
  is<SideInput<Lookup<string, Flag>>>()(View.asTable(changes)),
  is<SideInput<ReadonlyArray<Payment>>>()(View.asList(payments)),
  is<SideInput<Iterable<Payment>>>()(View.asIterable(payments)),
  is<SideInput<Payment>>()(View.asSingleton(payments)),
  is<PCollection<number>>()(
    pipe(
      orders,
      PCollection.mapWith({ rate: pipe(Create.of([1.1]), View.asSingletonOr(1)) }, (o, { rate }) => o.total * rate),
    ),
  ),
  is<PCollection<readonly [string, O.Option<number>, readonly string[]]>>()(
    pipe(
      orders,
      PCollection.mapWith({ flags, rates }, (o, { flags, rates }) => [
        o.id,
        rates.get(o.id),
        flags.get(o.id).map(flag => flag.name) as readonly string[],
      ]),
    ),
  ),
  is<PCollection<string | number>>()(
    pipe(
      orders,
      PCollection.flatMapWith({ flags }, (o, { flags }) => (flags.has(o.id) ? [o.id] : [o.total])),
    ),
  ),
  is<PCollection<number | O.Option<number>>>()(pipe(orders, ParDo.of(withSides))),
  is<PCollection<readonly [string, number]>>()(
    pipe(
      orders,
      ParDo.bundled({
        sides: { all: View.asList(payments) },
        setup: () => 'x',
        process: ({ value }, { setup, sides }) => [emit([value.id + setup, sides.all.length] as const)],
      }),
    ),
  ),
  is<PCollection<Order>>()(pipe(orders, Wait.on(payments, changes), Reshuffle.of)),
]
