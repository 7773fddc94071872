// What has arrived and was not polled yet: one reader's buffer, counted in messages and bytes.
import type { ReadBatch } from '../../sdk/splittable/source.ts'
import type { StreamMessage } from './message.ts'

/** What a position is verified with after a restart: when its message was published. */
export interface PositionNote {
  /** Of one subject: nothing was left of it behind the last message. */
  readonly isAll?: boolean | undefined
  readonly publishedAt: number
}

export class ReadAhead {
  private values: StreamMessage[] = []
  private sizes: number[] = []
  private head = 0
  /** Payload bytes that wait. */
  bytes = 0
  /** How many were ever pushed: an index for `limit`. */
  pushed = 0
  /** What was pushed from here on is not handed over yet: whether nothing is missing before it is being asked. */
  limit = Number.POSITIVE_INFINITY

  get size(): number {
    return this.values.length - this.head
  }

  /** How many were handed over. */
  get taken(): number {
    return this.pushed - this.size
  }

  /** When the first that waits was published; null where nothing does. */
  get oldestAt(): number | null {
    return this.values[this.head]?.publishedAt ?? null
  }

  push(message: StreamMessage, bytes: number): void {
    this.values.push(message)
    this.sizes.push(bytes)
    this.bytes += bytes
    this.pushed++
  }

  /** `isAll`: nothing is left of the range behind what is here. */
  take(maxElements: number, isAll = false): ReadBatch<StreamMessage> | null {
    const allowed = this.limit - this.taken
    const n = Math.min(this.size, maxElements, allowed)
    if (n <= 0) return null
    const end = this.head + n
    const values = this.head === 0 && end === this.values.length ? this.values : this.values.slice(this.head, end)
    let bytes = 0
    for (let i = this.head; i < end; i++) bytes += this.sizes[i] ?? 0
    this.bytes -= bytes
    this.head = end
    if (end === this.values.length) {
      this.values = []
      this.sizes = []
      this.head = 0
    } else if (this.head > 8_192) this.compact()
    const positions = new Array<number>(n)
    for (let i = 0; i < n; i++) positions[i] = values[i]?.sequence ?? 0
    const publishedAt = values[n - 1]?.publishedAt ?? 0
    const note: PositionNote = isAll && this.size === 0 ? { publishedAt, isAll } : { publishedAt }
    return { values, positions, bytes, note }
  }

  /** Forgets what lies at `to` or after it. */
  truncate(to: number): void {
    while (this.size > 0 && (this.values[this.values.length - 1]?.sequence ?? 0) >= to) {
      this.values.pop()
      this.bytes -= this.sizes.pop() ?? 0
      this.pushed--
    }
  }

  /** Forgets all that waits. */
  clear(): void {
    this.truncate(0)
  }

  private compact(): void {
    this.values = this.values.slice(this.head)
    this.sizes = this.sizes.slice(this.head)
    this.head = 0
  }
}
