// The files of a job's leases: their names, and what can be read from them. lease.ts says what they mean together.
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { temporarySuffix } from './durable-file.ts'
import { type Holder, holderOf, isGone, thisProcess } from './holder.ts'
import { generationName, generationOf, type JobFolder, type ManifestKey } from './job-folder.ts'
import type { LatestBase } from './retention.ts'
import { isMissing, mediumError } from './medium-error.ts'
import { fieldsOf, isCount, unseal } from './sealed-text.ts'
import { CheckpointError } from './store.ts'

export const leaseVersion = 1

const fileOf =
  (ending: string) =>
  (folder: JobFolder, generation: number): string =>
    join(folder.lease, `${generationName(generation)}.${ending}`)
export const claimPath = fileOf('claim.json')
export const beatPath = fileOf('beat')
export const basePath = fileOf('base.json')
export const releasedPath = fileOf('released')

/** The latest claim's generation. Opening the folder each time is what makes an NFS client ask its server. */
export const lastGeneration = async (folder: JobFolder): Promise<number | null> => {
  const names = await readdir(folder.lease).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  return latestWith('.claim.json', names)
}

/** The generations before one whose claims are still there. */
export const claimedBefore = async (folder: JobFolder, generation: number): Promise<ReadonlyArray<number>> =>
  (await readdir(folder.lease)).flatMap(name => {
    const claimed = name.endsWith('.claim.json') ? generationOf(name) : null
    return claimed !== null && claimed < generation ? [claimed] : []
  })

const latestWith = (ending: string, names: ReadonlyArray<string>): number | null => {
  let last: number | null = null
  for (const name of names) {
    const generation = name.endsWith(ending) ? generationOf(name) : null
    if (generation !== null && (last === null || generation > last)) last = generation
  }
  return last
}

export interface Claim {
  /** Drawn for each claim: one process may hold leases of many jobs, by many paths. */
  readonly id: string | null
  readonly holder: Holder | null
  readonly expiryMs: number
  readonly since: string | null
}

/** A claim that does not read back is somebody's all the same: it is held until it is old. */
export const readClaim = async (path: string): Promise<Claim> => {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return ''
    throw mediumError('read', path, error)
  })
  const { id, holder, expiryMs, since } = fieldsOf(E.getOrElse((): unknown => null)(unseal(leaseVersion, text)))
  return {
    id: typeof id === 'string' ? id : null,
    holder: holderOf(holder),
    expiryMs: isCount(expiryMs) ? expiryMs : unreadableExpiryMs,
    since: typeof since === 'string' ? since : null,
  }
}

const unreadableExpiryMs = 60_000

/** A file's time by the file system's clock; -Infinity if it is not there. */
export const timeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    (error: unknown) => {
      if (isMissing(error)) return -Infinity
      throw error
    },
  )

/** What the last generation that got so far went on from. Rejects with `Damaged` for a record that does not read back. */
export const readLatestBase = async (folder: JobFolder): Promise<LatestBase | null> => {
  const generation = latestWith('.base.json', await readdir(folder.lease))
  if (generation === null) return null
  const path = basePath(folder, generation)
  const found = E.flatMap(baseOf)(unseal(leaseVersion, await readFile(path, 'utf8')))
  if (E.isLeft(found)) {
    throw new CheckpointError(
      'Damaged',
      `${path} is damaged: ${found.left}. It says which checkpoint to go on from. Restore it from a backup, or start from a savepoint ` +
        'under another job name.',
    )
  }
  return { generation, base: found.right }
}

/** Files of generations before this one, and claims that nobody finished. Only for who has recorded a base of its own. */
export const outdatedLeaseFiles = async (folder: JobFolder, generation: number): Promise<ReadonlyArray<string>> => {
  const here = await thisProcess()
  const outdated: Array<string> = []
  for (const name of await readdir(folder.lease)) {
    const path = join(folder.lease, name)
    const owner = generationOf(name)
    if (owner !== null && owner < generation) outdated.push(path)
    else if (name.endsWith(temporarySuffix)) {
      const { holder } = await readClaim(path)
      if (holder !== null && (await isGone(holder, here))) outdated.push(path)
    }
  }
  return outdated
}

const baseOf = (content: unknown): E.Either<string, ManifestKey | null> => {
  if (content === null) return E.right(null)
  const { generation, epoch } = fieldsOf(content)
  return isCount(generation) && isCount(epoch) ? E.right({ generation, epoch }) : E.left('it names no manifest')
}
