// The head of a splittable stage by hand: what it starts, keeps and forgets, event by event.
import { assert } from 'chai'
import { wholeOf } from '../../../runners/engine/frozen-state.ts'
import * as O from 'fp-ts/lib/Option.js'
import type { Batch } from '../../../runners/harness/batch.ts'
import type { RestrictionCommand } from '../../../runners/engine/splittable/messages.ts'
import { Restrictions } from '../../../runners/engine/splittable/restrictions.ts'
import { type Instant, millis, OffsetRange, resumeAfter, stop, WatermarkEstimator } from '../../../sdk/index.ts'
import type { ErasedSplittable } from '../../../sdk/splittable/erased.ts'

type Start = Extract<RestrictionCommand, { readonly _tag: 'Start' }>

const fn = (o: Partial<ErasedSplittable> = {}): ErasedSplittable => ({
  restriction: OffsetRange as unknown as ErasedSplittable['restriction'], // it is only given its own restrictions
  watermark: WatermarkEstimator.monotonic,
  isBounded: true,
  initial: n => OffsetRange.of(0, Number(n)),
  initialSplit: null,
  truncate: null,
  process: () => {
    throw new Error('the test plays the generator')
  },
  ...o,
})

const batch = (values: ReadonlyArray<unknown>): Batch => ({
  keys: null,
  values,
  timestamps: values.map(() => 0),
  windows: null,
  panes: null,
  positions: null,
  lifted: false,
})

/** Plays all generators in turn, a claim or a yield a step: a yield comes one step behind its claim. */
class Played {
  readonly head: Restrictions
  readonly outputs: string[] = []
  readonly asked: { readonly id: number; readonly element: unknown }[] = []
  readonly reading: { readonly start: Start; pending: number | null }[] = []
  readonly stopped: number[] = []
  now = 0

  constructor(o: Partial<ErasedSplittable> = {}, snapshots: ReadonlyArray<Uint8Array> | null = null) {
    this.head = new Restrictions({
      path: 'Read',
      fn: fn(o),
      emit: ({ values }) => this.outputs.push(...values.map(String)),
      command: command => {
        if (command._tag === 'Ask') this.asked.push(command)
        else if (command._tag === 'Start') this.reading.push({ start: command, pending: null })
        else {
          this.stopped.push(command.id)
          this.#forget(command.id)
        }
      },
    })
    for (const bytes of snapshots ?? []) this.head.restore(bytes)
    this.head.begin(0)
  }

  #forget(id: number): void {
    const at = this.reading.findIndex(({ start }) => start.id === id)
    if (at >= 0) this.reading.splice(at, 1)
  }

  /** False when there is nothing left to do. */
  step(): boolean {
    const asked = this.asked.shift()
    if (asked !== undefined) {
      this.head.on({ _tag: 'Asked', id: asked.id, restriction: OffsetRange.of(0, Number(asked.element)), desired: 1 }, this.now)
      return true
    }
    const next = this.reading.shift()
    if (next === undefined) return this.#wait()
    this.reading.push(next)
    const { id, element, tracker } = next.start
    if (next.pending !== null) {
      const outputs = [{ value: `${String(element)}:${next.pending}`, timestamp: next.pending }]
      next.pending = null
      this.head.on({ _tag: 'Yielded', id, outputs }, this.now)
      return true
    }
    const position = O.isSome(tracker.last) ? Number(tracker.last.value) + 1 : (tracker.restriction as OffsetRange).from
    if (tracker.tryClaim(position)) next.pending = position
    else this.end(id)
    return true
  }

  #wait(): boolean {
    if (this.head.wakeAt() === Infinity) return false
    this.now = this.head.wakeAt()
    this.head.onProcessingTime(this.now)
    return true
  }

  end(id: number, continuation: unknown = stop): void {
    this.#forget(id)
    this.head.on({ _tag: 'Returned', id, continuation }, this.now)
  }

  toEnd(): this {
    while (this.step());
    return this
  }
}

const all = (...lengths: ReadonlyArray<number>): ReadonlyArray<string> =>
  lengths.flatMap(n => Array.from({ length: n }, (_, i) => `${n}:${i}`))

describe('Restrictions', () => {
  it('hand on each position once, whenever the process is killed and goes on from its last snapshot', () => {
    for (let killedAt = 0; killedAt < 60; killedAt++) {
      const first = new Played()
      first.head.add(batch([4, 7]), 0)
      const snapshots: Uint8Array[] = []
      for (let step = 0; step < killedAt; step++) {
        if (step % 5 === 3) {
          const some = first.reading[step % 2]
          if (some !== undefined) first.head.trySplit(some.start.id, 0.5, 0)
        }
        if (step % 3 === 0) snapshots.push(wholeOf(first.head.snapshot('changes')) ?? new Uint8Array([0, 0]))
        first.step()
      }
      snapshots.push(wholeOf(first.head.snapshot('changes')) ?? new Uint8Array([0, 0]))
      const second = new Played({}, snapshots).toEnd()
      assert.sameMembers([...first.outputs, ...second.outputs], [...all(4, 7)], `killed after ${killedAt} steps`)
      assert.strictEqual(second.head.size(), 0)
    }
  })

  it('say in the next snapshot what the last one said in vain', () => {
    const first = new Played()
    first.head.add(batch([3]), 0)
    for (let step = 0; step < 4; step++) first.step()
    const before = wholeOf(first.head.snapshot('changes')) ?? new Uint8Array(0)
    first.toEnd()
    first.head.snapshot('changes')
    first.head.restoreDirty()
    const after = wholeOf(first.head.snapshot('changes'))
    assert.isNotNull(after)
    assert.deepEqual(new Played({}, [before, after]).toEnd().outputs, [])
    assert.isNull(wholeOf(first.head.snapshot('changes')))
  })

  it('are read sixteen at a time, and give up their place after a while where others wait', () => {
    const it = new Played()
    it.head.add(batch(new Array<number>(40).fill(100)), 0)
    for (let step = 0; step < 40; step++) it.step()
    assert.strictEqual(it.reading.length, 16)
    while (it.stopped.length === 0) it.step()
    assert.isBelow(it.outputs.length, 1_600)
    it.toEnd()
    assert.strictEqual(it.outputs.length, 4_000)
  })

  it('hold the watermark until each has come further', () => {
    const it = new Played()
    it.head.add(batch([2, 3]), 0)
    assert.strictEqual(it.head.hold(), 0)
    const holds = new Set<number>()
    while (it.step()) holds.add(it.head.hold())
    assert.deepEqual([...holds], [0, 1, 2, Infinity])
  })

  it('that are put aside hold the watermark, and wait for their time', () => {
    const it = new Played()
    it.head.add(batch([5]), 0)
    for (let step = 0; step < 5; step++) it.step()
    assert.deepEqual(it.outputs, ['5:0', '5:1'])
    it.end(0, resumeAfter(millis(100)))
    assert.deepEqual([it.head.hold(), it.head.wakeAt(), it.head.quiescent()], [1, 100, true])
    it.head.onProcessingTime(99)
    assert.isTrue(it.head.quiescent())
    it.toEnd()
    assert.deepEqual(it.outputs, [...all(5)])
    assert.strictEqual(it.now, 100)
  })

  it('that are drained finish what was claimed, and leave or keep the rest', () => {
    for (const isBounded of [true, false]) {
      const it = new Played({ isBounded })
      it.head.add(batch([6, 9]), 0)
      for (let step = 0; step < 9; step++) it.step()
      const claimed = it.reading.flatMap(({ start: { element, tracker } }) =>
        O.isNone(tracker.last) ? [] : Array.from({ length: Number(tracker.last.value) + 1 }, (_, p) => `${String(element)}:${p}`),
      )
      it.head.drain(0)
      it.toEnd()
      assert.isAbove(claimed.length, 2)
      assert.sameMembers([...it.outputs], isBounded ? [...all(6, 9)] : claimed)
      assert.strictEqual(it.head.size(), 0)
    }
  })

  it('ask for whoever feeds them to wait when a thousand are queued', () => {
    const it = new Played()
    it.head.add(batch(new Array<number>(1_100).fill(1)), 0)
    assert.isTrue(it.head.busy())
    it.toEnd()
    assert.isFalse(it.head.busy())
    assert.isTrue(it.head.quiescent())
  })

  it('never take the watermark back, and refuse an estimator that says no instant', () => {
    const says = { current: 10 }
    const estimator: WatermarkEstimator<unknown> = {
      ...WatermarkEstimator.monotonic,
      observe: null,
      current: () => says.current as Instant,
    }
    const it = new Played({ watermark: estimator })
    it.head.add(batch([5]), 0)
    for (let step = 0; step < 3; step++) it.step()
    assert.strictEqual(it.head.hold(), 10)
    says.current = 4
    for (let step = 0; step < 2; step++) it.step()
    assert.strictEqual(it.head.hold(), 10)
    says.current = Number.NaN
    assert.throws(() => it.toEnd(), /Read: the watermark estimator says NaN, which is no instant/)
  })
})
