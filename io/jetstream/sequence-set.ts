// Which messages of a queue were handed on: all up to a floor, and ranges above it. What comes again is found in it and dropped.
import { isCount } from './fields.ts'

/** As a checkpoint has it: the floor, then in turn how far it is to the next range and how long that is. */
export type SequenceRecord = ReadonlyArray<number>

export const isSequenceRecord = (value: unknown): value is SequenceRecord => Array.isArray(value) && value.every(isCount)

export class SequenceSet {
  /** All up to here are in it. */
  private floor = 0
  /** First and last of each range, ascending, with gaps between. */
  private firsts: number[] = []
  private lasts: number[] = []

  static of(record: SequenceRecord): SequenceSet {
    const set = new SequenceSet()
    const [floor = 0, ...steps] = record
    set.floor = floor
    let at = floor
    for (let i = 0; i + 1 < steps.length; i += 2) {
      const first = at + (steps[i] ?? 0)
      at = first + (steps[i + 1] ?? 1) - 1
      set.firsts.push(first)
      set.lasts.push(at)
    }
    return set
  }

  get last(): number {
    return this.lasts.at(-1) ?? this.floor
  }

  /** Of those above the floor, ascending. */
  *above(): Iterable<number> {
    for (const [i, first] of this.firsts.entries()) for (let at = first; at <= (this.lasts[i] ?? first); at++) yield at
  }

  has(sequence: number): boolean {
    if (sequence <= this.floor) return true
    if (sequence > this.last) return false
    const i = this.rangeAfter(sequence) - 1
    return i >= 0 && sequence <= (this.lasts[i] ?? 0)
  }

  add(sequence: number): void {
    if (this.has(sequence)) return
    const after = this.rangeAfter(sequence)
    const joinsBefore = after > 0 && this.lasts[after - 1] === sequence - 1
    const joinsAfter = this.firsts[after] === sequence + 1
    if (joinsBefore && joinsAfter) {
      this.lasts[after - 1] = this.lasts[after] ?? sequence
      this.firsts.splice(after, 1)
      this.lasts.splice(after, 1)
    } else if (joinsBefore) this.lasts[after - 1] = sequence
    else if (joinsAfter) this.firsts[after] = sequence
    else if (after === this.firsts.length) {
      this.firsts.push(sequence)
      this.lasts.push(sequence)
    } else {
      this.firsts.splice(after, 0, sequence)
      this.lasts.splice(after, 0, sequence)
    }
  }

  /** All up to `floor` belong to it as well; it never falls. */
  raise(floor: number): void {
    if (floor <= this.floor) return
    this.floor = floor
    const passed = this.rangeAfter(floor)
    const reaches = passed > 0 && (this.lasts[passed - 1] ?? 0) > floor
    const gone = reaches ? passed - 1 : passed
    this.firsts.splice(0, gone)
    this.lasts.splice(0, gone)
    if (reaches) this.firsts[0] = floor + 1
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
