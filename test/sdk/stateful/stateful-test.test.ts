// A stateful DoFn without a runner: its functions are called, and what they return is compared.
import * as O from 'fp-ts/lib/Option.js'
import * as N from 'fp-ts/lib/number.js'
import { assert } from 'chai'
import {
  Coder,
  CombineFn,
  DoFn,
  Instant,
  type KeyedElement,
  State,
  Timer,
  emit,
  emitAt,
  millis,
  minutes,
  seconds,
} from '../../../sdk/index.ts'
import { userStats } from '../../../examples/sessions.ts'
import { StatefulTest } from '../../../sdk/testing/index.ts'

const at = Instant.ofMillis
const view = (user: string, page: string, ms: number) => ({ user, page, at: at(ms), millis: 5 })

describe('a stateful DoFn without a runner', () => {
  it('counts a page it has seen before', () => {
    const cells = StatefulTest.cells(userStats, { total: { views: 1, millis: 5 }, perPage: new Map([['/a', 1]]) })
    const effects = userStats.process(StatefulTest.element({ key: 'u1', value: view('u1', '/a', 1_000), timestamp: at(1_000) }), cells)
    assert.deepEqual(StatefulTest.effects(effects), [
      cells.total.write({ views: 2, millis: 10 }),
      cells.recent.add(view('u1', '/a', 1_000)),
      cells.perPage.put('/a', 2),
      cells.idle.set(at(1_000 + minutes(30))),
      cells.flush.after(seconds(10)),
    ])
  })

  it('ends a session when its user is idle', () => {
    const cells = StatefulTest.cells(userStats, { total: { views: 2, millis: 10 } })
    const effects = userStats.onTimer.idle(StatefulTest.firing({ key: 'u1', timestamp: at(0) }), cells)
    assert.deepInclude(StatefulTest.effects(effects), emit({ kind: 'final', user: 'u1', views: 2, millis: 10, pages: [] }))
    assert.deepInclude(StatefulTest.effects(effects), cells.flush.clear)
  })

  it('says what a window leaves', () => {
    const cells = StatefulTest.cells(userStats, { total: { views: 2, millis: 10 } })
    const [expired] = userStats.onWindowExpiration({ key: 'u1', window: StatefulTest.firing({ key: '', timestamp: at(0) }).window }, cells)
    assert.deepEqual(expired, emit({ kind: 'expired', user: 'u1', views: 2 }))
  })

  const every = DoFn.stateful({
    state: {
      value: State.value(Coder.string),
      sum: State.combining(Coder.double, N.MonoidSum),
      mean: State.combining(Coder.structural<readonly [number, number]>(), CombineFn.mean),
      bag: State.bag(Coder.varint),
      map: State.map(Coder.structural<readonly [string, number]>(), Coder.boolean),
      set: State.set(Coder.structural<{ readonly id: number }>()),
      list: State.orderedList(Coder.string),
    },
    timers: { family: Timer.eventTimeFamily, clocks: Timer.processingTimeFamily },
    process: (_: KeyedElement<string, null>, { family }) => [family.set('x', at(1), { outputTimestamp: at(0) })],
    onTimer: { family: ({ tag }) => [emitAt(at(3))(tag)], clocks: (_, { clocks }) => [clocks.after('y', millis(5)), clocks.clear('y')] },
  })

  it('has cells of every kind that hold what the test says', () => {
    const cells = StatefulTest.cells(every, {
      value: 'v',
      sum: 3,
      mean: 2.5,
      bag: [1, 2],
      map: [[['a', 1], true]],
      set: [{ id: 1 }],
      list: [
        [at(5), 'later'],
        [at(1), 'sooner'],
      ],
    })
    assert.deepEqual(cells.value.read, O.some('v'))
    assert.strictEqual(cells.sum.read, 3)
    assert.strictEqual(cells.mean.read, 2.5)
    assert.deepEqual(cells.bag.read, [1, 2])
    assert.isFalse(cells.bag.isEmpty)
    assert.deepEqual(cells.map.get(['a', 1]), O.some(true))
    assert.isTrue(cells.set.has({ id: 1 }))
    assert.deepEqual([...cells.list.range(at(0), at(5))], [[at(1), 'sooner']])
    assert.deepEqual([...cells.list.range(at(1), at(6))].length, 2)
    assert.deepEqual(cells.list.first(at(2)), O.some([at(5), 'later'] as const))
  })

  it('has cells like a new key where the test says nothing', () => {
    const cells = StatefulTest.cells(every)
    assert.deepEqual(cells.value.read, O.none)
    assert.strictEqual(cells.sum.read, 0)
    assert.deepEqual([...cells.map.entries], [])
    assert.isTrue(cells.bag.isEmpty)
    assert.isFalse(cells.set.has({ id: 1 }))
  })

  it('refuses contents of a state that it has not', () => {
    const contents = { total: { views: 1, millis: 1 }, other: 1 }
    assert.throws(() => StatefulTest.cells(userStats, contents), /no state other/)
  })

  it('refuses timers and handlers that do not belong together, where no compiler has', () => {
    const untyped = DoFn.stateful as unknown as (spec: object) => unknown // as a program without types sees it
    const make = (o: object) => () => untyped({ state: { n: State.value(Coder.varint, 0) }, process: () => [], ...o })
    assert.throws(make({ timers: { t: Timer.eventTime } }), /the timer t has no handler/)
    assert.throws(make({ onTimer: { t: () => [] } }), /onTimer.t handles no timer/)
    assert.throws(make({ timers: { n: Timer.eventTime }, onTimer: { n: () => [] } }), /the timer n is named as a state is/)
    assert.throws(
      () =>
        State.map(
          Coder.json((a): a is string => typeof a === 'string'),
          Coder.varint,
        ),
      /not deterministic/,
    )
  })
})
