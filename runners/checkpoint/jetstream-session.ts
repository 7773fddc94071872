// One process's work on a job in a stream: segments, then the manifest that names them, then the head that names the manifest.
import { manifestName, segmentName } from './job-folder.ts'
import type { Kept } from './jetstream-head.ts'
import type { JetStreamLease } from './jetstream-lease.ts'
import { type Reading, readObject, writeObject } from './jetstream-object.ts'
import { type JobPlace, segmentSubject } from './jetstream-place.ts'
import { manifestText } from './manifest-file.ts'
import { retain, segmentNames } from './retention.ts'
import { SegmentLedger } from './segment-ledger.ts'
import { CheckpointError, type CheckpointSession, type Manifest, type Segment } from './store.ts'
import type { Sweeper } from './sweeper.ts'

export interface JetStreamSessionParts {
  readonly reading: Reading
  readonly place: JobPlace
  readonly lease: JetStreamLease
  /** Latest first: what is kept. */
  readonly history: ReadonlyArray<Manifest>
  /** Where each of them is kept, by its name. */
  readonly objects: ReadonlyMap<string, Segment>
  readonly keep: number
  /** Of objects, by their subject. */
  readonly sweeper: Sweeper
  readonly close: () => Promise<void>
}

export const jetStreamSession = (parts: JetStreamSessionParts): CheckpointSession => {
  const { reading, place, lease, keep, sweeper, close } = parts
  const { link } = reading
  const { generation } = lease
  const latest = parts.history[0] ?? null
  const ledger = new SegmentLedger(parts.history)
  const objects = new Map(parts.objects)
  let history = parts.history
  let lastEpoch = latest?.epoch ?? -1
  let ordinal = 0
  const writing = new Set<Promise<Segment>>()
  let turn: Promise<unknown> = Promise.resolve()
  let releasing: Promise<void> | null = null

  /** One at a time: a manifest's place in the history is decided where it is written. */
  const inTurn = <A>(work: () => Promise<A>): Promise<A> => {
    const mine = turn.then(work)
    turn = mine.catch(() => undefined)
    return mine
  }

  const write = async (content: ReadonlyArray<Uint8Array>): Promise<Segment> => {
    const name = segmentName(generation, ordinal++)
    await lease.ensureFresh()
    return { name, ...(await writeObject(link, segmentSubject(place, name), content)) }
  }

  const keptIn = (manifests: ReadonlyArray<Manifest>): ReadonlyArray<Kept> =>
    manifests.flatMap(manifest => {
      const object = objects.get(manifestName(manifest))
      return object === undefined ? [] : [{ generation: manifest.generation, epoch: manifest.epoch, object }]
    })

  const commitNow = async (manifest: Manifest, text: string): Promise<Manifest> => {
    ledger.checkEpoch(lastEpoch, manifest.epoch)
    ledger.checkNamed(manifest.segments)
    // Under a name of its own each time: what is left of a try that failed is never mixed with the next one.
    const object = await write([new TextEncoder().encode(text)])
    objects.set(manifestName(manifest), object)
    const { kept, dropped, unnamed } = retain(keep, [manifest, ...history])
    const failed = await lease.commit(keptIn(kept))
    if (failed !== null) {
      if (failed.mayBeThere) {
        // Then its number is used up, and what it names stays until the next one is complete.
        lastEpoch = manifest.epoch
        history = [manifest, ...history]
      } else {
        objects.delete(manifestName(manifest))
        if (!lease.lost()) void sweeper.sweep([segmentSubject(place, object.name)])
      }
      throw failed.error
    }
    lastEpoch = manifest.epoch
    history = kept
    ledger.forget(unnamed)
    const gone = keptIn(dropped).map(({ object: { name } }) => name)
    for (const each of dropped) objects.delete(manifestName(each))
    void sweeper.sweep([...gone, ...unnamed].map(name => segmentSubject(place, name)))
    return manifest
  }

  const discardNow = async (segments: ReadonlyArray<Segment>): Promise<void> => {
    // After a takeover the last manifest may be part of the successor's history, though its commit was refused here.
    await lease.ensureHeld()
    const named = segmentNames(history)
    const unnamed = segments.map(s => s.name).filter(name => ledger.has(name) && !named.has(name))
    ledger.forget(unnamed)
    await sweeper.sweep(unnamed.map(name => segmentSubject(place, name)))
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
      const mine = write(content).then(segment => {
        ledger.add(segment)
        return segment
      })
      writing.add(mine)
      const done = (): boolean => writing.delete(mine)
      mine.then(done, done)
      return mine
    },
    readSegment: async segment => {
      try {
        return await readObject(reading, segmentSubject(place, segment.name), segment, damagedSegment(place, segment.name))
      } catch (error) {
        // A successor removes what its checkpoints no longer need.
        if (error instanceof CheckpointError && error.kind === 'Damaged') await lease.ensureHeld()
        throw error
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
        .then(close)
      return releasing
    },
  }
}

const damagedSegment =
  (place: JobPlace, name: string) =>
  (where: string, why: string): CheckpointError =>
    new CheckpointError(
      'Damaged',
      `The segment ${name} (${where}) of the job ${JSON.stringify(place.job)} is damaged: ${why}. A checkpoint needs it: restore the ` +
        'stream from a backup, or start from a savepoint under another job name.',
    )
