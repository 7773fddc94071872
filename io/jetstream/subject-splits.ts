// A read that is split by subject: a split for each subject that has messages, and looks for those that appear.
import type { StreamInfo } from '@nats-io/jetstream'
import { Instant } from '../../sdk/model/time.ts'
import type { Discovered, Split } from '../../sdk/splittable/source.ts'
import type { Link } from './connections.ts'
import type { ErasedPolicy } from './erased.ts'
import { lastTimeOf } from './history.ts'
import { isMarker } from './marker-subject.ts'
import { JetStreamIOError } from './errors.ts'
import { detailOf, type SplitDetail } from './split-detail.ts'
import { type Look, evidenceOf } from './stream-evidence.ts'
import { hasGapsByNature } from './stream-info.ts'

/** Each has a consumer of its own: from here on that is worth a word. */
const manySubjects = 1_000

/** Nothing is read by it: it keeps where the read began for the subjects to come. */
const beginning = 'beginning'

export interface SubjectRead {
  readonly stream: string
  readonly label: string
  readonly filters: ReadonlyArray<string>
  readonly erased: ErasedPolicy
}

export interface SubjectRange {
  readonly from: number
  /** Exclusive; null: without end. */
  readonly to: number | null
}

export const splitsBySubject = async (
  link: Link,
  o: SubjectRead,
  range: SubjectRange,
  detail: SplitDetail,
  look: Look,
): Promise<ReadonlyArray<Split>> => {
  const first: Split = { id: beginning, range: { from: range.from, to: range.from }, count: null, detail, divisible: false }
  const subjects = await subjectsIn(link, o, look)
  // Without an end, the next look brings them.
  if (subjects === null && range.to !== null) throw unproven(o)
  return [first, ...(subjects ?? []).map(subject => splitOf(subject, range, detail))]
}

/** Asked again. */
const unproven = ({ stream }: SubjectRead): Error =>
  new Error(`the subjects of the stream ${stream} came from another leader than its end, or in more than one answer`)

const splitOf = (subject: string, range: SubjectRange, detail: SplitDetail): Split => ({
  id: `subject-${subject}`,
  range,
  count: null,
  detail: { ...detail, subject },
  divisible: false,
})

/** null: they are not known to be all that had messages at `look`. */
const subjectsIn = async (link: Link, { stream, filters }: SubjectRead, look: Look): Promise<ReadonlyArray<string> | null> => {
  const found = await evidenceOf(link, stream).subjects(look, filters.length === 0 ? ['>'] : filters)
  return found === null ? null : [...found].filter(subject => !isMarker(subject)).sort()
}

/** Looks for subjects, one look after another. */
export class SubjectLooks {
  readonly #link: Link
  readonly #o: SubjectRead
  readonly #warn: (message: string) => void
  /** The stream's last sequence at the last look; null before the first. */
  #lookedAt: number | null = null
  #warnedOf = manySubjects

  constructor(link: Link, o: SubjectRead, warn: (message: string) => void) {
    this.#link = link
    this.#o = o
    this.#warn = warn
  }

  async find({ known, toEnd }: { readonly known: ReadonlyArray<Split>; readonly toEnd: boolean }): Promise<Discovered> {
    const { stream, label } = this.#o
    const first = known.find(({ id }) => id === beginning)
    if (first === undefined)
      throw new JetStreamIOError(
        'InvalidOptions',
        `${label}: the checkpoint has this read as ${known.length} splits that were not made by subject. Leave splitBy out, or start a new run.`,
      )
    const { created, sinceMs: since } = detailOf(first, label)
    // Before the subjects are asked for: they are those of this moment at least.
    const look = await evidenceOf(this.#link, stream).settledLook(label)
    const { info } = look
    if (info.created !== created)
      throw new JetStreamIOError(
        'StreamRecreated',
        `${label}: the stream ${stream} was deleted and created again (at ${info.created}; it was read as created at ${created}). Start a new run, under another job name or with its checkpoints removed.`,
      )
    const isKnown = new Set(known.map(({ id }) => id))
    const detail: SplitDetail = {
      created,
      lastSequence: info.state.last_seq,
      lastAt: lastTimeOf(info),
      sinceMs: since,
      untilMs: null,
      list: null,
    }
    const range = { from: Math.max(first.range.from, info.state.first_seq), to: toEnd ? info.state.last_seq + 1 : null }
    const subjects = await subjectsIn(this.#link, this.#o, look)
    if (subjects === null) {
      if (toEnd) throw unproven(this.#o)
      return { splits: [], horizon: Instant.min }
    }
    this.#warnOfMany(subjects.length)
    const splits = subjects.map(subject => splitOf(subject, range, detail)).filter(({ id }) => !isKnown.has(id))
    if (splits.length > 0) this.#requireUnerased(info, known)
    this.#lookedAt = info.state.last_seq
    return { splits, horizon: toEnd ? Instant.max : look.at }
  }

  #warnOfMany(count: number): void {
    if (count <= this.#warnedOf) return
    // Again when they are twice as many.
    this.#warnedOf = 2 * count
    this.#warn(
      `${this.#o.label}: ${count} subjects have messages, and a read by subject has a consumer for each: a read of so many costs the server memory, and a restart time. Leave splitBy out in a new run where their order does not matter`,
    )
  }

  /** What was erased between two looks may have held the first messages of a subject that nobody had seen. */
  #requireUnerased(info: StreamInfo, known: ReadonlyArray<Split>): void {
    const { state } = info
    const { stream, label, erased } = this.#o
    const seen = this.#lookedAt ?? Math.max(...known.map(split => detailOf(split, label).lastSequence))
    if (state.first_seq <= seen + 1) return
    const what = `messages ${seen + 1} to ${state.first_seq - 1} of the stream ${stream} were erased before its subjects were looked at`
    // A stream that keeps the last few messages of a subject erases by its nature, and had more than that of whatever it has erased.
    if (this.#lookedAt === null || erased._tag === 'skip' || hasGapsByNature(info))
      return this.#warn(`${label}: ${what}: subjects that have appeared since may lack their first ones`)
    throw new JetStreamIOError(
      'MessagesErased',
      `${label}: ${what}, and a subject has appeared that may have had some of them. Keep messages for longer, or look more often (SplitBy.subject({ discoverEvery })).`,
    )
  }
}
