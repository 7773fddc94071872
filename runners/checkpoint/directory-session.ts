// One process's work on a job's folder: segments, then the manifest that names them, then the removal of what nothing names.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, flushFolder } from './durable-file.ts'
import { segmentName, type JobFolder } from './job-folder.ts'
import { explained, type Lease } from './lease.ts'
import { manifestPath, manifestText, prepareManifest, publishManifest } from './manifest-file.ts'
import { mediumError } from './medium-error.ts'
import { retain, segmentNames } from './retention.ts'
import { readSegmentFile, writeSegmentFile } from './segment-file.ts'
import { SegmentLedger } from './segment-ledger.ts'
import { CheckpointError, type CheckpointSession, type Manifest, type Segment } from './store.ts'
import type { Sweeper } from './sweeper.ts'

export interface SessionParts {
  readonly folder: JobFolder
  readonly lease: Lease
  /** Latest first: what is kept. */
  readonly history: ReadonlyArray<Manifest>
  readonly keep: number
  readonly sweeper: Sweeper
}

export const directorySession = ({ folder, lease, history: found, keep, sweeper }: SessionParts): CheckpointSession => {
  const { generation } = lease
  const latest = found[0] ?? null
  const ledger = new SegmentLedger(found)
  let history = found
  let lastEpoch = latest?.epoch ?? -1
  let ordinal = 0
  let unflushed = false
  const writing = new Set<Promise<Segment>>()
  let turn: Promise<unknown> = Promise.resolve()
  let releasing: Promise<void> | null = null

  /** One at a time: a manifest's place in the history is decided where it is written. */
  const inTurn = <A>(work: () => Promise<A>): Promise<A> => {
    const mine = turn.then(work)
    turn = mine.catch(() => undefined)
    return mine
  }

  const commitNow = async (manifest: Manifest, text: string): Promise<Manifest> => {
    ledger.checkEpoch(lastEpoch, manifest.epoch)
    ledger.checkNamed(manifest.segments)
    await lease.ensureHeld()
    const path = manifestPath(folder, manifest)
    try {
      const temporary = await prepare(manifest, text)
      if (!(await publishManifest(folder, manifest, temporary)))
        throw new CheckpointError(
          'StoreFailed',
          `There is a checkpoint ${path} already, and none is ever replaced. Somebody else wrote into this folder: start the job again.`,
        )
      await flushFolder(folder.manifests)
      // Whoever claimed the lease before this manifest was there may or may not have seen it: then it is theirs to publish.
      await lease.ensureHeld()
    } catch (error) {
      // It may be there all the same: then its number is used up, and what it names stays until the next one is complete.
      if (await exists(path).catch(() => true)) {
        lastEpoch = manifest.epoch
        history = [manifest, ...history]
      }
      throw mediumError('commit the checkpoint', path, await explained(lease, error))
    }
    const { kept, dropped, unnamed } = retain(keep, [manifest, ...history])
    lastEpoch = manifest.epoch
    history = kept
    ledger.forget(unnamed)
    void sweeper.sweep([...dropped.map(m => manifestPath(folder, m)), ...unnamed.map(name => join(folder.segments, name))])
    return manifest
  }

  /** The manifest and the names of the segments become durable side by side: neither means anything yet. */
  const prepare = async (manifest: Manifest, text: string): Promise<string> => {
    const flush = unflushed
    unflushed = false
    const [prepared, flushed] = await Promise.allSettled([
      prepareManifest(folder, manifest, text),
      flush ? flushFolder(folder.segments) : null,
    ])
    if (flushed.status === 'rejected') {
      unflushed = true
      if (prepared.status === 'fulfilled') await rm(prepared.value, { force: true })
      throw flushed.reason
    }
    if (prepared.status === 'rejected') throw prepared.reason
    return prepared.value
  }

  const discardNow = async (segments: ReadonlyArray<Segment>): Promise<void> => {
    // After a takeover the last manifest may be part of the successor's history, though its commit was refused here.
    await lease.ensureHeld()
    const named = segmentNames(history)
    const unnamed = segments.map(s => s.name).filter(name => ledger.has(name) && !named.has(name))
    ledger.forget(unnamed)
    await sweeper.sweep(unnamed.map(name => join(folder.segments, name)))
  }

  const write = async (content: ReadonlyArray<Uint8Array>): Promise<Segment> => {
    const name = segmentName(generation, ordinal++)
    await lease.ensureHeld()
    try {
      const segment = await writeSegmentFile(folder.segments, name, content)
      unflushed = true
      ledger.add(segment)
      return segment
    } catch (error) {
      throw mediumError('write', join(folder.segments, name), await explained(lease, error))
    }
  }

  return {
    generation,
    latest,
    lost: lease.lost,
    ensureHeld: lease.ensureHeld,
    expiryMs: lease.expiryMs,
    confirmed: lease.confirmed,
    renew: lease.renew,
    writeSegment: content => {
      const mine = write(content)
      writing.add(mine)
      const done = (): boolean => writing.delete(mine)
      mine.then(done, done)
      return mine
    },
    readSegment: async segment => {
      try {
        return await readSegmentFile(folder.segments, segment)
      } catch (error) {
        throw await explained(lease, error)
      }
    },
    commit: async (epoch, segments, content) => {
      const manifest: Manifest = { version: 1, generation, epoch, segments, content: content ?? null }
      // Now, so that what changes in the content later is not part of it.
      const text = manifestText(manifest)
      return inTurn(() => commitNow(manifest, text))
    },
    discardSegments: segments => inTurn(() => discardNow(segments)),
    release: () => {
      releasing ??= Promise.allSettled([turn, ...writing])
        .then(lease.release)
        .then(sweeper.settled)
      return releasing
    },
  }
}
