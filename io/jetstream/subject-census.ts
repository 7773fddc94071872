// Which subjects got no message between two moments, for all readers of a stream together: one request instead of one for each subject.

/** The part of a stream info that a census compares. */
export interface CensusState {
  readonly leader: string
  readonly created: string
  readonly last: number
  readonly messages: number
}

interface Count<L> {
  readonly look: L
  readonly counts: ReadonlyMap<string, number>
}

/** More subjects in one answer cost a server and this process more than what they save. */
const mostSubjects = 20_000
/** Looks without a census where the stream deletes messages: it will delete more. */
const pausedLooks = 30

/**
 * Compares the number of messages of each subject at two moments. A subject whose number is the same has no new message, as long as the stream
 * deleted none meanwhile: then its last sequence grew as much as its number of messages. The server reads the state before the numbers. So
 * a message that is stored between them makes their sum differ, and a deletion between them shows in the next state: a census counts once the
 * next look confirms it.
 */
export class SubjectCensus<L extends CensusState> {
  #before: Count<L> | null = null
  #newest: Count<L> | null = null
  #paused = 0
  #confirmed: { readonly from: Count<L>; readonly to: Count<L> } | null = null

  /** The moment of the newest census that a later look has confirmed. */
  get confirmed(): L | null {
    return this.#confirmed?.to.look ?? null
  }

  /** Whether the next look may ask for the numbers. */
  isDue(subjects: number): boolean {
    return this.#paused === 0 && subjects <= mostSubjects
  }

  /** Takes the numbers that were asked for; `look`: the state in the same answer. */
  counted(look: L, subjects: Readonly<Record<string, number>>): void {
    this.looked(look)
    const counts = new Map(Object.entries(subjects))
    let sum = 0
    for (const count of counts.values()) sum += count
    // Else a message was stored between the two.
    if (sum !== look.messages) return
    this.#before = this.#newest
    this.#newest = { look, counts }
  }

  /** Confirms the newest census, or drops all where the stream deleted messages or its leader changed. */
  looked(look: L): void {
    const [before, newest] = [this.#before, this.#newest]
    if (this.#paused > 0) this.#paused--
    if (newest === null) return
    if (isWithoutDeletions((before ?? newest).look, look)) {
      if (before !== null) this.#confirmed = { from: before, to: newest }
      return
    }
    this.#before = null
    this.#newest = null
    this.#confirmed = null
    this.#paused = pausedLooks
  }

  /** Whether no message from the sequence `from` up to the confirmed census has this subject. false: that is not known. */
  isQuiet(subject: string, from: number): boolean {
    if (this.#confirmed === null) return false
    const { from: before, to } = this.#confirmed
    return from > before.look.last && (before.counts.get(subject) ?? 0) === (to.counts.get(subject) ?? 0)
  }
}

const isWithoutDeletions = (a: CensusState, b: CensusState): boolean =>
  a.leader === b.leader && a.created === b.created && b.last >= a.last && b.messages - a.messages === b.last - a.last
