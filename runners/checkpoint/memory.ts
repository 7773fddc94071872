// Checkpoints in memory, under the same contract: for tests of what uses a store, and for pipelines that run without one. Nothing of it
// outlives the store's object.
import { checkKeep } from './checked-options.ts'
import { monotonicMs } from './confirmation.ts'
import { segmentName } from './job-folder.ts'
import { retain, segmentNames } from './retention.ts'
import { checkSavepointName, noSuchSavepoint, savepointExists } from './savepoint-name.ts'
import { SegmentLedger } from './segment-ledger.ts'
import { sha256 } from './sealed-text.ts'
import { CheckpointError, type CheckpointSession, type CheckpointStore, type Manifest } from './store.ts'

interface Savepoint {
  readonly segments: ReadonlyArray<Uint8Array>
  /** As text: what is read is never the object that was written. */
  readonly content: string
}

interface Job {
  generation: number
  isHeld: boolean
  /** Latest first: what is kept. */
  history: ReadonlyArray<Manifest>
  readonly segments: Map<string, Uint8Array>
  readonly savepoints: Map<string, Savepoint>
}

/**
 * A checkpoint store that forgets everything with the process. `keep`: how many checkpoints stay, 3 unless told.
 *
 * @example
 * const session = await memoryStore().open('page-time') // session.latest === null
 */
export const memoryStore = (options: { readonly keep?: number | undefined } = {}): CheckpointStore => {
  const { keep = 3 } = options
  checkKeep('memoryStore', keep)
  const jobs = new Map<string, Job>()
  const jobOf = (name: string): Job => {
    const job = jobs.get(name) ?? { generation: 0, isHeld: false, history: [], segments: new Map(), savepoints: new Map() }
    jobs.set(name, job)
    return job
  }
  return {
    describe: 'memory',
    open: async name => {
      const job = jobOf(name)
      if (job.isHeld)
        throw new CheckpointError(
          'LeaseHeld',
          `This process already runs ${labelOf(name)}: wait until that run has ended, or give this one another job name.`,
        )
      job.isHeld = true
      job.generation++
      const named = segmentNames(job.history)
      for (const segment of job.segments.keys()) if (!named.has(segment)) job.segments.delete(segment)
      return memorySession(name, job, keep)
    },
    writeSavepoint: async (name, savepoint, segments, content) => {
      checkSavepointName(savepoint)
      const { savepoints } = jobOf(name)
      if (savepoints.has(savepoint)) throw savepointExists(labelOf(name), savepoint)
      savepoints.set(savepoint, { segments: segments.map(s => s.slice()), content: textOf(content) })
      return `memory, savepoint ${savepoint} of the job ${name}`
    },
    readSavepoint: async (name, savepoint) => {
      checkSavepointName(savepoint)
      const { savepoints } = jobOf(name)
      const found = savepoints.get(savepoint)
      if (found === undefined) throw noSuchSavepoint(labelOf(name), savepoint, [...savepoints.keys()].sort())
      return { content: read(found.content), segments: found.segments.map(s => s.slice()) }
    },
  }
}

const memorySession = (name: string, job: Job, keep: number): CheckpointSession => {
  const { generation } = job
  const latest = job.history[0] ?? null
  const ledger = new SegmentLedger(job.history)
  let ordinal = 0
  let isReleased = false
  let renewedMs = monotonicMs()
  const ensureHeld = (): void => {
    if (isReleased) throw new CheckpointError('LeaseLost', `This session gave back its lease of ${labelOf(name)}: open the job again.`)
  }
  const remove = (names: ReadonlyArray<string>): void => {
    ledger.forget(names)
    for (const segment of names) job.segments.delete(segment)
  }
  return {
    generation,
    latest,
    lost: () => false,
    ensureHeld: async () => ensureHeld(),
    expiryMs: Infinity,
    confirmed: () => ({ beganMs: renewedMs, untilMs: Infinity }),
    renew: async () => {
      ensureHeld()
      renewedMs = monotonicMs()
    },
    writeSegment: async content => {
      ensureHeld()
      const bytes = new Uint8Array(Buffer.concat(content))
      const segment = { name: segmentName(generation, ordinal++), bytes: bytes.length, checksum: sha256(bytes) }
      job.segments.set(segment.name, bytes)
      ledger.add(segment)
      return segment
    },
    readSegment: async segment => {
      const content = job.segments.get(segment.name)
      if (content === undefined || content.length !== segment.bytes || sha256(content) !== segment.checksum)
        throw new CheckpointError(
          'Damaged',
          `The segment ${segment.name} of ${labelOf(name)} is not there as it was written: no checkpoint that is kept names it.`,
        )
      return content.slice()
    },
    commit: async (epoch, segments, content) => {
      ensureHeld()
      ledger.checkEpoch(job.history[0]?.epoch ?? -1, epoch)
      ledger.checkNamed(segments)
      const manifest: Manifest = { version: 1, generation, epoch, segments: segments.map(s => ({ ...s })), content: read(textOf(content)) }
      const { kept, unnamed } = retain(keep, [manifest, ...job.history])
      job.history = kept
      remove(unnamed)
      return manifest
    },
    discardSegments: async segments => {
      ensureHeld()
      const named = segmentNames(job.history)
      remove(segments.map(s => s.name).filter(segment => ledger.has(segment) && !named.has(segment)))
    },
    release: async () => {
      if (!isReleased) job.isHeld = false
      isReleased = true
    },
  }
}

const textOf = (content: unknown): string => JSON.stringify(content ?? null)
const read = (text: string): unknown => JSON.parse(text)
const labelOf = (job: string): string => `the job ${JSON.stringify(job)} in memory`
