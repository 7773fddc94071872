// Outputs of checkpoints in atomic batches with a marker: all of a batch is stored or nothing, its marker says how far that is, and only
// whoever has taken the marker over can write the next one. Neither names nor the duplicate window are needed, and nothing is looked through.
import type { CommitId, ConnectedSink, OutputBatch } from '../../sdk/graph/sink.ts'
import { LatencyRecorder } from '../../sdk/model/histogram.ts'
import { mayPass } from './api-errors.ts'
import { AtomicBatch, mostRows } from './atomic-batch.ts'
import { endOfBatch } from './publisher-options.ts'
import { JetStreamIOError, asError, errorText, notPermitted } from './errors.ts'
import { type Owner, type Reached, ShardMarker } from './marker.ts'
import { markersShown, markerSubject } from './marker-subject.ts'
import { pauseMs, persistently, sleep } from './patience.ts'
import { limitText } from './publish-rejected.ts'
import type { MarkerPlace, Position } from './position.ts'
import { type PubAck, refusalText } from './pub-ack.ts'
import { streamInfo } from './stream-info.ts'
import type { StreamPlace } from './stream-place.ts'

/** The server takes smaller batches than this one. */
const tooLargeBatch = 10_199

export const atomicSink = async (place: StreamPlace): Promise<ConnectedSink> => {
  const sink = new AtomicSink(place)
  await sink.open()
  return sink.connected()
}

class AtomicSink {
  readonly #place: StreamPlace
  readonly #owner: Owner
  readonly #markers = new Map<string, ShardMarker>()
  readonly #counts = { published: 0, batches: 0, recoveries: 0, foundStored: 0, skipped: 0, refreshed: 0 }
  readonly #latency = new LatencyRecorder()
  readonly #interruptions = new Interruptions()
  /** Under way. */
  readonly #leaving: OutputBatch[] = []
  /** This user may not publish one of them: the batch that it belongs to never becomes whole. */
  #refused: JetStreamIOError | null = null
  /** Sent, and no batch that holds it is known to be stored. */
  #inFlight = 0
  #maxRows = mostRows
  #lastSequence: number

  constructor(place: StreamPlace) {
    this.#place = place
    this.#owner = { generation: place.context.site.generation, nonce: crypto.randomUUID() }
    this.#lastSequence = place.stood?.lastSequence ?? place.info.state.last_seq
  }

  /** Takes all markers over: those of the stored layout, which may have had other tasks, those of this one, and those of a run that this one replaces. */
  async open(): Promise<void> {
    const { context, replaced, info } = this.#place
    const { shards, role } = context.site
    if (role === 'look' || shards.length === 0) return
    // A worker takes its own, once the main thread had them all.
    const stored = role === 'main' ? Object.keys(this.#recorded) : []
    const old = role === 'main' && replaced?.created === info.created ? Object.entries(replaced.markers ?? {}) : []
    await Promise.all([
      ...[...new Set([...stored, ...shards])].map(shard => this.#markerOf(shard).claim()),
      ...old.map(([shard, { subject }]) => this.#marker(shard, subject, null).claim()),
    ])
  }

  get #recorded(): Readonly<Record<string, MarkerPlace>> {
    return this.#place.stood?.markers ?? {}
  }

  #markerOf(shard: string): ShardMarker {
    const known = this.#markers.get(shard)
    if (known !== undefined) return known
    const { context, label, stream, room } = this.#place
    const recorded = this.#recorded[shard]
    const subject = recorded?.subject ?? (room === null ? null : markerSubject(room, context.runId, context.sinkId, shard))
    if (subject === null) throw new Error(`${label}: ${stream} has no room for a marker`)
    const marker = this.#marker(shard, subject, recorded?.sequence ?? null)
    this.#markers.set(shard, marker)
    return marker
  }

  #marker(shard: string, subject: string, recorded: number | null): ShardMarker {
    const { link, stream, label, context } = this.#place
    return new ShardMarker({
      link,
      stream,
      label,
      signal: context.signal,
      lease: context.lease,
      subject,
      shard,
      owner: this.#owner,
      recorded,
    })
  }

  connected(): ConnectedSink {
    const { context, label, because, link } = this.#place
    const stopListening = link.listen(event => {
      if (event !== 'reconnected') this.#interruptions.happened('the connection was lost')
    })
    const stopRefusals = link.onRefused(refused => {
      if (refused.operation !== 'publish' || !this.#leaving.some(({ destinations }) => destinations.includes(refused.subject))) return
      this.#refused = notPermitted(label, refused)
      this.#interruptions.happened(this.#refused.message)
    })
    context.signal.addEventListener('abort', () => this.#interruptions.happened('stopped'), { once: true })
    return {
      protocol: this.#position(),
      way: 'atomicBatch',
      guarantee: `${label}: exactly once by atomic batches, published once their checkpoint is durable${because}. ${this.#markersText()}`,
      publish: () => {
        throw new Error(`${label}: outputs in atomic batches wait for their checkpoint (${context.mode})`)
      },
      congested: () => false,
      onReady: () => undefined,
      failure: () => null,
      flush: async () => {
        await this.#keepAlive()
        return this.#position()
      },
      commit: (id, outputs) => this.#commit(id, outputs),
      close: () => {
        stopListening()
        stopRefusals()
        return Promise.resolve()
      },
      metrics: () => ({ ...this.#counts, inFlight: this.#inFlight }),
      latency: () => this.#latency.told(),
    }
  }

  #markersText(): string {
    const { room, stream } = this.#place
    const on = room === null ? '' : ` on ${markersShown(room)}`
    return `Each batch ends with a marker${on}: a message that every consumer of ${stream} receives, unless its filter leaves that subject out (the option markerSubject moves markers to another one). Markers keep out a process that another one has followed.`
  }

  #position(): Position {
    const markers = Object.fromEntries(
      [...this.#markers].flatMap(([shard, { subject, sequence }]) => (sequence === 0 ? [] : [[shard, { subject, sequence }]])),
    )
    const lastSequence = Math.max(this.#lastSequence, ...Object.values(markers).map(({ sequence }) => sequence))
    return { _tag: 'atomicBatch', created: this.#place.info.created, lastSequence, markers }
  }

  // ---- A checkpoint's outputs

  async #commit(id: CommitId, outputs: OutputBatch): Promise<void> {
    let flying = 0
    const fly = (rows: number): void => {
      this.#inFlight += rows - flying
      flying = rows
    }
    this.#leaving.push(outputs)
    try {
      await this.#publish(id, outputs, fly)
    } finally {
      this.#leaving.splice(this.#leaving.indexOf(outputs), 1)
      fly(0)
    }
  }

  /** `fly` is told how many rows are on their way. */
  async #publish(id: CommitId, outputs: OutputBatch, fly: (rows: number) => void): Promise<void> {
    this.#place.requireTaken(outputs.destinations)
    const marker = this.#markerOf(id.shard)
    const of = outputs.payloads.length
    if (!marker.isOurs) await marker.read()
    let next = Math.min(marker.rowsOf(id), of)
    this.#counts.skipped += next
    if (next < of && !marker.isOurs) {
      await marker.claim()
      next = Math.min(marker.rowsOf(id), of)
    }
    let part = next === 0 ? 0 : marker.part
    const attempts = new Attempts(this.#place)
    let committing: {
      readonly reached: Reached
      readonly from: number
      readonly at: number
      readonly answer: Promise<PubAck | Error>
    } | null = null
    while (next < of || committing !== null) {
      const { lease } = this.#place.context
      if (!lease.held()) {
        await lease.whenHeld()
        attempts.progress()
      }
      // The next batch is staged while the one before is stored.
      const staged = next < of ? this.#stage(outputs, next) : null
      fly((staged?.to ?? next) - (committing?.from ?? next))
      if (committing !== null) {
        const doubt = this.#settled(marker, await committing.answer, committing.reached)
        if (doubt === null) this.#stored(committing.reached.rows - committing.from, committing.at)
        if (this.#refused !== null) throw this.#refused
        if (doubt !== null) {
          const sure = committing.from
          committing = null
          await attempts.pause(doubt)
          this.#counts.recoveries++
          const before = marker.sequence
          await marker.read()
          if (marker.sequence !== before) attempts.progress()
          next = Math.min(marker.rowsOf(id), of)
          this.#counts.foundStored += next - sure
          part = next === 0 ? 0 : marker.part
          continue
        }
        attempts.progress()
        committing = null
      }
      if (staged === null) continue
      const reached: Reached = { generation: id.generation, epoch: id.epoch, part: ++part, rows: staged.to, of }
      const { payload, headers } = marker.next(reached)
      const answer = this.#interruptions.orInterrupted(staged.batch.commit(marker.subject, payload, headers).catch(asError))
      committing = { reached, from: next, at: performance.now(), answer }
      next = staged.to
    }
    this.#lastSequence = Math.max(this.#lastSequence, marker.sequence)
  }

  #stored(rows: number, since: number): void {
    this.#counts.published += rows
    this.#latency.record(performance.now() - since, rows)
  }

  #stage(outputs: OutputBatch, from: number): { readonly batch: AtomicBatch; readonly to: number } {
    const { link, label, window } = this.#place
    const to = endOfBatch(outputs, from, Math.min(this.#maxRows, window.messages), window.bytes)
    const batch = new AtomicBatch(link.nc)
    try {
      batch.stage(outputs, from, to)
    } catch (error) {
      throw new JetStreamIOError(
        'PublishRejected',
        `${label} cannot publish a batch of ${to - from} messages: ${errorText(error)}.${limitText(link.nc.info)} Make them smaller, or raise the server's max_payload.`,
        { cause: error },
      )
    }
    return { batch, to }
  }

  /** Why it is in doubt; null: it is stored. Throws what is refused for good. */
  #settled(marker: ShardMarker, answer: PubAck | Error, reached: Reached): string | null {
    if (answer instanceof Error) return answer.message
    if (answer._tag === 'refused') {
      if (answer.errorCode === tooLargeBatch) this.#maxRows = Math.max(1, this.#maxRows >> 1)
      if (mayPass(answer.code, answer.errorCode, answer.description)) return `${answer.description} (${answer.errorCode})`
      const { label, stream } = this.#place
      throw new JetStreamIOError('PublishRejected', `${label}: the stream ${stream} refuses a batch: ${refusalText(answer)}`)
    }
    this.#counts.batches++
    marker.moved(answer.sequence, reached)
    return null
  }

  // ---- Between them

  /** A marker must outlive what the stream's limits erase: it is written again before it comes to the older half of what is there. */
  async #keepAlive(): Promise<void> {
    const { link, stream, label, context, info } = this.#place
    const { max_age, max_msgs, max_bytes } = info.config
    if (max_age <= 0 && max_msgs <= 0 && max_bytes <= 0) return
    const { state } = await persistently({ what: label, signal: context.signal, link }, () => streamInfo(link, stream, label))
    const middle = (state.first_seq + state.last_seq) / 2
    const oldMs = max_age > 0 ? max_age / 1_000_000 / 3 : Infinity
    const ours = [...this.#markers.values()].filter(marker => marker.isOurs && (marker.sequence < middle || marker.ageMs() > oldMs))
    await Promise.all(ours.map(marker => marker.refresh()))
    this.#counts.refreshed += ours.length
  }
}

/** An answer that cannot come any more is not waited for. */
class Interruptions {
  readonly #waiting = new Set<(error: Error) => void>()

  happened(reason: string): void {
    for (const interrupt of this.#waiting) interrupt(new Error(reason))
  }

  async orInterrupted<A>(answer: Promise<A>): Promise<A | Error> {
    let interrupt: (error: Error) => void = () => undefined
    const interrupted = new Promise<Error>(resolve => (interrupt = resolve))
    this.#waiting.add(interrupt)
    try {
      return await Promise.race([answer, interrupted])
    } finally {
      this.#waiting.delete(interrupt)
    }
  }
}

/** How often what is in doubt is tried again: for as long as a run waits without anything that comes of it. */
class Attempts {
  readonly #place: StreamPlace
  #fruitless = 0
  #since = Date.now()

  constructor(place: StreamPlace) {
    this.#place = place
  }

  progress(): void {
    this.#fruitless = 0
    this.#since = Date.now()
  }

  async pause(reason: string): Promise<void> {
    const { label, stream, context, link } = this.#place
    context.log('warn', `${label}: finding out what arrived`, { reason })
    if (context.signal.aborted) throw new JetStreamIOError('Closed', `${label}: stopped.`)
    if (Date.now() - this.#since > link.patienceMs)
      throw new JetStreamIOError(
        'ServerUnavailable',
        `${label}: for ${link.patienceMs / 1000} s the stream ${stream} has stored no batch: ${reason}. Look at the server's log; then start the run again: it goes on from its checkpoint.`,
      )
    await sleep(pauseMs(this.#fruitless++), context.signal)
  }
}
