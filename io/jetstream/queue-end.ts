// Whether a reader has handed on all that its queue holds: the stream's leader is asked for each message that it still has. A consumer that is
// paused, or at its max_ack_pending, sends heartbeats as one does that has nothing left.
import { type StreamEvidence } from './stream-evidence.ts'

export interface HandedOn {
  readonly has: (sequence: number) => boolean
  /** The first sequence from `from` on that is not in it. */
  readonly firstMissing: (from: number) => number
}

export interface QueuePart {
  readonly label: string
  /** The stream's creation time. */
  readonly created: string
  /** null: all subjects. */
  readonly filter: string | null
}

export class QueueEnd {
  readonly #evidence: StreamEvidence
  readonly #o: QueuePart
  /** Of all up to here, the leader holds nothing that was not handed on. It never will: sequences are not used twice. */
  through = 0
  /** The first message that the leader holds and that was not handed on, as of the last search; null: none was found. */
  missing: number | null = null

  constructor(evidence: StreamEvidence, o: QueuePart) {
    this.#evidence = evidence
    this.#o = o
  }

  /** Resolves to whether all that the leader holds up to `end` was handed on. Rejects with what a request fails with. */
  async reaches(end: number, handedOn: HandedOn, patient = false): Promise<boolean> {
    const { label, created, filter } = this.#o
    const filters = [filter ?? '>']
    this.missing = null
    while (this.through < end) {
      const from = handedOn.firstMissing(this.through + 1)
      this.through = Math.min(end, from - 1)
      if (from > end) return true
      const finding = await this.#evidence.search({ from, to: end + 1, filters, created, patient }, label)
      if (finding._tag === 'unproven') return false
      if (finding._tag === 'absent') this.through = end
      else if (handedOn.has(finding.sequence)) this.through = finding.sequence
      else {
        this.through = finding.sequence - 1
        this.missing = finding.sequence
        return false
      }
    }
    return true
  }
}
