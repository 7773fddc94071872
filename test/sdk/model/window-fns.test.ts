import { assert } from 'chai'
import fc from 'fast-check'
import { Instant, days, hours, millis, minutes, seconds } from '../../../sdk/model/time.ts'
import { type BoundedWindow, IntervalWindow, showWindow } from '../../../sdk/model/window.ts'
import { FixedWindows, Sessions, SlidingWindows, mergeOverlapping } from '../../../sdk/model/window-fns.ts'

const at = Instant.ofMillis
const of = IntervalWindow.of
const time = fc
  .oneof(
    fc.integer(),
    fc.maxSafeInteger(),
    fc.constantFrom<number>(Instant.min, Instant.max - 2, Instant.min + 2, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  )
  .map(at)
const ordinary = fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -8e15, max: 8e15 })).map(at)
const length = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 86_400_000 })).map(millis)
const holds = (window: BoundedWindow, t: Instant): boolean => window.start <= t && t < window.end

describe('FixedWindows', () => {
  it('begin at multiples of their size, before 1970 as well', () => {
    const tens = FixedWindows.of(millis(10))
    for (const [t, start] of [
      [0, 0],
      [9, 0],
      [10, 10],
      [-1, -10],
      [-10, -10],
      [-11, -20],
      [5, 0],
      [-5, -10],
    ] as const)
      assert.deepEqual(tens.assign(null, at(t)), [of(start, start + 10)])
  })

  it('move by their offset, modulo their size', () => {
    for (const offset of [3, 13, -7]) {
      const moved = FixedWindows.of(millis(10), { offset: millis(offset) })
      assert.deepEqual(moved.kind, { _tag: 'Fixed', size: millis(10), offset: millis(3) })
      for (const [t, start] of [
        [0, -7],
        [2, -7],
        [3, 3],
        [12, 3],
        [-8, -17],
      ] as const)
        assert.deepEqual(moved.assign(null, at(t)), [of(start, start + 10)])
    }
    assert.deepEqual(FixedWindows.of(days(1), { offset: hours(-1) }).assign(null, at(0)), [of(hours(-1), hours(23))])
  })

  it('hold each element in one window of their size, whatever came before it', () => {
    fc.assert(
      fc.property(length, fc.integer().map(millis), fc.array(ordinary, { minLength: 1 }), (size, offset, ts) => {
        const fn = FixedWindows.of(size, { offset })
        for (const t of ts) {
          const [window, ...others] = fn.assign(null, t)
          assert.isDefined(window)
          assert.isEmpty(others)
          assert.isTrue(holds(window, t), showWindow(window))
          assert.strictEqual(window.end - window.start, size)
          assert.strictEqual(Math.abs((window.start - offset) % size), 0)
          assert.deepEqual(FixedWindows.of(size, { offset }).assign(null, t), [window])
        }
      }),
    )
  })

  it('agree on a window at the ends of time, and end with it', () => {
    fc.assert(
      fc.property(length, time, (size, t) => {
        const [window] = FixedWindows.of(size).assign(null, t)
        assert.isDefined(window)
        assert.isBelow(window.start, window.end)
        assert.isTrue(Instant.min <= window.start && window.end <= Instant.max)
        assert.isTrue(holds(window, t), showWindow(window))
      }),
    )
    assert.deepEqual(FixedWindows.of(minutes(1)).assign(null, Instant.max)[0]?.end, Instant.max)
    assert.deepEqual(FixedWindows.of(minutes(1)).assign(null, Instant.min)[0]?.start, Instant.min)
  })

  it('refuse a size that is not positive, and an endless one', () => {
    for (const size of [millis(0), millis(-1), millis(Infinity)])
      assert.throws(() => FixedWindows.of(size), RangeError, /positive whole number/)
  })
})

describe('SlidingWindows', () => {
  it('put an element into each window that covers it, the latest first', () => {
    const fn = SlidingWindows.of(millis(10), { every: millis(5) })
    assert.deepEqual(fn.assign(null, at(7)), [of(5, 15), of(0, 10)])
    assert.deepEqual(fn.assign(null, at(0)), [of(0, 10), of(-5, 5)])
    assert.deepEqual(fn.assign(null, at(-1)), [of(-5, 5), of(-10, 0)])
    assert.deepEqual(SlidingWindows.of(millis(10), { every: millis(5), offset: millis(2) }).assign(null, at(1)), [of(-3, 7), of(-8, 2)])
    assert.deepEqual(SlidingWindows.of(millis(7), { every: millis(5) }).assign(null, at(3)), [of(0, 7)])
  })

  it('may leave gaps, where an element is in no window', () => {
    const fn = SlidingWindows.of(millis(3), { every: millis(10) })
    assert.deepEqual(fn.assign(null, at(2)), [of(0, 3)])
    assert.deepEqual(fn.assign(null, at(5)), [])
  })

  it('are all the windows that hold the element, and no other', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: -99, max: 99 }),
        fc.integer({ min: -500, max: 500 }),
        (size, every, offset, t) => {
          const expected: Array<BoundedWindow> = []
          for (let n = 2000; n >= -2000; n--)
            if (n * every + offset <= t && t < n * every + offset + size) expected.push(of(n * every + offset, n * every + offset + size))
          assert.deepEqual(SlidingWindows.of(millis(size), { every: millis(every), offset: millis(offset) }).assign(null, at(t)), expected)
        },
      ),
    )
  })

  it('come to an end at the ends of time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), time, (size, every, t) => {
        const windows = SlidingWindows.of(millis(size), { every: millis(every) }).assign(null, t)
        for (const window of windows) assert.isTrue(holds(window, t), showWindow(window))
        assert.strictEqual(new Set(windows.map(showWindow)).size, windows.length)
      }),
    )
  })

  it('refuse a period that is not positive or puts an element into too many windows', () => {
    assert.throws(() => SlidingWindows.of(minutes(1), { every: millis(0) }), RangeError, /the period/)
    assert.throws(() => SlidingWindows.of(days(365), { every: millis(1) }), RangeError, /choose a longer period/)
  })
})

describe('Sessions', () => {
  it('open a window of the gap at each element', () => {
    assert.deepEqual(Sessions.withGap(seconds(1)).assign(null, at(-5)), [of(-5, 995)])
    assert.deepEqual(Sessions.withGap(seconds(1)).kind, { _tag: 'Sessions', gap: seconds(1) })
    assert.throws(() => Sessions.withGap(millis(0)), RangeError)
    const [last] = Sessions.withGap(seconds(1)).assign(null, Instant.max)
    assert.isTrue(last !== undefined && last.start < last.end)
  })

  it('merge where they overlap, and not where they touch', () => {
    const parts = [of(15, 20), of(0, 10), of(5, 15), of(0, 10), of(30, 40)]
    assert.deepEqual(mergeOverlapping(parts), [
      { window: of(0, 15), parts: [of(0, 10), of(5, 15)] },
      { window: of(15, 20), parts: [of(15, 20)] },
      { window: of(30, 40), parts: [of(30, 40)] },
    ])
    assert.deepEqual(mergeOverlapping([]), [])
    assert.deepEqual(
      mergeOverlapping([of(0, 100), of(5, 10), of(50, 60)]).map(m => m.window),
      [of(0, 100)],
    )
  })

  const windows = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 12 })).map(([start, size]) => of(start, start + size)),
    { maxLength: 12 },
  )

  it('merge to the same windows in any order, each instant covered as before, none overlapping', () => {
    fc.assert(
      fc.property(windows, fc.func(fc.integer()), (all, order) => {
        const merged = mergeOverlapping(all)
        assert.deepEqual(mergeOverlapping([...all].sort((a, b) => order(a) - order(b))), merged)
        for (let t = -1; t < 80; t++)
          assert.strictEqual(merged.filter(m => holds(m.window, at(t))).length, all.some(w => holds(w, at(t))) ? 1 : 0)
        assert.deepEqual(
          mergeOverlapping(merged.map(m => m.window)).map(m => m.window),
          merged.map(m => m.window),
        )
        assert.strictEqual(merged.flatMap(m => m.parts).length, new Set(all.map(showWindow)).size)
      }),
    )
  })

  it('merge the same one at a time as all at once, which late elements need', () => {
    fc.assert(
      fc.property(windows, all => {
        let open: ReadonlyArray<BoundedWindow> = []
        for (const window of all) open = mergeOverlapping([...open, window]).map(m => m.window)
        assert.deepEqual(
          open,
          mergeOverlapping(all).map(m => m.window),
        )
      }),
    )
  })
})
