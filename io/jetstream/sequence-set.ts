// Which messages of a queue were handed on: all up to a floor, and ranges above it, each with the smallest and the greatest time stamp in it.
// A redelivered message is found in it and dropped; one that is stamped otherwise is another message under the same sequence.
import { clockSkewMs } from './clock-skew.ts'
import { isCount } from './fields.ts'
import type { KnownMessage } from './history.ts'

/** As a checkpoint has it: the floor, then in turn how far it is to the next range and how long that is. */
export type SequenceRecord = ReadonlyArray<number>

/**
 * The time stamps of a {@link SequenceRecord}: the last sequence that was handed on; then, for the floor and each range, the smallest stamp (-1:
 * nothing was handed on there) and how far it is to the greatest (-1: unknown).
 */
export type StampRecord = ReadonlyArray<number>

export const isSequenceRecord = (value: unknown): value is SequenceRecord => Array.isArray(value) && value.every(isCount)

/** `record`: whose stamps they would be. */
export const isStampRecord = (value: unknown, record: SequenceRecord): value is StampRecord =>
  Array.isArray(value) &&
  value.length === 1 + 2 * (1 + Math.floor(Math.max(0, record.length - 1) / 2)) &&
  value.every(each => each === -1 || isCount(each))

/** A greatest time stamp that a checkpoint of an earlier version does not have. */
const unknown = Number.POSITIVE_INFINITY

/** The greatest time stamp of two ranges. What has the smaller sequences is hardly newer. */
const joined = (lower: number, higher: number): number =>
  lower === unknown && Number.isFinite(higher) ? higher + clockSkewMs : Math.max(lower, higher)

/** new: it was not handed on. same: it was. other: another message was, under its sequence. */
export type Match = 'new' | 'same' | 'other'

export class SequenceSet {
  /** All up to here are in it. */
  private floor = 0
  private floorSmallest = Number.POSITIVE_INFINITY
  private floorGreatest = Number.NEGATIVE_INFINITY
  /** First and last of each range, ascending, with gaps between, and its smallest and greatest time stamp. */
  private firsts: number[] = []
  private lasts: number[] = []
  private smallests: number[] = []
  private greatests: number[] = []
  /** The last sequence that was handed on; 0: none, or it is not known. */
  private lastAdded = 0

  /** `stamps` null: a checkpoint of an earlier version has none. */
  static of(record: SequenceRecord, stamps: StampRecord | null): SequenceSet {
    const set = new SequenceSet()
    const [floor = 0, ...steps] = record
    const smallest = (i: number): number => (stamps === null ? 0 : (stamps[1 + 2 * i] ?? 0))
    const greatest = (i: number): number => {
      const span = stamps?.[2 + 2 * i] ?? -1
      return span < 0 ? unknown : smallest(i) + span
    }
    set.floor = floor
    if (floor > 0 && smallest(0) >= 0) {
      set.floorSmallest = smallest(0)
      set.floorGreatest = greatest(0)
    }
    set.lastAdded = stamps?.[0] ?? 0
    let at = floor
    for (let i = 0; i + 1 < steps.length; i += 2) {
      const first = at + (steps[i] ?? 0)
      at = first + (steps[i + 1] ?? 1) - 1
      set.firsts.push(first)
      set.lasts.push(at)
      set.smallests.push(smallest(1 + i / 2))
      set.greatests.push(greatest(1 + i / 2))
    }
    return set
  }

  get last(): number {
    return this.lasts.at(-1) ?? this.floor
  }

  /** The last one that was handed on; null: there is none, or its time stamp is not known. */
  get lastKnown(): KnownMessage | null {
    const known = this.known(this.lastAdded)
    return this.lastAdded > 0 && Number.isFinite(known.greatest) ? known : null
  }

  /** Of those above the floor, ascending. */
  *above(): Iterable<number> {
    for (const [i, first] of this.firsts.entries()) for (let at = first; at <= (this.lasts[i] ?? first); at++) yield at
  }

  has(sequence: number): boolean {
    return sequence <= this.floor || this.rangeOf(sequence) >= 0
  }

  /** Whether this message was handed on. `at`: its time stamp. */
  match(sequence: number, at: number): Match {
    if (sequence <= this.floor) {
      // Up to the floor may lie what an earlier run was given, and none of this one.
      if (at < this.floorSmallest) return 'new'
      return at <= this.floorGreatest ? 'same' : 'other'
    }
    const i = this.rangeOf(sequence)
    if (i < 0) return 'new'
    return at >= (this.smallests[i] ?? 0) && at <= (this.greatests[i] ?? 0) ? 'same' : 'other'
  }

  /** This sequence with the time stamps of its range. */
  known(sequence: number): KnownMessage {
    if (sequence <= this.floor) return { sequence, smallest: this.floorSmallest, greatest: this.floorGreatest }
    const i = this.rangeOf(sequence)
    return { sequence, smallest: this.smallests[i] ?? 0, greatest: this.greatests[i] ?? unknown }
  }

  /** `at`: its time stamp. */
  add(sequence: number, at: number): void {
    if (sequence > this.lastAdded) this.lastAdded = sequence
    if (sequence <= this.floor) return this.intoFloor(at, at)
    if (this.rangeOf(sequence) >= 0) return
    const after = this.rangeAfter(sequence)
    const before = after - 1
    const joinsBefore = after > 0 && this.lasts[before] === sequence - 1
    const joinsAfter = this.firsts[after] === sequence + 1
    if (joinsBefore) {
      this.lasts[before] = sequence
      this.smallests[before] = Math.min(this.smallests[before] ?? at, at)
      this.greatests[before] = joined(this.greatests[before] ?? at, at)
      if (!joinsAfter) return
      this.lasts[before] = this.lasts[after] ?? sequence
      this.smallests[before] = Math.min(this.smallests[before] ?? at, this.smallests[after] ?? at)
      this.greatests[before] = joined(this.greatests[before] ?? at, this.greatests[after] ?? at)
      this.remove(after, 1)
    } else if (joinsAfter) {
      this.firsts[after] = sequence
      this.smallests[after] = Math.min(at, this.smallests[after] ?? at)
      this.greatests[after] = joined(at, this.greatests[after] ?? at)
    } else {
      this.firsts.splice(after, 0, sequence)
      this.lasts.splice(after, 0, sequence)
      this.smallests.splice(after, 0, at)
      this.greatests.splice(after, 0, at)
    }
  }

  /** All up to `floor` belong to it as well; it never falls. */
  raise(floor: number): void {
    if (floor <= this.floor) return
    this.floor = floor
    const passed = this.rangeAfter(floor)
    for (let i = 0; i < passed; i++) this.intoFloor(this.smallests[i] ?? 0, this.greatests[i] ?? unknown)
    const reaches = passed > 0 && (this.lasts[passed - 1] ?? 0) > floor
    this.remove(0, reaches ? passed - 1 : passed)
    if (reaches) this.firsts[0] = floor + 1
  }

  /** The first sequence from `from` on that is not in it. */
  firstMissing(from: number): number {
    const above = Math.max(from, this.floor + 1)
    const last = this.lasts[this.rangeAfter(above) - 1] ?? 0
    return last >= above ? last + 1 : above
  }

  record(): SequenceRecord {
    const record = new Array<number>(1 + 2 * this.firsts.length)
    record[0] = this.floor
    let at = this.floor
    for (let i = 0; i < this.firsts.length; i++) {
      const [first, last] = [this.firsts[i] ?? 0, this.lasts[i] ?? 0]
      record[1 + 2 * i] = first - at
      record[2 + 2 * i] = last - first + 1
      at = last
    }
    return record
  }

  stampRecord(): StampRecord {
    const record = new Array<number>(3 + 2 * this.firsts.length)
    const set = (i: number, smallest: number, greatest: number): void => {
      record[1 + 2 * i] = greatest < smallest ? -1 : smallest
      record[2 + 2 * i] = Number.isFinite(greatest) ? greatest - smallest : -1
    }
    record[0] = this.lastAdded
    set(0, this.floorSmallest, this.floorGreatest)
    for (let i = 0; i < this.firsts.length; i++) set(i + 1, this.smallests[i] ?? 0, this.greatests[i] ?? unknown)
    return record
  }

  private intoFloor(smallest: number, greatest: number): void {
    this.floorSmallest = Math.min(this.floorSmallest, smallest)
    this.floorGreatest = joined(this.floorGreatest, greatest)
  }

  private remove(from: number, count: number): void {
    for (const column of [this.firsts, this.lasts, this.smallests, this.greatests]) column.splice(from, count)
  }

  /** The index of the range that it lies in, or -1. */
  private rangeOf(sequence: number): number {
    const i = this.rangeAfter(sequence) - 1
    return i >= 0 && sequence <= (this.lasts[i] ?? 0) ? i : -1
  }

  /** The index of the first range that begins behind `sequence`. */
  private rangeAfter(sequence: number): number {
    let low = 0
    let high = this.firsts.length
    // Most look at the end.
    if ((this.firsts[high - 1] ?? 0) <= sequence) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.firsts[middle] ?? 0) <= sequence) low = middle + 1
      else high = middle
    }
    return low
  }
}
