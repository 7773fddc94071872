// The register of jobs: beside the streams that a job writes to exactly once, a message that says that it ran. A start that finds it, and
// no checkpoints, would publish everything a second time.
import type { BindingLookup } from '../../io/nats/settings.ts'
import { folderName } from './job-folder.ts'
import { codeOf } from './jetstream-error.ts'
import { connectLink, type Link } from './jetstream-link.ts'
import { ensureStream, streamNotFound, tokenOf } from './jetstream-place.ts'
import { readRegister, writeRegister } from './jetstream-register.ts'
import { fieldsOf, seal, unseal } from './sealed-text.ts'

/** A stream that a job writes to. */
export interface WrittenStream {
  readonly stream: string
  /** When it was created: what an earlier stream of this name held is gone. */
  readonly created: string
}

/** What the register says of a job and a stream. */
export interface RegisteredJob {
  /** Where its checkpoints were, for messages. */
  readonly checkpoints: string
  readonly host: string
  /** ISO 8601. */
  readonly since: string
}

export interface JobRegister {
  /** The first of `streams` that the job has written to before; null: none. */
  readonly find: (streams: ReadonlyArray<WrittenStream>) => Promise<(RegisteredJob & WrittenStream) | null>
  /** Makes the register's stream if it is missing. */
  readonly write: (streams: ReadonlyArray<WrittenStream>, job: RegisteredJob) => Promise<void>
  readonly close: () => Promise<void>
}

export interface JobRegisterOptions {
  readonly binding: BindingLookup
  readonly connection: string
  readonly job: string
  /** How long the server may be away before a question fails; milliseconds. */
  readonly patienceMs: number
}

const registerStream = 'JETBEAM_JOBS'
const maxBytes = [16_777_216, 1_048_576]
const version = 1

/** Rejects with a CheckpointError, as its methods do. */
export const jobRegister = async ({ binding, connection, job, patienceMs }: JobRegisterOptions): Promise<JobRegister> => {
  // The job's sinks have this connection open.
  const link = await connectLink({ binding, connection, stream: registerStream, lane: 'write', patienceMs })
  const subjectOf = ({ stream }: WrittenStream): string => `$JETBEAM.${registerStream}.${tokenOf(folderName(job))}.${stream}`
  return {
    find: async streams => {
      if (!(await isThere(link))) return null
      for (const each of streams) {
        const found = registeredIn((await readRegister(link, subjectOf(each)))?.text)
        if (found?.created === each.created) return found
      }
      return null
    },
    write: async (streams, registered) => {
      const description = 'Jobs of Jetbeam pipelines, by the streams that they write to'
      await ensureStream(link, { replicas: null, beside: streams.map(({ stream }) => stream), maxBytes, description })
      for (const each of streams) {
        const subject = subjectOf(each)
        const before = await readRegister(link, subject)
        const known = registeredIn(before?.text)
        if (known?.created === each.created && known.checkpoints === registered.checkpoints) continue
        const text = seal(version, { job, ...each, ...registered })
        const outcome = await writeRegister(link, {
          subject,
          text,
          expected: before?.sequence ?? 0,
          doing: 'write the register of the job',
        })
        // Another process of the job has written it.
        if (outcome._tag === 'Failed') throw outcome.error
      }
    },
    close: link.close,
  }
}

const isThere = (link: Link): Promise<boolean> =>
  link.patiently('look for the register of jobs', async () => {
    try {
      await link.jsm.streams.info(registerStream)
      return true
    } catch (error) {
      if (codeOf(error) === streamNotFound) return false
      throw error
    }
  })

/** null: there is none, or another version has written it. */
const registeredIn = (text: string | undefined): (RegisteredJob & WrittenStream) | null => {
  const content = text === undefined ? null : unseal(version, text)
  if (content === null || content._tag === 'Left') return null
  const { stream, created, checkpoints, host, since } = fieldsOf(content.right)
  return typeof stream === 'string' &&
    typeof created === 'string' &&
    typeof checkpoints === 'string' &&
    typeof host === 'string' &&
    typeof since === 'string'
    ? { stream, created, checkpoints, host, since }
    : null
}
