// Elements and their side inputs, by hand: who waits for what, how long, and what a snapshot holds of it.
import { assert } from 'chai'
import { wholeOf } from '../../../runners/engine/frozen-state.ts'
import * as O from 'fp-ts/lib/Option.js'
import { FixedWindows, Instant, type Lookup, millis, type Multilookup, SlidingWindows } from '../../../sdk/index.ts'
import { DrivenSides } from './driven-sides.ts'

const fixed = (size: number) => ({ windowFn: FixedWindows.of(millis(size)) })
type Listed = Readonly<Record<string, ReadonlyArray<unknown>>>
const list = { view: { _tag: 'List' } } as const
const shownLists = (value: string, sides: Listed): string => [value, ...Object.values(sides).map(side => `[${side.join(' ')}]`)].join(' ')

const oneList = (o: { readonly main?: number; readonly side?: number; readonly lateness?: number; readonly sideLateness?: number } = {}) =>
  new DrivenSides({
    main: { ...fixed(o.main ?? 10), allowedLateness: millis(o.lateness ?? 0) },
    sides: { side: { ...list, strategy: { ...fixed(o.side ?? 10), allowedLateness: millis(o.sideLateness ?? 0) } } },
    show: shownLists,
  })

describe('elements with side inputs', () => {
  it('wait until a pane of their side window has come, and go on in order', () => {
    const it = oneList().add([1, 'a'], [11, 'b'], [2, 'c'])
    assert.deepEqual(it.out, [])
    it.pane('side', 0, ['x'])
    assert.deepEqual(it.out, ['a [x]', 'c [x]'])
    it.pane('side', 10, [])
    assert.deepEqual(it.out, ['a [x]', 'c [x]', 'b []'])
  })

  it('see the newest pane of their window', () => {
    const it = oneList().pane('side', 0, ['x']).add([1, 'a']).pane('side', 0, ['y', 'z']).add([2, 'b'])
    assert.deepEqual(it.out, ['a [x]', 'b [y z]'])
  })

  it('see an empty side once its watermark has passed the window and its lateness', () => {
    const it = oneList({ sideLateness: 5 }).add([1, 'a']).sideWatermark('side', 14)
    assert.deepEqual(it.out, [])
    it.sideWatermark('side', 15).add([2, 'b'])
    assert.deepEqual(it.out, ['a []', 'b []'])
  })

  it('wait for all of their sides', () => {
    const it = new DrivenSides({
      main: fixed(10),
      sides: { x: { ...list, strategy: fixed(10) }, y: { ...list, strategy: fixed(20) } },
      show: shownLists,
    })
    it.add([11, 'a']).pane('x', 10, [1])
    assert.deepEqual(it.out, [])
    it.pane('y', 0, [2])
    assert.deepEqual(it.out, ['a [1] [2]'])
  })

  it('hold the output watermark while they wait, even where the input has come to its end', () => {
    const it = oneList().add([3, 'a'], [1, 'b']).watermark(Instant.max)
    assert.strictEqual(it.watermarks.output, 1)
    it.pane('side', 0, [])
    assert.strictEqual(it.watermarks.output, Instant.max)
    assert.strictEqual(it.head.size(), 0)
  })

  it('share one frozen object of sides, until a side changes', () => {
    const it = oneList().pane('side', 0, ['x']).add([1, 'a'], [2, 'b']).add([3, 'c']).pane('side', 0, ['y']).add([4, 'd'])
    const seen = it.batches.flatMap(({ keys }) => keys ?? [])
    assert.isFrozen(seen[0])
    assert.strictEqual(seen[0], seen[1])
    assert.strictEqual(seen[0], seen[2])
    assert.notStrictEqual(seen[0], seen[3])
  })

  it('are looked up in each of their windows', () => {
    const it = new DrivenSides({
      main: { windowFn: SlidingWindows.of(millis(10), { every: millis(5) }) },
      sides: { side: { ...list, strategy: fixed(10) } },
      show: shownLists,
    })
    it.pane('side', 0, ['x']).pane('side', 10, ['y']).add([6, 'a'])
    assert.sameMembers(it.out, ['a [x]', 'a [y]'])
    assert.deepEqual(
      it.batches.flatMap(({ windows }) => windows ?? []).map(windows => windows.map(({ start, end }) => [start, end])),
      [[[5, 15]], [[0, 10]]],
    )
  })

  it('keep their windows together where no side has any', () => {
    const it = new DrivenSides({
      main: { windowFn: SlidingWindows.of(millis(10), { every: millis(5) }) },
      sides: { side: list },
      show: shownLists,
    })
    it.add([6, 'a']).pane('side', 0, ['x']).add([7, 'b'])
    assert.deepEqual(it.out, ['a [x]', 'b [x]'])
    assert.deepEqual(
      it.batches.flatMap(({ windows }) => windows ?? []).map(windows => windows.length),
      [2, 2],
    )
  })

  it('that come when their side is forgotten are dropped, and counted', () => {
    const it = oneList({ main: 10, side: 20, lateness: 5 }).pane('side', 0, ['x']).watermark(24).add([1, 'a'])
    assert.deepEqual(it.out, ['a [x]'])
    assert.strictEqual(it.head.size(), 1)
    it.watermark(25)
    assert.strictEqual(it.head.size(), 0)
    it.add([1, 'b'])
    assert.deepEqual([it.out, it.head.droppedLate()], [['a [x]'], 1])
  })

  it('keep what they wait for, however far their own watermark has come', () => {
    const it = new DrivenSides({
      main: fixed(10),
      sides: { x: { ...list, strategy: fixed(10) }, y: { ...list, strategy: fixed(10) } },
      show: shownLists,
    })
    it.add([1, 'a']).pane('x', 0, [1]).watermark(1_000).pane('x', 0, [2]).pane('y', 0, [3])
    assert.deepEqual([it.out, it.head.size()], [['a [2] [3]'], 0])
  })

  it('take no pane of a window that nobody will ask for', () => {
    const it = oneList().watermark(10).pane('side', 0, ['x'])
    assert.strictEqual(it.head.size(), 0)
  })
})

describe('a table', () => {
  type Table = Readonly<Record<'table', Lookup<string, number>>>
  const table = (sideLateness = 0) =>
    new DrivenSides({
      sides: { table: { view: { _tag: 'Table' }, strategy: { allowedLateness: millis(sideLateness) } } },
      show: (key: string, { table }: Table) => `${key}=${O.toNullable(table.get(key)) ?? '-'}`,
    })

  it('is there when it has caught up, or when its changes are over', () => {
    const it = table().change('table', 1, 'a', 1).add([1, 'a'])
    assert.deepEqual(it.out, [])
    it.catchUp('table').add([2, 'b'])
    assert.deepEqual(it.out, ['a=1', 'b=-'])
    assert.deepEqual(table().add([1, 'a']).sideWatermark('table', Instant.max).out, ['a=-'])
  })

  it('has the latest value of each key by timestamp, and of equal ones what came last', () => {
    const it = table().catchUp('table').change('table', 5, 'a', 1).change('table', 3, 'a', 2).add([0, 'a'])
    it.change('table', 5, 'a', 3).add([0, 'a']).change('table', 6, 'a', null).add([0, 'a'])
    assert.deepEqual(it.out, ['a=1', 'a=3', 'a=-'])
  })

  it('remembers a deletion until no older change can come', () => {
    const it = table(5).catchUp('table').change('table', 5, 'a', null).change('table', 3, 'a', 1).add([0, 'a'])
    assert.deepEqual([it.out, it.head.size()], [['a=-'], 1])
    it.sideWatermark('table', 11).change('table', 11, 'b', 2)
    assert.strictEqual(it.head.size(), 1)
  })

  it('is emptied when no element can come any more', () => {
    const it = table().change('table', 1, 'a', 1).add([0, 'a']).watermark(Instant.max)
    assert.strictEqual(it.head.size(), 2)
    it.catchUp('table').change('table', 2, 'b', 2)
    assert.deepEqual([it.out, it.head.size()], [['a=1'], 0])
  })

  it('is indexed by something else than its key', () => {
    const it = new DrivenSides({
      sides: { flags: { view: { _tag: 'Index', by: (value: string) => value.slice(0, 1) } } },
      show: (key: string, { flags }: Readonly<Record<'flags', Multilookup<string, string>>>) =>
        `${key}=${[...flags.get(key)].sort().join()}${flags.has(key) ? '' : '!'}`,
    })
    it.catchUp('flags').change('flags', 1, 1, 'ax').change('flags', 1, 2, 'ay').add([0, 'a'])
    it.change('flags', 2, 1, 'bx').add([0, 'a'], [0, 'b']).change('flags', 3, 2, null).add([0, 'a'])
    assert.deepEqual(it.out, ['a=ax,ay', 'a=ay', 'b=bx', 'a=!'])
  })
})

describe('snapshots of sides', () => {
  const both = () =>
    new DrivenSides({
      main: fixed(10),
      sides: { side: { ...list, strategy: fixed(10) }, table: { view: { _tag: 'Table' } } },
      show: (value: string, { side, table }: { readonly side: ReadonlyArray<string>; readonly table: Lookup<string, number> }) =>
        `${value} [${side.join(' ')}] ${O.toNullable(table.get(value)) ?? '-'}`,
    })

  it('hold panes, tables and who waits, in order', () => {
    const before = both().pane('side', 0, ['x']).change('table', 1, 'a', 1).add([1, 'a'], [12, 'b'], [2, 'c'], [11, 'd'])
    const it = before.restored(wholeOf(before.head.snapshot('all')))
    assert.strictEqual(it.head.size(), before.head.size())
    assert.strictEqual(it.head.hold(), 1)
    it.catchUp('table')
    assert.deepEqual(it.out, ['a [x] 1', 'c [x] -'])
    it.pane('side', 10, ['y'])
    assert.deepEqual(it.out.slice(2), ['b [y] -', 'd [y] -'])
  })

  it('hold what changed, one behind the other, with what has gone', () => {
    const it = both().catchUp('table')
    const snapshots = [
      wholeOf(it.pane('side', 0, ['x']).change('table', 1, 'a', 1).change('table', 1, 'b', 2).add([15, 'w']).head.snapshot('changes')),
    ]
    snapshots.push(
      wholeOf(it.change('table', 2, 'a', null).sideWatermark('table', 100).change('table', 100, 'c', 3).head.snapshot('changes')),
    )
    assert.isNull(wholeOf(it.head.snapshot('changes')))
    snapshots.push(wholeOf(it.pane('side', 10, ['y']).watermark(10).head.snapshot('changes')))
    const other = it.restored(...snapshots)
    assert.strictEqual(other.head.size(), it.head.size())
    assert.strictEqual(other.head.waiting, 0)
    other.add([16, 'a'], [16, 'b'], [17, 'c'])
    assert.deepEqual(other.out, ['a [y] -', 'b [y] 2', 'c [y] 3'])
  })

  it('that come to nothing go into the next one', () => {
    const it = both().catchUp('table').pane('side', 0, ['x']).change('table', 1, 'a', 1).add([15, 'w'])
    it.head.snapshot('changes')
    it.head.restoreDirty()
    const other = it.restored(wholeOf(it.head.snapshot('changes')))
    assert.deepEqual(other.add([1, 'a']).pane('side', 10, []).out, ['a [x] 1', 'w [] -'])
  })

  it('remember a deletion, too', () => {
    const it = both().catchUp('table').change('table', 5, 'a', null)
    const other = it
      .restored(wholeOf(it.head.snapshot('all')))
      .change('table', 3, 'a', 1)
      .pane('side', 0, [])
    assert.deepEqual(other.add([1, 'a']).out, ['a [] -'])
  })

  it('know nothing of a window whose elements waited in an earlier one and have gone on since', () => {
    const it = oneList().add([1, 'a'])
    const snapshots = [wholeOf(it.head.snapshot('changes'))]
    snapshots.push(wholeOf(it.pane('side', 0, ['x']).sideWatermark('side', 11).watermark(12).head.snapshot('changes')))
    const other = it.restored(...snapshots).add([4, 'late'])
    assert.deepEqual([it.add([4, 'late']).out, other.out], [['a [x]'], []])
    assert.strictEqual(other.head.droppedLate(), it.head.droppedLate())
  })

  it('put back elements whose own watermark has passed what they wait for', () => {
    const it = both().catchUp('table').add([1, 'a']).watermark(1_000)
    assert.deepEqual(it.restored(wholeOf(it.head.snapshot('all'))).pane('side', 0, ['x']).out, ['a [x] -'])
  })
})
