// What must not compile about stateful DoFns.
import { Coder, DoFn, type KeyedElement, ParDo, Partition, PCollection, State, Timer, emit, pipe, seconds } from 'jetbeam'
import { StatefulTest } from 'jetbeam/testing'
import { userStats } from '../../examples/sessions.ts'
import type { Order, View } from './model.ts'

declare const orders: PCollection<Order>
const byId = pipe(orders, PCollection.keyBy(o => o.id))

// @ts-expect-error timer without handler
export const n1 = pipe(byId, ParDo.stateful({ state: { n: State.value(Coder.varint, 0) }, timers: { idle: Timer.eventTime }, process: (_, { n }) => [n.write(1)] }))
// @ts-expect-error timer named as a state
export const n2 = pipe(byId, ParDo.stateful({ state: { n: State.value(Coder.varint, 0) }, timers: { n: Timer.eventTime }, process: () => [], onTimer: { n: () => [] } }))
// @ts-expect-error wrong state value
export const n3 = pipe(byId, ParDo.stateful({ state: { n: State.value(Coder.varint, 0) }, process: (_, { n }) => [n.write('1')] }))
// @ts-expect-error unknown state
export const n4 = pipe(byId, ParDo.stateful({ state: { n: State.value(Coder.varint, 0) }, process: (_, { m }) => [emit(m)] }))
// @ts-expect-error a tag that Partition.on lacks
export const n5 = pipe(byId, ParDo.stateful({ state: { n: State.value(Coder.varint, 0) }, process: ({ value }) => [emit({ kind: 'slwo', value })] }), Partition.on('kind', ['slow']))
// @ts-expect-error unkeyed stateful
export const n6 = pipe(orders, ParDo.stateful({ state: { n: State.value(Coder.varint, 0) }, process: ({ value }) => [emit(value)] }))
// @ts-expect-error raw value instead of an effect
export const n7 = pipe(byId, ParDo.stateful({ state: { n: State.value(Coder.varint, 0) }, process: ({ value }) => [value] }))
// @ts-expect-error processing timer set to an instant
export const n8 = pipe(byId, ParDo.stateful({ state: {}, timers: { t: Timer.processingTime }, process: ({ timestamp }, { t }) => [t.set(timestamp)], onTimer: { t: () => [] } }))
// @ts-expect-error stateful fn applied to other values
export const n9 = pipe(byId, ParDo.of(userStats))
// @ts-expect-error wrong cells in test
export const n10 = StatefulTest.cells(userStats, { total: { views: 'x', millis: 5 } })
// @ts-expect-error onTimer for unknown timer
export const n11 = pipe(byId, ParDo.stateful({ state: {}, timers: { t: Timer.eventTime }, process: () => [], onTimer: { t: () => [], u: () => [] } }))
// @ts-expect-error event timer set to a length of time
export const n12 = pipe(byId, ParDo.stateful({ state: {}, timers: { t: Timer.eventTime }, process: (_, { t }) => [t.after(seconds(1))], onTimer: { t: () => [] } }))
// @ts-expect-error a promise instead of effects
export const n13 = pipe(byId, ParDo.stateful({ state: {}, process: async ({ value }) => [emit(value)] }))
// @ts-expect-error initial value of another type
export const n14 = State.value(Coder.varint, '0')
// @ts-expect-error cells of a state that is not there
export const n15 = StatefulTest.cells(userStats, { totals: 1 })
// @ts-expect-error effects of an element of another type
export const n16 = DoFn.stateful({ state: { n: State.bag(Coder.varint) }, process: ({ value }: KeyedElement<string, View>, { n }) => [n.add(value.page)] })
