// A checkpoint store in virtual time: generations, leases that end by silence, segments, manifests and savepoints, behind a medium that is
// slow, full, out of reach, or fails although it has done what was asked.
import { confirmedFrom, laterOf, type LeaseConfirmation } from '../../runners/checkpoint/confirmation.ts'
import type { CheckpointContent } from '../../runners/host/checkpoint-content.ts'
import {
  CheckpointError,
  type CheckpointSession,
  type CheckpointStore,
  type Manifest,
  type Segment,
} from '../../runners/checkpoint/store.ts'
import type { Executor } from './executor.ts'
import type { SimulatedProcess } from './simulated-process.ts'

/** What may befall a request; the shares are looked up each time, for a world gets calm. */
export interface StoreTraits {
  /** How slow an answer may be, in milliseconds. */
  readonly paceMs: number
  /** Share of requests that the medium refuses. */
  readonly failures: () => number
  /** A holder that was silent for as long may be replaced. */
  readonly expiryMs: number
  readonly keep: number
}

interface StoredManifest extends Omit<Manifest, 'content'> {
  readonly content: string
}

/** The only job there is. */
interface Head {
  generation: number
  holder: SimulatedProcess | null
  renewedMs: number
  /** Newest first. */
  history: ReadonlyArray<StoredManifest>
}

/** What the servers hold: it outlives processes. */
export class Medium {
  readonly executor: Executor
  readonly traits: StoreTraits
  readonly head: Head = { generation: 0, holder: null, renewedMs: 0, history: [] }
  readonly segments = new Map<string, Uint8Array>()
  readonly savepoints = new Map<string, { readonly content: string; readonly segments: ReadonlyArray<Uint8Array> }>()
  /** By generation and epoch: all manifests that there ever were. */
  readonly durable = new Set<string>()
  /** Called when a manifest of the process has become durable. */
  onDurable: (process: SimulatedProcess, manifest: { readonly epoch: number; readonly content: string }) => void = () => undefined
  /** Called when a savepoint is written. */
  onSavepoint: (name: string, content: CheckpointContent) => void = () => undefined
  readonly counts = { commits: 0, failures: 0, landedThoughFailed: 0, refusedStale: 0, takeovers: 0 }

  constructor(executor: Executor, traits: StoreTraits) {
    this.executor = executor
    this.traits = traits
  }

  /** Of the newest manifest. */
  get content(): CheckpointContent | null {
    const [newest] = this.head.history
    return newest === undefined ? null : (JSON.parse(newest.content) as CheckpointContent) // as a run wrote it
  }
}

const lost = (): CheckpointError => new CheckpointError('LeaseLost', 'simulated: a later generation has begun')

export class SimulatedStore implements CheckpointStore {
  readonly describe = 'a simulated store'
  readonly #medium: Medium
  readonly #process: SimulatedProcess

  constructor(medium: Medium, process: SimulatedProcess) {
    this.#medium = medium
    this.#process = process
  }

  /** There and back: `work` happens at the server. `mayFail`: the medium may refuse it, before or after it has done it. */
  request<A>(what: string, work: () => A, mayFail = true): Promise<A> {
    const { executor, traits, counts } = this.#medium
    const process = this.#process
    return new Promise((resolve, reject) => {
      const answer = (settle: () => void): void => void executor.schedule(process.main, `${what} answered`, this.#wayMs(), settle)
      executor.schedule(null, what, this.#wayMs(), () => {
        // What a process had sent when it died may arrive, or may not.
        if (process.dead && executor.draw.chance(0.5)) return
        const fails = mayFail && executor.draw.chance(traits.failures())
        const landed = fails && executor.draw.chance(0.4)
        let result: A | undefined
        try {
          if (!fails || landed) result = work()
        } catch (error) {
          return answer(() => reject(error instanceof Error ? error : new Error(String(error))))
        }
        if (!fails) return answer(() => resolve(result as A)) // it was done
        counts.failures++
        if (landed) counts.landedThoughFailed++
        const kind = executor.draw.pick(['StoreFailed', 'StoreFull'] as const)
        answer(() => reject(new CheckpointError(kind, `simulated: ${what} failed`)))
      })
    })
  }

  /** A process that is cut off waits. */
  #wayMs(): number {
    const { executor, traits } = this.#medium
    return Math.max(0, this.#process.cutOffUntilMs - executor.nowMs) + executor.delay(traits.paceMs)
  }

  async open(): Promise<CheckpointSession> {
    const { head, traits, executor, counts } = this.#medium
    const process = this.#process
    let seen: { readonly generation: number; readonly renewedMs: number; readonly sinceMs: number } | null = null
    for (;;) {
      const beganMs = executor.nowMs
      const claimed = await this.request(
        'open',
        () => {
          const { holder, generation, renewedMs } = head
          // A dead one on this machine is known to be gone; on another, it is waited for.
          const isGone = holder === null || (holder.dead && executor.draw.chance(0.5))
          const isSame = seen !== null && seen.generation === generation && seen.renewedMs === renewedMs
          if (seen !== null && !isSame && holder !== null && !holder.dead && head.generation !== 0)
            throw new CheckpointError('LeaseHeld', 'simulated: its holder has renewed its lease just now')
          const isSilent = seen !== null && isSame && executor.nowMs - seen.sinceMs > traits.expiryMs
          if (!isGone && !isSilent) {
            if (!isSame) seen = { generation, renewedMs, sinceMs: executor.nowMs }
            return null
          }
          if (!isGone) counts.takeovers++
          head.generation++
          head.holder = process
          head.renewedMs = executor.nowMs
          this.#sweep()
          return { generation: head.generation, history: head.history }
        },
        false,
      )
      if (claimed !== null) return new SimulatedSession(this, this.#medium, process, beganMs, claimed.generation, claimed.history)
      await executor.pause(traits.expiryMs / 10)
    }
  }

  /** What no manifest names is of processes that are gone. */
  #sweep(): void {
    const { head, segments } = this.#medium
    const named = namedIn(head.history)
    for (const name of segments.keys()) if (!named.has(name)) segments.delete(name)
  }

  async writeSavepoint(_: string, name: string, segments: ReadonlyArray<Uint8Array>, content: unknown): Promise<string> {
    return this.request('write savepoint', () => {
      if (this.#medium.savepoints.has(name)) throw new CheckpointError('SavepointExists', `simulated: there is a savepoint ${name}`)
      this.#medium.onSavepoint(name, content as CheckpointContent) // as a run wrote it
      this.#medium.savepoints.set(name, { content: JSON.stringify(content), segments: segments.map(bytes => bytes.slice()) })
      return name
    })
  }

  async readSavepoint(_: string, name: string): Promise<{ readonly content: unknown; readonly segments: ReadonlyArray<Uint8Array> }> {
    return this.request(
      'read savepoint',
      () => {
        const found = this.#medium.savepoints.get(name)
        this.#process.savepointRead = name
        if (found === undefined) throw new CheckpointError('NoSuchSavepoint', `simulated: there is no savepoint ${name}`)
        return { content: JSON.parse(found.content) as unknown, segments: found.segments }
      },
      false,
    )
  }
}

const namedIn = (history: ReadonlyArray<StoredManifest>): ReadonlySet<string> =>
  new Set(history.flatMap(({ segments }) => segments.map(({ name }) => name)))

class SimulatedSession implements CheckpointSession {
  readonly generation: number
  readonly latest: Manifest | null
  readonly expiryMs: number
  #confirmed: LeaseConfirmation
  readonly #store: SimulatedStore
  readonly #medium: Medium
  readonly #process: SimulatedProcess
  #lost = false
  #released = false
  #lastEpoch: number
  #ordinal = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    store: SimulatedStore,
    medium: Medium,
    process: SimulatedProcess,
    beganMs: number,
    generation: number,
    history: ReadonlyArray<StoredManifest>,
  ) {
    this.#store = store
    this.#medium = medium
    this.#process = process
    this.generation = generation
    const [newest] = history
    this.latest = newest === undefined ? null : { ...newest, content: JSON.parse(newest.content) as unknown }
    this.#lastEpoch = newest?.epoch ?? -1
    this.expiryMs = medium.traits.expiryMs
    this.#confirmed = confirmedFrom(beganMs, this.expiryMs)
    this.#renewLater()
  }

  #inTurn<A>(work: () => Promise<A>): Promise<A> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  #renewLater(): void {
    const { executor, traits } = this.#medium
    executor.schedule(this.#process.main, 'renew', traits.expiryMs / 5, () => {
      if (this.#released || this.#lost) return
      this.renew().then(
        () => this.#renewLater(),
        () => this.#renewLater(),
      )
    })
  }

  async renew(): Promise<void> {
    const beganMs = this.#medium.executor.nowMs
    try {
      await this.#store.request('renew', () => this.#hold(), false)
      this.#confirmed = laterOf(this.#confirmed, confirmedFrom(beganMs, this.expiryMs))
    } catch (error) {
      this.#lost = true
      throw error
    }
  }

  confirmed(): LeaseConfirmation {
    return this.#confirmed
  }

  /** At the server. */
  #hold(): void {
    const { head, executor, counts } = this.#medium
    if (head.generation !== this.generation || head.holder !== this.#process) {
      counts.refusedStale++
      throw lost()
    }
    head.renewedMs = executor.nowMs
  }

  #requireHeld(): void {
    if (this.#lost || this.#released) throw lost()
  }

  async writeSegment(parts: ReadonlyArray<Uint8Array>): Promise<Segment> {
    this.#requireHeld()
    const name = `${this.generation}-${this.#ordinal++}`
    return this.#store.request('write segment', () => {
      // What the bytes are then: until it resolves, they must not change.
      const bytes = new Uint8Array(Buffer.concat(parts))
      this.#medium.segments.set(name, bytes)
      return { name, bytes: bytes.length, checksum: '' }
    })
  }

  async readSegment({ name }: Segment): Promise<Uint8Array> {
    return this.#store.request(
      'read segment',
      () => {
        const bytes = this.#medium.segments.get(name)
        // As the product's stores do: a successor removes what its checkpoints no longer need.
        if (bytes === undefined) this.#hold()
        if (bytes === undefined) throw new CheckpointError('Damaged', `simulated: there is no segment ${name}`)
        return bytes.slice()
      },
      false,
    )
  }

  commit(epoch: number, segments: ReadonlyArray<Segment>, content: unknown): Promise<Manifest> {
    return this.#inTurn(async () => {
      this.#requireHeld()
      if (epoch <= this.#lastEpoch) throw new RangeError(`epoch ${epoch} follows ${this.#lastEpoch}`)
      const manifest = { version: 1, generation: this.generation, epoch, segments, content: JSON.stringify(content) } as const
      this.#lastEpoch = epoch
      await this.#store
        .request('commit', () => {
          this.#hold()
          const { head, counts, traits } = this.#medium
          for (const { name } of segments)
            if (!this.#medium.segments.has(name)) throw new RangeError(`epoch ${epoch} names ${name}, which is not there`)
          counts.commits++
          this.#medium.durable.add(`${manifest.generation}/${epoch}`)
          head.history = [manifest, ...head.history]
          const dropped = namedIn(head.history.slice(traits.keep))
          head.history = head.history.slice(0, traits.keep)
          const kept = namedIn(head.history)
          for (const name of dropped) if (!kept.has(name)) this.#medium.segments.delete(name)
          this.#medium.onDurable(this.#process, manifest)
        })
        .catch((error: unknown) => {
          if (error instanceof CheckpointError && error.kind === 'LeaseLost') this.#lost = true
          throw error
        })
      return { ...manifest, content }
    })
  }

  async discardSegments(segments: ReadonlyArray<Segment>): Promise<void> {
    return this.#inTurn(() =>
      this.#store.request('discard', () => {
        this.#hold()
        const named = namedIn(this.#medium.head.history)
        for (const { name } of segments) if (!named.has(name)) this.#medium.segments.delete(name)
      }),
    )
  }

  async release(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#released || this.#lost) return
      this.#released = true
      await this.#store.request(
        'release',
        () => {
          const { head } = this.#medium
          if (head.generation === this.generation) head.holder = null
        },
        false,
      )
    })
  }

  ensureHeld(): Promise<void> {
    return this.renew()
  }

  lost(): boolean {
    return this.#lost
  }
}
