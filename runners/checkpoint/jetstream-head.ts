// A job's head: who holds it, and the manifests that are its history, as the text of one message.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { type Holder, holderOf } from './holder.ts'
import type { ManifestKey } from './job-folder.ts'
import { segmentsOf } from './manifest-file.ts'
import { fieldsOf, isCount, seal, unseal } from './sealed-text.ts'
import type { Segment } from './store.ts'

const version = 1

/** A manifest in the history, and the object that it is kept in. */
export interface Kept extends ManifestKey {
  readonly object: Segment
}

export interface Head {
  readonly job: string
  /** Drawn for each session: whose the head is. */
  readonly session: string
  readonly generation: number
  /** Counted by the session, so that no two texts are alike. */
  readonly write: number
  readonly state: 'held' | 'released'
  readonly holder: Holder | null
  readonly expiryMs: number
  readonly since: string
  /** Latest first. */
  readonly history: ReadonlyArray<Kept>
}

export const headText = (head: Head): string => seal(version, head)

/** Or why it is none. */
export const headOf = (text: string): Either<string, Head> =>
  E.flatMap((content: unknown): Either<string, Head> => {
    const { job, session, generation, write, state, holder, expiryMs, since, history } = fieldsOf(content)
    const kept = historyOf(history)
    if (typeof job !== 'string' || typeof session !== 'string' || typeof since !== 'string' || kept === null) return lacking
    if (!isCount(generation) || !isCount(write) || !isCount(expiryMs) || (state !== 'held' && state !== 'released')) return lacking
    return E.right({ job, session, generation, write, state, holder: holderOf(holder), expiryMs, since, history: kept })
  })(unseal(version, text))

const lacking = E.left('it lacks what every head has')

const historyOf = (value: unknown): ReadonlyArray<Kept> | null => {
  if (!Array.isArray(value)) return null
  const kept: Array<Kept> = []
  for (const item of value) {
    const { generation, epoch, object } = fieldsOf(item)
    const [segment] = segmentsOf([object]) ?? []
    if (!isCount(generation) || !isCount(epoch) || segment === undefined) return null
    kept.push({ generation, epoch, object: segment })
  }
  return kept
}
