// A marker: the message inside a destination that says how far one task's outputs have come, and who may write the next ones. It is written
// only behind the one before (Nats-Expected-Last-Subject-Sequence), so of two writers one is refused.
import { type MsgHdrs, headers as makeHeaders } from '@nats-io/nats-core'
import type { HostLease } from '../../sdk/model/bindings.ts'
import { mayPass } from './api-errors.ts'
import type { Link } from './connections.ts'
import { JetStreamIOError } from './errors.ts'
import { field, isCount, jsonIn } from './fields.ts'
import { persistently, requireHeld } from './patience.ts'
import { parsePubAck, refusalText } from './pub-ack.ts'

const answerMs = 5_000
const markerHeader = 'Jetbeam-Marker'

/** Whose turn it is: a process's hold of its job, and which of its connections. */
export interface Owner {
  readonly generation: number
  readonly nonce: string
}

/** How far: `rows` of the `of` outputs of a checkpoint are stored, by its part number `part`. */
export interface Reached {
  readonly generation: number
  readonly epoch: number
  readonly part: number
  readonly rows: number
  readonly of: number
}

const nothing: Reached = { generation: 0, epoch: -1, part: 0, rows: 0, of: 0 }

interface Marker {
  readonly owner: Owner
  readonly reached: Reached
  readonly sequence: number
}

export interface MarkerOptions {
  readonly link: Link
  readonly stream: string
  readonly label: string
  readonly signal: AbortSignal
  readonly lease: HostLease
  readonly subject: string
  readonly shard: string
  readonly owner: Owner
  /** Where it lay when the checkpoint was written; null: the checkpoint does not know it. */
  readonly recorded: number | null
}

const encoder = new TextEncoder()

export class ShardMarker {
  readonly #o: MarkerOptions
  #known: Marker | null = null
  #writtenMs = 0

  constructor(o: MarkerOptions) {
    this.#o = o
  }

  get subject(): string {
    return this.#o.subject
  }

  /** 0: it is not there yet. */
  get sequence(): number {
    return this.#known?.sequence ?? 0
  }

  /** Since it was written, where it is ours. */
  ageMs(): number {
    return performance.now() - this.#writtenMs
  }

  get isOurs(): boolean {
    return this.#known?.owner.nonce === this.#o.owner.nonce
  }

  /** How many outputs of a checkpoint are stored, of those that it has. */
  rowsOf({ generation, epoch }: Pick<Reached, 'generation' | 'epoch'>): number {
    const { reached } = this.#known ?? { reached: nothing }
    const ahead = reached.generation - generation || reached.epoch - epoch
    if (ahead > 0) return Infinity
    if (ahead === 0) return reached.rows
    if (reached.rows < reached.of)
      throw new Error(
        `${this.#o.shard} has ${reached.of} outputs in checkpoint ${reached.epoch}, of which ${reached.rows} are stored, and now publishes checkpoint ${epoch}`,
      )
    return 0
  }

  get part(): number {
    return this.#known?.reached.part ?? 0
  }

  /** Asks the stream's leader. Rejects with Fenced where a later process has taken it over, and with RecoveryImpossible where it should be there and is not. */
  async read(): Promise<void> {
    const { link, stream, label, signal } = this.#o
    await persistently({ what: label, signal, link }, async () => {
      // What is asked now would be answered when that is late for long.
      if (!link.isConnected()) throw new Error(`not connected to ${link.address}`)
      this.#accept(await link.jsm.streams.getMessage(stream, { last_by_subj: this.#o.subject }))
    })
  }

  #accept(message: { readonly seq: number; readonly data: Uint8Array } | null): void {
    const { label, subject, stream, recorded, owner } = this.#o
    const least = Math.max(recorded ?? 0, this.sequence)
    const found = message === null ? null : { ...contentIn(message.data, subject, label), sequence: message.seq }
    if ((found?.sequence ?? 0) < least)
      throw new JetStreamIOError(
        'RecoveryImpossible',
        `${label}: the marker ${subject} was message ${least} of the stream ${stream}, and ${found === null ? 'is gone' : `now is message ${found.sequence}`}: it was purged or deleted, passed the stream's limits while the run was down, or the server lost what it had acknowledged. ` +
          'Which outputs are stored can no longer be found out; nothing was published again. Start a new run.',
      )
    if (found !== null && found.owner.generation > owner.generation) throw this.#fenced(found.owner)
    if (this.isOurs && found !== null && found.owner.nonce !== owner.nonce) throw this.#fenced(found.owner)
    this.#known = found
  }

  #fenced({ generation }: Owner): JetStreamIOError {
    const { label, stream, subject } = this.#o
    return new JetStreamIOError(
      'Fenced',
      `${label}: another process (generation ${generation} of this job) has taken over the stream ${stream} (marker ${subject}). This one must stop; the other goes on from the last checkpoint.`,
    )
  }

  /** Takes it over as it is: whoever had it before is refused from now on. */
  async claim(): Promise<void> {
    const { label, signal, link, lease } = this.#o
    await persistently({ what: label, signal, link, lease }, async () => {
      await this.read()
      if (!this.isOurs) await this.#write()
    })
  }

  /** The same once more, at the stream's end: there it outlasts the others. */
  async refresh(): Promise<void> {
    const { label, signal, link, lease } = this.#o
    const before = this.sequence
    await persistently({ what: label, signal, link, lease }, async () => {
      if (this.sequence === before) await this.#write()
    })
  }

  async #write(): Promise<void> {
    const { link, subject, lease, label } = this.#o
    requireHeld(lease, label)
    const { headers, payload } = this.next(this.#known?.reached ?? nothing)
    let refused: string
    try {
      const answer = parsePubAck((await link.nc.request(subject, payload, { headers, timeout: answerMs })).data)
      if (answer._tag === 'stored') return this.moved(answer.sequence, this.#known?.reached ?? nothing)
      refused = refusalText(answer)
      if (!mayPass(answer.code, answer.errorCode, answer.description)) throw this.refused(refused)
    } catch (error) {
      // Whether it arrived is told by the marker itself.
      await this.read()
      throw error
    }
    await this.read()
    throw new Error(refused)
  }

  refused(description: string): JetStreamIOError {
    const { label, stream, subject } = this.#o
    return new JetStreamIOError('PublishRejected', `${label}: the stream ${stream} refuses the marker ${subject}: ${description}`)
  }

  /** The message that says `reached`, behind the one that is known. */
  next(reached: Reached): { readonly headers: MsgHdrs; readonly payload: Uint8Array } {
    const headers = makeHeaders()
    headers.set(markerHeader, this.#o.shard)
    headers.set('Nats-Expected-Last-Subject-Sequence', String(this.sequence))
    return { headers, payload: encoder.encode(JSON.stringify({ owner: this.#o.owner, reached })) }
  }

  moved(sequence: number, reached: Reached): void {
    this.#writtenMs = performance.now()
    this.#known = { owner: this.#o.owner, reached, sequence }
  }
}

/** Throws RecoveryImpossible for what is none. */
export const contentIn = (data: Uint8Array, subject: string, label: string): Pick<Marker, 'owner' | 'reached'> => {
  const content = jsonIn(data)
  const [owner, reached] = [field(content, 'owner'), field(content, 'reached')]
  if (isOwner(owner) && isReached(reached)) return { owner, reached }
  throw new JetStreamIOError(
    'RecoveryImpossible',
    `${label}: the message in ${subject} is no marker: somebody else has published there. Which outputs are stored can no longer be found out. Start a new run.`,
  )
}

const isOwner = (value: unknown): value is Owner => isCount(field(value, 'generation')) && typeof field(value, 'nonce') === 'string'

const isReached = (value: unknown): value is Reached =>
  ['generation', 'part', 'rows', 'of'].every(key => isCount(field(value, key))) && Number.isSafeInteger(field(value, 'epoch'))
