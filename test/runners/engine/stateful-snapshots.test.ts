// State through snapshots: any sequence of effects, snapshots, aborted ones and restores gives what slow twins give, which forget nothing.
import * as N from 'fp-ts/lib/number.js'
import * as O from 'fp-ts/lib/Option.js'
import { assert } from 'chai'
import { type FrozenState, wholeOf } from '../../../runners/engine/frozen-state.ts'
import fc from 'fast-check'
import {
  Coder,
  CombineFn,
  DoFn,
  type Effect,
  FixedWindows,
  Instant,
  type KeyedElement,
  State,
  Timer,
  emit,
  millis,
} from '../../../sdk/index.ts'
import { ownsKey } from '../../../runners/engine/exchange.ts'
import { DrivenStateful } from './driven-stateful.ts'

const at = Instant.ofMillis

/** One change of one state. */
type Change =
  | readonly ['value', number | null]
  | readonly ['optional', number | null]
  | readonly ['sum', number | null]
  | readonly ['mean', number | null]
  | readonly ['bag', number | null]
  | readonly ['put', key: number, value: number]
  | readonly ['remove', key: number]
  | readonly ['add', element: number]
  | readonly ['drop', element: number]
  | readonly ['at', at: number, value: number]
  | readonly ['clearRange', from: number, to: number]
  | readonly ['clearMap']
  | readonly ['clearSet']
  | readonly ['timer', tag: string, at: number | null]

const every = DoFn.stateful({
  state: {
    value: State.value(Coder.varint, -1),
    optional: State.value(Coder.varint),
    sum: State.combining(Coder.double, N.MonoidSum),
    mean: State.combining(Coder.structural<readonly [number, number]>(), CombineFn.mean),
    bag: State.bag(Coder.varint),
    map: State.map(Coder.structural<{ readonly k: number }>(), Coder.varint),
    set: State.set(Coder.structural<readonly [number]>()),
    list: State.orderedList(Coder.varint),
  },
  timers: { tags: Timer.eventTimeFamily },
  process: ({ value: change }: KeyedElement<string, Change | 'show'>, c): ReadonlyArray<Effect | false> => {
    if (change === 'show') {
      const list = [...c.list.range(Instant.min, Instant.max)]
      return [
        emit([c.value.read, c.optional.read, c.sum.read, c.mean.read, [...c.bag.read], [...c.map.entries], [...c.set.read], list] as const),
      ]
    }
    switch (change[0]) {
      case 'value':
        return [change[1] === null ? c.value.clear : c.value.write(change[1])]
      case 'optional':
        return [c.optional.write(O.fromNullable(change[1]))]
      case 'sum':
      case 'mean':
        return [change[1] === null ? c[change[0]].clear : c[change[0]].add(change[1])]
      case 'bag':
        return [change[1] === null ? c.bag.clear : c.bag.add(change[1])]
      case 'put':
        return [c.map.put({ k: change[1] }, change[2])]
      case 'remove':
        return [c.map.remove({ k: change[1] })]
      case 'add':
        return [c.set.add([change[1]])]
      case 'drop':
        return [c.set.remove([change[1]])]
      case 'clearMap':
        return [c.map.clear]
      case 'clearSet':
        return [c.set.clear]
      case 'at':
        return [c.list.add(at(change[1]), change[2])]
      case 'clearRange':
        return [c.list.clearRange(at(change[1]), at(change[2]))]
      case 'timer':
        return [change[2] === null ? c.tags.clear(change[1]) : c.tags.set(change[1], at(change[2]))]
    }
  },
  onTimer: { tags: ({ tag, timestamp, key }) => [emit(`${key} ${tag} ${timestamp}`)] },
})

const small = fc.integer({ min: 0, max: 4 })
const orNull = fc.option(small, { freq: 4 })
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.constantFrom('value' as const, 'optional' as const), orNull),
  fc.tuple(fc.constantFrom('sum' as const, 'mean' as const, 'bag' as const), orNull),
  fc.tuple(fc.constant('put' as const), small, small),
  fc.tuple(fc.constant('remove' as const), small),
  fc.tuple(fc.constantFrom('add' as const, 'drop' as const), small),
  fc.tuple(fc.constant('at' as const), small, small),
  fc.tuple(fc.constant('clearRange' as const), small, small),
  fc.tuple(fc.constantFrom('clearMap' as const, 'clearSet' as const)),
  fc.tuple(fc.constant('timer' as const), fc.constantFrom('a', 'b'), fc.option(fc.integer({ min: 100, max: 104 }), { freq: 3 })),
)
type Step = { readonly key: string; readonly change: Change } | 'snapshot' | 'all' | 'slice' | 'abort' | 'crash'
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ key: fc.constantFrom('x', 'y'), change }) },
  { weight: 2, arbitrary: fc.constantFrom('snapshot' as const, 'slice' as const) },
  { weight: 1, arbitrary: fc.constantFrom('all' as const, 'abort' as const, 'crash' as const) },
)

/** Plain arrays and objects, changed one by one from the beginning. */
const slowly = (changes: ReadonlyArray<Change>) => {
  let [value, optional]: [number, number | null] = [-1, null]
  let [sum, mean, bag]: number[][] = [[], [], []]
  let map: (readonly [{ readonly k: number }, number])[] = []
  let set: (readonly [number])[] = []
  let list: (readonly [number, number])[] = []
  const timers = new Map<string, number>()
  for (const c of changes) {
    if (c[0] === 'value') value = c[1] ?? -1
    else if (c[0] === 'optional') optional = c[1]
    else if (c[0] === 'sum') sum = c[1] === null ? [] : [...(sum ?? []), c[1]]
    else if (c[0] === 'mean') mean = c[1] === null ? [] : [...(mean ?? []), c[1]]
    else if (c[0] === 'bag') bag = c[1] === null ? [] : [...(bag ?? []), c[1]]
    else if (c[0] === 'put') {
      const known = map.findIndex(([{ k }]) => k === c[1])
      if (known < 0) map.push([{ k: c[1] }, c[2]])
      else map[known] = [{ k: c[1] }, c[2]]
    } else if (c[0] === 'remove') map = map.filter(([{ k }]) => k !== c[1])
    else if (c[0] === 'add') set = set.some(([n]) => n === c[1]) ? set : [...set, [c[1]]]
    else if (c[0] === 'drop') set = set.filter(([n]) => n !== c[1])
    else if (c[0] === 'clearMap') map = []
    else if (c[0] === 'clearSet') set = []
    else if (c[0] === 'at') list = [...list.filter(([t]) => t <= c[1]), [c[1], c[2]], ...list.filter(([t]) => t > c[1])]
    else if (c[0] === 'clearRange') list = list.filter(([t]) => t < c[1] || t >= c[2])
    else if (c[2] === null) timers.delete(c[1])
    else timers.set(c[1], c[2])
  }
  const total = (ns: ReadonlyArray<number> | undefined) => (ns ?? []).reduce((a, b) => a + b, 0)
  const state = [value, O.fromNullable(optional), total(sum), total(mean) / (mean?.length ?? 0), bag, sorted(map), sorted(set), list]
  return { state, timers }
}
// The order of maps and sets is nobody's promise.
const sorted = (all: ReadonlyArray<unknown>): ReadonlyArray<string> => all.map(a => JSON.stringify(a)).sort()

const shown = (driven: DrivenStateful, key: string): unknown => {
  const [state] = driven.add([1, key, 'show']).take() as ReadonlyArray<ReadonlyArray<unknown>>
  return state?.map((part, i) => (i === 5 || i === 6 ? sorted(part as ReadonlyArray<unknown>) : part))
}

describe('state through snapshots', () => {
  it('is what slow twins have, whatever snapshots, aborts and crashes come between', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        let driven = new DrivenStateful(every)
        // What a crash comes back to: the snapshots since the last whole one, and the changes that they hold.
        let [disk, saved]: [Uint8Array[], (readonly [string, Change])[]] = [[], []]
        let done: (readonly [string, Change])[] = []
        let underWay: { readonly frozen: FrozenState | null; readonly all: boolean; readonly holds: typeof saved } | null = null
        const finish = (): void => {
          if (underWay === null) return
          const bytes = wholeOf(underWay.frozen)
          disk = [...(underWay.all ? [] : disk), ...(bytes === null ? [] : [bytes])]
          saved = underWay.holds
          underWay = null
        }
        for (const one of [...steps, 'crash' as const]) {
          if (typeof one !== 'string') {
            driven.add([1, one.key, one.change])
            done.push([one.key, one.change])
          } else if (one === 'crash') {
            underWay = null
            driven = driven.restored(disk)
            done = [...saved]
          } else if (one === 'abort') {
            if (underWay === null) driven.head.snapshot('changes')
            underWay = null
            driven.head.restoreDirty()
          } else if (one === 'slice') {
            if (underWay?.frozen?.write(1) === true) finish()
          } else {
            finish()
            const all = one === 'all'
            underWay = { frozen: driven.head.snapshot(all ? 'all' : 'changes'), all, holds: [...done] }
          }
        }
        for (const key of ['x', 'y']) {
          const twin = slowly(done.flatMap(([k, c]) => (k === key ? [c] : [])))
          assert.deepEqual(shown(driven, key), twin.state)
        }
        const timers = ['x', 'y'].flatMap(key =>
          [...slowly(done.flatMap(([k, c]) => (k === key ? [c] : []))).timers].map(([tag, time]) => `${key} ${tag} ${time}`),
        )
        assert.sameMembers([...driven.watermark(1_000).take()], timers)
      }),
      { numRuns: 300 },
    )
  })

  const counting = DoFn.stateful({
    state: { n: State.value(Coder.varint, 0), all: State.bag(Coder.varint) },
    timers: { end: Timer.eventTime, clock: Timer.processingTime },
    process: ({ value, window }: KeyedElement<string, number>, { n, all, end, clock }) =>
      value < 0
        ? [n.clear, all.clear, end.clear, clock.clear]
        : [n.write(n.read + 1), all.add(value), end.set(window.end), clock.after(millis(100))],
    onTimer: { end: ({ key }, { n, all }) => [emit(`${key} ${n.read} ${all.read.join()}`)], clock: () => [emit('clock')] },
  })
  const windows = { strategy: { windowFn: FixedWindows.of(millis(10)) } }

  it('comes back with its timers, their holds and the clock', () => {
    const driven = new DrivenStateful(counting, windows).add([3, 'x', 1])
    const other = driven.restored([wholeOf(driven.head.snapshot('changes'))])
    assert.strictEqual(other.head.wakeAt(), 1_100)
    assert.strictEqual(other.watermark(8).watermarks.output, 3)
    assert.deepEqual(other.watermark(10).take(), ['x 1 1'])
  })

  it('is written once: a snapshot has what changed, and what went', () => {
    const driven = new DrivenStateful(counting, windows)
    for (let i = 0; i < 500; i++) driven.add([3, 'x', i])
    const first = wholeOf(driven.head.snapshot('changes'))
    const second = wholeOf(driven.add([3, 'x', 7]).head.snapshot('changes'))
    assert.isNull(wholeOf(driven.head.snapshot('changes')))
    assert.isAbove(first?.length ?? 0, 800)
    assert.isBelow(second?.length ?? 0, 80)
    const third = wholeOf(driven.add([3, 'x', -1]).head.snapshot('changes'))
    assert.strictEqual(driven.restored([first, second, third]).head.size(), 0)
    assert.deepEqual(driven.restored([first, second]).watermark(10).take(), [`x 501 ${[...Array(500).keys(), 7].join()}`])
  })

  it('of a window that has expired does not come back', () => {
    const driven = new DrivenStateful(counting, windows).add([3, 'x', 1], [13, 'x', 2])
    const snapshots = [wholeOf(driven.head.snapshot('changes')), wholeOf(driven.watermark(10).head.snapshot('changes'))]
    const other = driven.restored(snapshots)
    assert.strictEqual(other.head.size(), 1)
    assert.deepEqual(other.watermark(Instant.max).take(), ['x 1 2'])
  })

  it('of a key that went and came again is that of the new one', () => {
    const driven = new DrivenStateful(counting, windows).add([3, 'x', 1])
    const first = wholeOf(driven.head.snapshot('changes'))
    const second = wholeOf(driven.add([3, 'x', -1], [4, 'x', 5]).head.snapshot('changes'))
    assert.deepEqual(driven.restored([first, second]).watermark(10).take(), ['x 1 5'])
  })

  it('goes to the tasks that own its keys', () => {
    const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`)
    const driven = new DrivenStateful(counting, windows).add(...keys.map(key => [1, key, 1] as const))
    const bytes = wholeOf(driven.head.snapshot('all'))
    const parts = [0, 1, 2].map(shard => driven.restored([bytes], ownsKey(shard, 3)).watermark(10).take())
    assert.isTrue(parts.every(part => part.length > 0))
    assert.sameMembers(parts.flat(), driven.watermark(10).take() as unknown[])
  })

  it('keeps what was handed out as it was', () => {
    const seen: unknown[] = []
    const looking = DoFn.stateful({
      state: { bag: State.bag(Coder.varint), set: State.set(Coder.varint), list: State.orderedList(Coder.varint) },
      process: ({ value }: KeyedElement<string, number>, { bag, set, list }) => {
        seen.push([bag.read, set.read, list.range(Instant.min, Instant.max)])
        return [bag.add(value), set.add(value), list.add(at(value), value), emit(bag.read)]
      },
    })
    new DrivenStateful(looking).add([1, 'x', 1], [1, 'x', 2])
    assert.deepEqual(seen, [
      [[], [], []],
      [[1], [1], [[at(1), 1]]],
    ])
  })

  it('that has no encoding is an error when it is written, with its name and key', () => {
    const driven = new DrivenStateful(counting, windows)
    driven.add([1, 'x', 0.5])
    assert.throws(() => wholeOf(driven.head.snapshot('changes')), /: the state all of the key "x": cannot encode \$: the number 0\.5/)
  })
})
