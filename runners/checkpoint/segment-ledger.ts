// Which segments there are, so that no manifest ever names one that is not.
import type { Manifest, Segment } from './store.ts'

export class SegmentLedger {
  readonly #segments = new Map<string, Segment>()

  constructor(history: ReadonlyArray<Manifest>) {
    for (const manifest of history) for (const segment of manifest.segments) this.add(segment)
  }

  add(segment: Segment): void {
    this.#segments.set(segment.name, segment)
  }

  has(name: string): boolean {
    return this.#segments.has(name)
  }

  forget(names: ReadonlyArray<string>): void {
    for (const name of names) this.#segments.delete(name)
  }

  /** A manifest that named anything else could not be restored. */
  checkNamed(segments: ReadonlyArray<Segment>): void {
    for (const { name, bytes, checksum } of segments) {
      const there = this.#segments.get(name)
      if (there === undefined)
        throw new RangeError(`commit: there is no segment ${name}; it was discarded, or only named by checkpoints that are no longer kept`)
      if (there.bytes !== bytes || there.checksum !== checksum)
        throw new RangeError(
          `commit: the segment ${name} has ${there.bytes} bytes and the checksum ${there.checksum}, not what it was given with`,
        )
    }
  }

  checkEpoch(last: number, epoch: number): void {
    if (!Number.isSafeInteger(epoch) || epoch <= last)
      throw new RangeError(`commit: epochs are whole numbers that grow, and ${epoch} does not follow ${last < 0 ? 'none' : last}`)
  }
}
