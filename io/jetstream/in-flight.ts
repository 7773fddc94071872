// Messages that were sent and not acknowledged: a ring, numbered in the order of sending, with nothing allocated a message.
import type { Headers } from '../../sdk/graph/sink.ts'

const free = 0
const sent = 1
const acknowledged = 2

export class InFlight {
  readonly capacity: number
  private readonly mask: number
  private readonly states: Uint8Array
  private readonly sentAt: Float64Array
  private readonly floors: Float64Array
  private readonly subjects: string[]
  private readonly payloads: (Uint8Array | null)[]
  private readonly headers: (Headers | null)[]
  private readonly ids: (string | null)[]
  /** The oldest number that is not acknowledged. */
  tail = 0
  /** The next number. */
  head = 0
  /** Payload bytes in flight. */
  bytes = 0

  /** `capacity`: a power of two. */
  constructor(capacity: number) {
    this.capacity = capacity
    this.mask = capacity - 1
    this.states = new Uint8Array(capacity)
    this.sentAt = new Float64Array(capacity)
    this.floors = new Float64Array(capacity)
    this.subjects = new Array<string>(capacity).fill('')
    this.payloads = new Array<Uint8Array | null>(capacity).fill(null)
    this.headers = new Array<Headers | null>(capacity).fill(null)
    this.ids = new Array<string | null>(capacity).fill(null)
  }

  get size(): number {
    return this.head - this.tail
  }

  /** Takes a message in; `floor`: whatever it will be stored as comes after this sequence. */
  add(subject: string, payload: Uint8Array, headers: Headers | null, id: string | null, floor: number, now: number): number {
    const n = this.head++
    const slot = n & this.mask
    this.states[slot] = sent
    this.sentAt[slot] = now
    this.floors[slot] = floor
    this.subjects[slot] = subject
    this.payloads[slot] = payload
    this.headers[slot] = headers
    this.ids[slot] = id
    this.bytes += payload.length
    return n
  }

  /** False for what is not in flight (any more). */
  acknowledge(n: number): boolean {
    const slot = n & this.mask
    if (!(n >= this.tail && n < this.head) || this.states[slot] !== sent) return false
    this.states[slot] = acknowledged
    this.bytes -= this.payloads[slot]?.length ?? 0
    this.payloads[slot] = null
    this.headers[slot] = null
    while (this.tail < this.head && this.states[this.tail & this.mask] === acknowledged) {
      this.states[this.tail & this.mask] = free
      this.tail++
    }
    return true
  }

  isSent(n: number): boolean {
    return n >= this.tail && n < this.head && this.states[n & this.mask] === sent
  }

  /** Whether a message to this subject is in flight. */
  holds(subject: string): boolean {
    for (let n = this.tail; n < this.head; n++) if (this.isSent(n) && this.subject(n) === subject) return true
    return false
  }

  subject(n: number): string {
    return this.subjects[n & this.mask] ?? ''
  }

  payload(n: number): Uint8Array {
    return this.payloads[n & this.mask] ?? new Uint8Array(0)
  }

  header(n: number): Headers | null {
    return this.headers[n & this.mask] ?? null
  }

  id(n: number): string | null {
    return this.ids[n & this.mask] ?? null
  }

  floor(n: number): number {
    return this.floors[n & this.mask] ?? 0
  }

  sentTime(n: number): number {
    return this.sentAt[n & this.mask] ?? 0
  }

  sentAgain(n: number, now: number): void {
    this.sentAt[n & this.mask] = now
  }
}
