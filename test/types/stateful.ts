// Stateful DoFns: what their types must come out as, and what must not compile.
import * as O from 'fp-ts/lib/Option.js'
import * as N from 'fp-ts/lib/number.js'
import {
  Coder,
  CombineFn,
  DoFn,
  Instant,
  type KV,
  ParDo,
  Partition,
  PCollection,
  State,
  Timer,
  emit,
  emitAt,
  minutes,
  pipe,
  seconds,
} from 'jetbeam'
import { StatefulTest } from 'jetbeam/testing'
import { userStats } from '../../examples/sessions.ts'
import { type Same, is } from './equality.ts'
import { type Order, type View, viewCoder } from './model.ts'

declare const orders: PCollection<Order>
declare const views: PCollection<View>
const byId = pipe(
  orders,
  PCollection.keyBy(o => o.id),
)
const totals = Coder.struct({ views: Coder.varint, millis: Coder.double })

interface Partial {
  readonly kind: 'partial'
  readonly user: string
  readonly views: number
  readonly recent: ReadonlyArray<View>
}
interface Final {
  readonly kind: 'final'
  readonly user: string
  readonly views: number
  readonly millis: number
  readonly pages: ReadonlyArray<KV<string, number>>
}

const stats = pipe(
  views,
  PCollection.keyBy(view => view.user),
  ParDo.of(userStats),
  Partition.on('kind', ['partial', 'final', 'expired']),
)

const inPlace = pipe(
  views,
  PCollection.keyBy(view => view.user),
  ParDo.stateful({
    state: { total: State.value(totals, { views: 0, millis: 0 }), recent: State.bag(viewCoder) },
    timers: { idle: Timer.eventTime },
    process: ({ value: view, timestamp }, { total, idle }) => [
      total.write({ views: total.read.views + 1, millis: total.read.millis + view.millis }),
      idle.set(pipe(timestamp, Instant.plus(minutes(30)))),
      view.millis > 10_000 && emit({ kind: 'slow', view }),
    ],
    onTimer: { idle: ({ key }, { total }) => [emit({ kind: 'final', user: key, ...total.read }), total.clear] },
  }),
  Partition.on('kind', ['slow', 'final']),
)

export const partial: PCollection<Partial> = stats.partial
export const final: PCollection<Final> = stats.final

export const checks: Same = [
  is<PCollection<{ readonly kind: 'slow'; readonly view: View }>>()(inPlace.slow),
  is<PCollection<{ readonly kind: 'expired'; readonly user: string; readonly views: number }>>()(stats.expired),
  // ParDo.of around DoFn.stateful, in place: context goes through two calls
  is<PCollection<number>>()(
    pipe(
      byId,
      ParDo.of(
        DoFn.stateful({
          state: { n: State.value(Coder.varint, 0) },
          process: ({ value }, { n }) => [n.write(n.read + value.total), n.read > 10 && emit(n.read)],
        }),
      ),
    ),
  ),
  // every kind of state, as its cell reads it
  is<
    PCollection<
      readonly [O.Option<string>, number, number, ReadonlyArray<string>, O.Option<boolean>, boolean, readonly (readonly [Instant, Order])[]]
    >
  >()(
    pipe(
      byId,
      ParDo.stateful({
        state: {
          value: State.value(Coder.string),
          sum: State.combining(Coder.double, N.MonoidSum),
          mean: State.combining(Coder.structural<readonly [number, number]>(), CombineFn.mean),
          bag: State.bag(Coder.string),
          map: State.map(Coder.kv(Coder.string, Coder.varint), Coder.boolean),
          set: State.set(Coder.string),
          list: State.orderedList(Coder.structural<Order>()),
        },
        timers: { families: Timer.eventTimeFamily },
        process: ({ value, timestamp }, { value: v, sum, mean, bag, map, set, list, families }) => [
          v.write(O.some(value.id)),
          sum.add(value.total),
          mean.add(value.total),
          map.put([value.id, 1], true),
          set.remove(value.id),
          list.add(timestamp, value),
          families.set(value.id, timestamp, { outputTimestamp: timestamp }),
          emit([v.read, sum.read, mean.read, bag.read, map.get([value.id, 1]), set.has(value.id), [...list.range(timestamp, timestamp)]]),
        ],
        onTimer: { families: ({ tag }, { bag }) => [bag.add(tag)] },
      }),
    ),
  ),
  // what a handler alone emits is part of the output
  is<PCollection<'timer'>>()(
    pipe(
      byId,
      ParDo.stateful({
        state: {},
        timers: { t: Timer.processingTime },
        process: (_, { t }) => [t.after(seconds(1))],
        onTimer: { t: ({ timestamp }) => [emitAt(timestamp)('timer')] },
      }),
    ),
  ),
]

const cells = StatefulTest.cells(userStats, { total: { views: 1, millis: 5 }, perPage: new Map([['/a', 1]]), recent: [] })
export const effects = userStats.process(
  StatefulTest.element({ key: 'u1', value: { user: 'u1', page: '/', at: Instant.ofMillis(1), millis: 5 }, timestamp: Instant.ofMillis(1) }),
  cells,
)
export const cellChecks: Same = [is<number>()(cells.total.read.views), is<ReadonlyArray<View>>()(cells.recent.read)]
