// Stateful DoFns driven by hand: when timers fire and in which order, what holds the watermark, what is dropped, and what is refused.
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import * as O from 'fp-ts/lib/Option.js'
import {
  Coder,
  DoFn,
  type Duration,
  FixedWindows,
  Instant,
  type KeyedElement,
  SlidingWindows,
  State,
  Timer,
  emit,
  emitAt,
  millis,
  seconds,
} from '../../../sdk/index.ts'
import type { StateChange } from '../../../sdk/stateful/effects.ts'
import { DrivenStateful } from './driven-stateful.ts'

const at = Instant.ofMillis
const lateness = (ms: number): { readonly allowedLateness: Duration } => ({ allowedLateness: millis(ms) })

/** Counts, and does with its timers what the element says: [timer, time, output timestamp]. */
type Order = readonly [timer: 'a' | 'b' | 'clock' | 'tags', time: number, o?: { readonly tag?: string; readonly output?: number }]
const ordered = DoFn.stateful({
  state: { n: State.value(Coder.varint, 0) },
  timers: { b: Timer.eventTime, a: Timer.eventTime, clock: Timer.processingTime, tags: Timer.eventTimeFamily },
  process: ({ value }: KeyedElement<string, Order>, { n, a, b, clock, tags }) => {
    const [timer, time, o] = value
    const outputTimestamp = o?.output === undefined ? undefined : at(o.output)
    return [
      n.write(n.read + 1),
      timer === 'clock' && clock.after(millis(time), { outputTimestamp }),
      timer === 'tags' && tags.set(o?.tag ?? '', at(time), { outputTimestamp }),
      timer === 'a' && (time < 0 ? a.clear : a.set(at(time), { outputTimestamp })),
      timer === 'b' && b.set(at(time), { outputTimestamp }),
    ]
  },
  onTimer: {
    a: ({ key }, { n }) => [emit(`a ${key} ${n.read}`)],
    b: ({ key }, { n }) => [emit(`b ${key} ${n.read}`)],
    clock: ({ key, timestamp }, { n }) => [emit(`clock ${key} ${n.read} of ${timestamp}`)],
    tags: ({ key, tag }) => [emit(`${tag} ${key}`)],
  },
})

const counting = DoFn.stateful({
  state: { n: State.value(Coder.varint, 0) },
  process: ({ key }: KeyedElement<string, unknown>, { n }) => [n.write(n.read + 1), emit(`${key} ${n.read + 1}`)],
  onWindowExpiration: ({ key, window }, { n }) => [emit(`${key} had ${n.read} in ${window.start}`)],
})

describe('state', () => {
  it('is kept by key and window, each apart', () => {
    const driven = new DrivenStateful(counting, { strategy: { windowFn: FixedWindows.of(millis(10)) } })
    driven.add([1, 'x'], [2, 'y'], [3, 'x'], [11, 'x'])
    assert.deepEqual(driven.take(), ['x 1', 'y 1', 'x 2', 'x 1'])
    assert.strictEqual(driven.head.size(), 3)
  })

  it('is kept for each window that an element lies in', () => {
    const driven = new DrivenStateful(counting, { strategy: { windowFn: SlidingWindows.of(millis(10), { every: millis(5) }) } })
    driven.add([6, 'x'], [11, 'x'])
    assert.deepEqual(driven.take(), ['x 1', 'x 1', 'x 1', 'x 2'])
  })

  it('of equal keys is one, however they were made', () => {
    const driven = new DrivenStateful(counting)
    driven.add([1, ['k', { a: 1, b: 2 }]], [2, ['k', { b: 2, a: 1 }]])
    assert.deepEqual(driven.take(), ['k,[object Object] 1', 'k,[object Object] 2'])
    assert.strictEqual(driven.head.size(), 1)
  })

  it('of a window is said once at its expiry, in the order of keys, and then gone', () => {
    const driven = new DrivenStateful(counting, { strategy: { windowFn: FixedWindows.of(millis(10)), ...lateness(5) } })
    driven.add([2, 'y'], [1, 'x'], [11, 'x'])
    driven.take()
    assert.deepEqual(driven.watermark(14).take(), [])
    assert.deepEqual(driven.watermark(15).takeShown(), ['x had 1 in 0@9', 'y had 1 in 0@9'])
    assert.strictEqual(driven.head.size(), 1)
    driven.watermark(Instant.max)
    assert.strictEqual(driven.head.size(), 0)
  })

  it('takes late elements until its window expires; then they are dropped and counted', () => {
    const driven = new DrivenStateful(counting, { strategy: { windowFn: FixedWindows.of(millis(10)), ...lateness(5) } })
    driven.watermark(14).add([1, 'x'])
    assert.deepEqual(driven.take(), ['x 1'])
    driven.watermark(15).take()
    driven.add([2, 'x'], [12, 'x'])
    assert.deepEqual(driven.take(), ['x 1'])
    assert.strictEqual(driven.head.droppedLate(), 1)
  })

  it('that a window may still say holds the watermark at its last instant', () => {
    const driven = new DrivenStateful(counting, { strategy: { windowFn: FixedWindows.of(millis(10)), ...lateness(5) } })
    assert.strictEqual(driven.add([1, 'x']).watermark(12).watermarks.output, 9)
    assert.strictEqual(driven.watermark(15).watermarks.output, 15)
  })

  it('of a key that has cleared everything takes no place', () => {
    const once = DoFn.stateful({
      state: { seen: State.value(Coder.boolean, false), bag: State.bag(Coder.varint) },
      process: ({ value }: KeyedElement<string, string>, { seen, bag }) =>
        value === 'clear' ? [seen.clear, bag.clear] : value === 'nothing' ? [] : [seen.write(true), bag.add(1)],
    })
    const driven = new DrivenStateful(once)
    driven.add([1, 'x', 'add'], [1, 'y', 'nothing'])
    assert.strictEqual(driven.head.size(), 1)
    driven.add([2, 'x', 'clear'])
    assert.strictEqual(driven.head.size(), 0)
  })
})

describe('a timer', () => {
  it('of event time fires when the watermark is past its time, and its outputs carry it', () => {
    const driven = new DrivenStateful(ordered)
    driven.add([1, 'x', ['a', 10]])
    assert.deepEqual(driven.watermark(10).take(), [])
    assert.deepEqual(driven.watermark(11).takeShown(), ['a x 1@10'])
    assert.deepEqual(driven.watermark(100).take(), [])
    assert.strictEqual(driven.head.size(), 1)
  })

  it('that is set again fires at the new time alone, be it later or earlier', () => {
    const driven = new DrivenStateful(ordered)
    driven.add([1, 'x', ['a', 10]], [1, 'x', ['a', 20]], [1, 'y', ['a', 20]], [1, 'y', ['a', 10]])
    assert.deepEqual(driven.watermark(15).takeShown(), ['a y 2@10'])
    assert.deepEqual(driven.watermark(30).takeShown(), ['a x 2@20'])
  })

  it('that is cleared does not fire', () => {
    const driven = new DrivenStateful(ordered)
    assert.deepEqual(
      driven
        .add([1, 'x', ['a', 10]], [2, 'x', ['a', -1]])
        .watermark(Instant.max)
        .take(),
      [],
    )
  })

  it('fires in order of time, then of window, key, name and tag', () => {
    const driven = new DrivenStateful(ordered)
    driven.add(
      [1, 'y', ['a', 10]],
      [1, 'x', ['tags', 10, { tag: 'two' }]],
      [1, 'x', ['tags', 10, { tag: 'one' }]],
      [1, 'x', ['b', 10]],
      [1, 'x', ['a', 10]],
      [1, 'z', ['a', 9]],
    )
    assert.deepEqual(driven.watermark(11).take(), ['a z 1', 'a x 4', 'b x 4', 'one x', 'two x', 'a y 1'])
  })

  it('of a time that has passed fires behind its bundle', () => {
    const driven = new DrivenStateful(ordered).watermark(50)
    assert.deepEqual(driven.add([60, 'x', ['a', 40]], [61, 'x', ['b', 70]]).takeShown(), ['a x 2@40'])
  })

  it('sets others that fire in the same sweep, each in its turn', () => {
    const chain = DoFn.stateful({
      state: {},
      timers: { tick: Timer.eventTime, other: Timer.eventTime },
      process: (_: KeyedElement<string, null>, { tick, other }) => [tick.set(at(10)), other.set(at(25))],
      onTimer: {
        tick: ({ timestamp }, { tick }) => [emit(`tick ${timestamp}`), timestamp < 40 && tick.set(at(timestamp + 10))],
        other: ({ timestamp }) => [emit(`other ${timestamp}`)],
      },
    })
    const driven = new DrivenStateful(chain).add([1, 'x', null])
    assert.deepEqual(driven.watermark(35).take(), ['tick 10', 'tick 20', 'other 25', 'tick 30'])
    assert.deepEqual(driven.watermark(Instant.max).take(), ['tick 40'])
    assert.strictEqual(driven.head.size(), 0)
  })

  it('of the clock fires by it, with the timestamp of the element that set it', () => {
    const driven = new DrivenStateful(ordered)
    driven.add([7, 'x', ['clock', 100]])
    assert.strictEqual(driven.head.wakeAt(), 1_100)
    assert.deepEqual(driven.clock(1_099).take(), [])
    assert.deepEqual(driven.clock(1_100).takeShown(), ['clock x 1 of 7@7'])
    assert.strictEqual(driven.head.wakeAt(), Infinity)
  })

  it('of the clock fires at a time of the clock, at once where it has passed, or at the next full multiple of a length', () => {
    const kinds = DoFn.stateful({
      state: {},
      timers: { at: Timer.processingTime, aligned: Timer.processingTime, each: Timer.processingTimeFamily },
      process: ({ value }: KeyedElement<string, number>, { at, aligned, each }) => [
        at.at(Instant.ofMillis(value)),
        aligned.after(millis(10), { alignTo: seconds(60) }),
        each.at('tag', Instant.ofMillis(5_000)),
      ],
      onTimer: {
        at: ({ fireTimestamp }) => [emit(`at ${fireTimestamp}`)],
        aligned: ({ fireTimestamp, timestamp }) => [emit(`aligned ${fireTimestamp} of ${timestamp}`)],
        each: ({ fireTimestamp, tag }) => [emit(`${tag} ${fireTimestamp}`)],
      },
    })
    const driven = new DrivenStateful(kinds).add([7, 'x', 4_000])
    assert.strictEqual(driven.head.wakeAt(), 4_000)
    assert.deepEqual(driven.clock(5_000).take(), ['at 4000', 'tag 5000'])
    assert.strictEqual(driven.head.wakeAt(), 60_000)
    assert.deepEqual(driven.clock(60_000).take(), ['aligned 60000 of 7'])
    driven.add([8, 'y', 10])
    assert.strictEqual(driven.head.wakeAt(), 60_000)
    assert.deepEqual(driven.clock(60_000).take(), ['at 60000', 'tag 60000'])
  })

  it('has the time that it was set for beside the timestamp of its outputs', () => {
    const held = DoFn.stateful({
      state: {},
      timers: { end: Timer.eventTime },
      process: ({ timestamp }: KeyedElement<string, null>, { end }) => [end.set(Instant.ofMillis(20), { outputTimestamp: timestamp })],
      onTimer: { end: ({ timestamp, fireTimestamp }) => [emit([timestamp, fireTimestamp])] },
    })
    assert.deepEqual(new DrivenStateful(held).add([7, 'x', null]).watermark(21).take(), [[7, 20]])
  })

  it('of the clock that sets itself for now waits for the next look at the clock', () => {
    let calls = 0
    const again = DoFn.stateful({
      state: {},
      timers: { t: Timer.processingTime },
      process: (_: KeyedElement<string, null>, { t }) => [t.after(seconds(0))],
      onTimer: { t: (_, { t }) => (calls++, [t.after(seconds(0))]) },
    })
    const driven = new DrivenStateful(again).add([1, 'x', null])
    driven.head.onProcessingTime(1_000)
    driven.head.onProcessingTime(1_000)
    assert.strictEqual(calls, 2)
  })

  it('holds the watermark at the timestamp of its outputs until it has fired', () => {
    const driven = new DrivenStateful(ordered)
    const output = (): number => driven.watermarks.output
    driven.add([5, 'x', ['a', 40, { output: 7 }]], [6, 'y', ['clock', 100]])
    assert.strictEqual(driven.watermark(30).watermarks.output, 6)
    driven.clock(1_100)
    assert.strictEqual(output(), 7)
    assert.deepEqual(driven.watermark(41).takeShown(), ['clock y 1 of 6@6', 'a x 1@7'])
    assert.strictEqual(output(), 41)
  })

  it('that is cleared holds nothing', () => {
    const driven = new DrivenStateful(ordered).add([5, 'x', ['a', 40, { output: 7 }]])
    assert.strictEqual(driven.watermark(30).watermarks.output, 7)
    assert.strictEqual(driven.add([31, 'x', ['a', -1]]).watermarks.output, 30)
  })

  it('that a late element sets does not hold what the watermark has passed', () => {
    const driven = new DrivenStateful(ordered).watermark(50)
    driven.add([5, 'x', ['clock', 100]])
    assert.strictEqual(driven.watermark(60).watermarks.output, 60)
  })

  it('at the end of its window fires at the last instant, before the window expires', () => {
    const atEnd = DoFn.stateful({
      state: { n: State.value(Coder.varint, 0) },
      timers: { end: Timer.eventTime },
      process: ({ window }: KeyedElement<string, null>, { n, end }) => [n.write(1), end.set(window.end)],
      onTimer: { end: () => [emit('end')] },
      onWindowExpiration: () => [emit('expired')],
    })
    const fixed = new DrivenStateful(atEnd, { strategy: { windowFn: FixedWindows.of(millis(10)) } })
    assert.deepEqual(fixed.add([1, 'x', null]).watermark(10).takeShown(), ['end@9', 'expired@9'])
    const global = new DrivenStateful(atEnd)
    assert.deepEqual(global.add([1, 'x', null]).watermark(Instant.max).take(), ['end', 'expired'])
  })

  it('of the clock that its window leaves behind is dropped with it', () => {
    const driven = new DrivenStateful(ordered, { strategy: { windowFn: FixedWindows.of(millis(10)) } })
    driven.add([1, 'x', ['clock', 100]]).watermark(10)
    assert.strictEqual(driven.head.size(), 0)
    assert.strictEqual(driven.head.wakeAt(), Infinity)
    assert.deepEqual(driven.clock(2_000).take(), [])
  })

  it('that another firing timer cleared does not fire', () => {
    const race = DoFn.stateful({
      state: {},
      timers: { a: Timer.processingTime, b: Timer.processingTime },
      process: (_: KeyedElement<string, null>, { a, b }) => [a.after(millis(1)), b.after(millis(1))],
      onTimer: { a: (_, { b }) => [emit('a'), b.clear], b: (_, { a }) => [emit('b'), a.clear] },
    })
    assert.deepEqual(new DrivenStateful(race).add([1, 'x', null]).clock(1_001).take(), ['a'])
  })

  it('put off by each element leaves no entry behind', () => {
    const driven = new DrivenStateful(ordered)
    for (let i = 0; i < 1_000; i++) driven.add([i, 'x', ['a', i + 100]])
    assert.deepEqual(driven.watermark(2_000).takeShown(), ['a x 1000@1099'])
  })
})

describe('what a stateful DoFn does wrong is refused with its path and element', () => {
  const refuses = (of: () => unknown, ...says: ReadonlyArray<RegExp>): void => {
    let message = 'nothing'
    try {
      of()
    } catch (error) {
      message = error instanceof Error ? error.message : String(error)
    }
    for (const text of [/^Path\/ParDo#1: /, ...says]) assert.match(message, text)
  }
  const giving = (process: (e: KeyedElement<string, number>) => unknown) => () =>
    new DrivenStateful(
      // As a program without types may write it.
      DoFn.stateful({ state: { n: State.value(Coder.varint, 0) }, process: process as () => [] }),
    ).add([5, 'x', 17])
  const setting =
    (...order: Order) =>
    () =>
      new DrivenStateful(ordered, { strategy: { windowFn: FixedWindows.of(millis(10)), ...lateness(5) } }).add([5, 'x', order])

  it('a promise', () => {
    refuses(
      giving(async () => []),
      /mapAsync/,
      /processed \["x", 17\]/,
    )
    refuses(
      giving(() => [Promise.resolve(1)]),
      /mapAsync/,
    )
  })
  it('something else than effects', () => {
    refuses(
      giving(() => undefined),
      /gives an array of effects or false, and gave undefined/,
    )
    refuses(
      giving(({ value }) => [value]),
      /the array holds 17: wrap an output in emit/,
    )
    refuses(
      giving(() => [null]),
      /the array holds null/,
    )
  })
  it('an effect of another DoFn', () => {
    refuses(
      giving(() => [{ _tag: 'State', state: 'm', change: { _tag: 'Clear' } }]),
      /there is no state m/,
    )
    refuses(
      giving(() => [{ _tag: 'Timer', timer: 'm', change: { _tag: 'Clear', tag: '' } }]),
      /there is no timer m/,
    )
  })
  it('at its strictest, what the coder of a state refuses, when it is put there', () => {
    const state = {
      value: State.value(Coder.varint, 0),
      option: State.value(Coder.varint),
      bag: State.bag(Coder.varint),
      sum: State.combining(Coder.varint, N.MonoidSum),
      map: State.map(Coder.string, Coder.varint),
      set: State.set(Coder.varint),
      list: State.orderedList(Coder.varint),
    }
    const puts: Readonly<Record<keyof typeof state, StateChange>> = {
      value: { _tag: 'Write', value: 0.5 },
      option: { _tag: 'Write', value: O.some(0.5) },
      bag: { _tag: 'Add', value: 0.5 },
      sum: { _tag: 'Add', value: 0.5 },
      map: { _tag: 'Put', key: 'k', value: 0.5 },
      set: { _tag: 'Add', value: 0.5 },
      list: { _tag: 'AddAt', at: at(1), value: 0.5 },
    }
    for (const [name, change] of Object.entries(puts)) {
      const fn = DoFn.stateful({ state, process: (_: KeyedElement<string, number>) => [{ _tag: 'State', state: name, change }] as const })
      refuses(
        () => new DrivenStateful(fn, { strict: true }).add([5, 'x', 17]),
        new RegExp(`what was put into the state ${name}: cannot encode \\$: the number 0\\.5`),
        /processed \["x", 17\]/,
      )
      new DrivenStateful(fn).add([5, 'x', 17])
    }
  })
  it('an output before its element', () => {
    refuses(
      giving(() => [emitAt(at(4))('too early')]),
      /emitAt\(4\) lies before 5/,
    )
    assert.deepEqual(new DrivenStateful(ordered).add([5, 'x', ['a', 9, { output: 5 }]]).take(), [])
  })
  it('an event-time timer that its window does not outlive', () => {
    setting('a', 15)()
    refuses(setting('a', 16), /the timer a is set to 1970-01-01T00:00:00.016Z/, /removed at 1970-01-01T00:00:00.015Z/, /onWindowExpiration/)
  })
  it('an output timestamp before the element or behind the firing', () => {
    refuses(setting('a', 9, { output: 4 }), /output timestamp .*\.004Z of the timer a lies before .*\.005Z/)
    refuses(setting('a', 9, { output: 10 }), /output timestamp .*\.010Z of the timer a lies behind .*\.009Z, when it fires/)
    refuses(setting('clock', 1, { output: 15 }), /behind .*\.014Z, the last instant of its window/)
  })
  it('a time that is none', () => {
    refuses(setting('a', Number.NaN).bind(null), /NaN/)
    refuses(setting('clock', Number.NaN).bind(null), /NaN/)
  })
  it('a length that a timer of the clock cannot be aligned to', () => {
    const aligned = DoFn.stateful({
      state: {},
      timers: { t: Timer.processingTime },
      process: (_: KeyedElement<string, null>, { t }) => [t.after(millis(1), { alignTo: millis(0) })],
      onTimer: { t: () => [] },
    })
    assert.throws(() => new DrivenStateful(aligned).add([1, 'x', null]), Error, /aligned to 0 ms/)
  })

  it('a timer set while its window expires', () => {
    const fn = DoFn.stateful({
      state: { n: State.value(Coder.varint, 0) },
      timers: { t: Timer.eventTime },
      process: (_: KeyedElement<string, null>, { n }) => [n.write(1)],
      onTimer: { t: () => [] },
      onWindowExpiration: (_, { t }) => [t.set(at(3))],
    })
    refuses(() => new DrivenStateful(fn).add([1, 'x', null]).watermark(Instant.max), /sets the timer t, and its window is over/)
  })
  it('a timer that sets itself without end once the input is over', () => {
    const fn = DoFn.stateful({
      state: {},
      timers: { t: Timer.eventTime },
      process: ({ timestamp }: KeyedElement<string, null>, { t }) => [t.set(at(timestamp + 1))],
      onTimer: { t: ({ timestamp }, { t }) => [t.set(at(timestamp + 1))] },
    })
    const driven = new DrivenStateful(fn).add([1, 'x', null]).watermark(200_000)
    refuses(() => driven.watermark(Instant.max), /the timer t was set 100000 times for one key/, /the input is over/)
  })
  it('a timer that sets itself to its own time without end', () => {
    const fn = DoFn.stateful({
      state: {},
      timers: { t: Timer.eventTime },
      process: (_: KeyedElement<string, null>, { t }) => [t.set(at(3))],
      onTimer: { t: ({ timestamp }, { t }) => [t.set(timestamp)] },
    })
    refuses(() => new DrivenStateful(fn).add([1, 'x', null]).watermark(10), /to the time of the firing one or before it/)
  })
})
