// One process at a time: generations, claimed by creating a file that only one can create, and kept by a heartbeat.
//
//   lease/000007.claim.json   who; its number is the generation. Never changed; the latest is never removed, so that no number comes twice.
//   lease/000007.beat         written every few seconds; its age tells of a holder that cannot be asked.
//   lease/000007.base.json    the manifest that this generation goes on from: older generations add nothing to the history after it.
//   lease/000007.released     given back; an operator may create it too.
//
// A claim alone takes the lease away: whoever had it looks for later claims before it writes, and again after it has written a manifest.
// A holder renews in two steps: it writes its beat, then it looks for later claims, and only then the lease is confirmed. So a claim that
// it did not see was made after the beat was written; and a process that has claimed looks at the beats of earlier generations once more
// and waits until the last of them has expired. Without that, one that judged an old beat and was slow to claim would begin beside a
// holder that had renewed between the two.
// Ages are measured by the file system's own clock, as the difference of two files' times. Where the file server sets these (NFS, SMB)
// the clocks of hosts don't matter; where clients do, they may be apart by less than `expiryMs` less one renewal.
import { randomUUID } from 'node:crypto'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { confirmedFrom, laterOf, type LeaseConfirmation, monotonicMs } from './confirmation.ts'
import { exists, flushFolder, linkExclusive, temporarySuffix, writeFlushed, fileMode } from './durable-file.ts'
import { type Holder, isGone, isThisProcess, showHolder, thisProcess } from './holder.ts'
import { type JobFolder, manifestKeyOf, type ManifestKey } from './job-folder.ts'
import {
  basePath,
  beatPath,
  claimedBefore,
  claimPath,
  lastGeneration,
  leaseVersion,
  readClaim,
  releasedPath,
  timeOf,
} from './lease-files.ts'
import { onMedium } from './medium-error.ts'
import { seal } from './sealed-text.ts'
import { CheckpointError } from './store.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

export interface Lease {
  readonly generation: number
  readonly lost: () => boolean
  /** Rejects with `LeaseLost` if a later generation was claimed, or this one given back. */
  readonly ensureHeld: () => Promise<void>
  readonly expiryMs: number
  readonly confirmed: () => LeaseConfirmation
  /** Confirms the lease where it resolves; rejects with `LeaseLost`, or with what the file system answers. */
  readonly renew: () => Promise<void>
  /** Says, durably, what this generation goes on from. Once. */
  readonly recordBase: (base: ManifestKey | null) => Promise<void>
  readonly release: () => Promise<void>
}

export interface LeaseOptions {
  /** A holder that was silent for so long has lost its lease to the next process that asks. */
  readonly expiryMs: number
  readonly warn: (message: string, cause: unknown) => void
}

/** A takeover explains every failure after it: the successor removes what this process is still writing. */
export const explained = async (lease: Lease, error: unknown): Promise<unknown> => {
  const refused: unknown = await lease.ensureHeld().catch((refusal: unknown) => refusal)
  return refused instanceof CheckpointError && refused.kind === 'LeaseLost' ? refused : error
}

// By the id in their claims. A worker thread has its own copy and another token, so its leases are told from these by their heartbeat.
const heldHere = new Set<string>()

/** Takes the lease of a job; rejects with `LeaseHeld` while another process has it. */
export const takeLease = async (folder: JobFolder, options: LeaseOptions): Promise<Lease> => {
  const here = await thisProcess()
  const id = randomUUID()
  // Before there is a claim: one of this process that is not among these counts as given up.
  heldHere.add(id)
  try {
    const generation = await onMedium('take the lease in', folder.lease, () => claim(folder, id, here, options.expiryMs))
    const lease = await holdLease(folder, id, generation, options)
    try {
      await waitForEarlier(folder, lease, here)
    } catch (error) {
      await lease.release()
      throw error
    }
    return lease
  } catch (error) {
    heldHere.delete(id)
    throw error
  }
}

/**
 * Resolves when nothing of an earlier generation can still rely on its lease. All of them, not the last alone: the process that claimed
 * before this one may have died while it waited here. They are removed only by a process that has come past this.
 */
const waitForEarlier = async (folder: JobFolder, lease: Lease, here: Holder): Promise<void> => {
  for (;;) {
    const earlier = await onMedium('look for earlier leases in', folder.lease, () => claimedBefore(folder, lease.generation))
    const waitsMs = await onMedium('look at earlier leases in', folder.lease, () =>
      Promise.all(earlier.map(generation => reliesForMs(folder, generation, here, beatPath(folder, lease.generation)))),
    )
    const longestMs = Math.max(0, ...waitsMs)
    if (longestMs === 0) return
    await sleep(Math.min(longestMs, Math.max(lease.expiryMs / 20, 10), 500))
    // So that its own beat tells the file system's time, and a later claim is seen.
    await lease.renew()
  }
}

/** For how long the holder of a generation may go on without a renewal; 0: it has ended, given the lease back, or expired. */
const reliesForMs = async (folder: JobFolder, generation: number, here: Holder, justWritten: string): Promise<number> => {
  if (await exists(releasedPath(folder, generation))) return 0
  const { id, holder, expiryMs } = await readClaim(claimPath(folder, generation))
  if (holder !== null && isThisProcess(holder, here) && (id === null || !heldHere.has(id))) return 0
  if (holder !== null && (await isGone(holder, here))) return 0
  return Math.max(0, expiryMs - (await silenceMs(folder, generation, justWritten)))
}

/** Since the claim, or the last beat. */
const silenceMs = async (folder: JobFolder, generation: number, justWritten: string): Promise<number> =>
  (await timeOf(justWritten)) - Math.max(await timeOf(claimPath(folder, generation)), await timeOf(beatPath(folder, generation)))

const claim = async (folder: JobFolder, id: string, here: Holder, expiryMs: number): Promise<number> => {
  const temporary = join(folder.lease, `claim-${randomUUID()}${temporarySuffix}`)
  const record = { id, job: folder.job, holder: here, expiryMs, since: new Date().toISOString() }
  await writeFlushed(temporary, [encode(seal(leaseVersion, record))])
  try {
    for (;;) {
      const last = await lastGeneration(folder)
      if (last !== null) await ensureFree(folder, last, here, temporary)
      // Manifests count too: a claim may be lost with the power when what it made is not.
      const generation = 1 + Math.max(last ?? 0, ...(await readdir(folder.manifests)).map(name => manifestKeyOf(name)?.generation ?? 0))
      const path = claimPath(folder, generation)
      if (!(await linkExclusive(temporary, path))) continue
      // While this process slept the number may have been claimed, given back and swept away: then a later one is there.
      if ((await lastGeneration(folder)) === generation) {
        await flushFolder(folder.lease)
        return generation
      }
      await rm(path, { force: true })
    }
  } finally {
    await rm(temporary, { force: true })
  }
}

const ensureFree = async (folder: JobFolder, generation: number, here: Holder, justWritten: string): Promise<void> => {
  const path = claimPath(folder, generation)
  if (await exists(releasedPath(folder, generation))) return
  const { id, holder, expiryMs, since } = await readClaim(path)
  if (holder !== null && isThisProcess(holder, here)) {
    if (id === null || !heldHere.has(id)) return
    throw new CheckpointError(
      'LeaseHeld',
      `This process (${here.pid} on host ${here.host}) runs ${folder.label} already: wait until that run has ended, or give this one ` +
        'another job name.',
    )
  }
  if (holder !== null && (await isGone(holder, here))) return
  const silentMs = await silenceMs(folder, generation, justWritten)
  if (silentMs > expiryMs) return
  const inSeconds = Math.ceil(Math.min(expiryMs, expiryMs - silentMs) / 1_000)
  throw new CheckpointError(
    'LeaseHeld',
    `${showHolder(holder)}${since === null ? '' : `, since ${since},`} runs ${folder.label}; it was last heard of ` +
      `${(Math.max(0, silentMs) / 1_000).toFixed(1)} s ago. Stop that process, or give this run another job name. If it crashed on ` +
      `another host, try again in ${inSeconds} s; if you are sure that it is gone, create the file ${releasedPath(folder, generation)}.`,
  )
}

const holdLease = async (folder: JobFolder, id: string, generation: number, options: LeaseOptions): Promise<Lease> => {
  const beat = beatPath(folder, generation)
  let state: 'held' | 'lost' | 'released' = 'held'
  let renewal: Promise<void> | null = null
  let confirmed: LeaseConfirmation = { beganMs: -Infinity, untilMs: -Infinity }

  const stop = (to: 'lost' | 'released'): void => {
    state = to
    clearInterval(timer)
    heldHere.delete(id)
  }
  const refusal = async (): Promise<CheckpointError> => {
    if (state === 'released') return leaseLost(`This session gave back its lease of ${folder.label}: open the job again.`)
    const last = await lastGeneration(folder).catch(() => null)
    if (last === null)
      return leaseLost(`The lease of ${folder.label} is gone from ${folder.lease}: somebody removed it. This process must stop.`)
    const { holder } = await readClaim(claimPath(folder, last))
    return leaseLost(
      `${showHolder(holder)} took over ${folder.label} (generation ${last}, this process had ${generation}): this one was not ` +
        `heard of for ${options.expiryMs} ms, or somebody declared it gone. It must stop; the other one goes on from the last checkpoint.`,
    )
  }
  const ensureHeld = async (): Promise<void> => {
    const last = state === 'held' ? await onMedium('look for later leases in', folder.lease, () => lastGeneration(folder)) : null
    if (state === 'held' && last !== generation) stop('lost')
    if (state !== 'held') throw await refusal()
  }
  /** `r+`: a beat that a successor has removed stays removed. */
  const renew = async (flag: 'r+' | 'w' = 'r+'): Promise<void> => {
    if (state !== 'held') throw await refusal()
    const beganMs = monotonicMs()
    try {
      await onMedium('renew the lease', beat, () => writeFile(beat, beatText(), { flag, mode: fileMode }))
    } catch (error) {
      // What removed the beat explains that there is none.
      await ensureHeld()
      throw error
    }
    await ensureHeld()
    confirmed = laterOf(confirmed, confirmedFrom(beganMs, options.expiryMs))
  }
  const tick = (): void => {
    renewal ??= renew()
      .catch((error: unknown) => {
        if (state !== 'held') return
        options.warn(`The lease of ${folder.label} was not renewed; another process may take it over after ${options.expiryMs} ms.`, error)
      })
      .finally(() => {
        renewal = null
      })
  }
  // Five chances before it expires. It must not keep a process alive that has nothing else to do.
  const timer = setInterval(tick, options.expiryMs / 5).unref()

  const release = async (): Promise<void> => {
    if (state !== 'held') return
    stop('released')
    await renewal
    await writeFile(releasedPath(folder, generation), '', { mode: fileMode }).catch((error: unknown) => {
      const until = `until this process ends, or for ${options.expiryMs} ms`
      options.warn(`The lease of ${folder.label} could not be given back; another process has to wait ${until}.`, error)
    })
  }
  const recordBase = async (base: ManifestKey | null): Promise<void> => {
    const record = basePath(folder, generation)
    const temporary = `${record}${temporarySuffix}`
    await onMedium('write', record, async () => {
      await writeFlushed(temporary, [encode(seal(leaseVersion, base))])
      await linkExclusive(temporary, record)
      await rm(temporary, { force: true })
      await flushFolder(folder.lease)
    })
  }

  try {
    await renew('w')
  } catch (error) {
    await release()
    throw error
  }
  return {
    generation,
    lost: () => state === 'lost',
    ensureHeld,
    expiryMs: options.expiryMs,
    confirmed: () => confirmed,
    renew: () => renew(),
    recordBase,
    release,
  }
}

// Of one length, so that writing it over needs no space on a full disk.
const beatText = (): string => `${new Date().toISOString()}\n`

const leaseLost = (message: string): CheckpointError => new CheckpointError('LeaseLost', message)
