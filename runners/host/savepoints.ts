// Savepoints that were asked for while a job runs: each is written behind the next full checkpoint, of which it is a copy that stands alone.
import { CheckpointError, type CheckpointSession, type CheckpointStore } from '../checkpoint/store.ts'
import { type CheckpointContent, segmentsOf } from './checkpoint-content.ts'

interface Asked {
  readonly name: string
  readonly resolve: (place: string) => void
  readonly reject: (error: unknown) => void
}

export class Savepoints {
  readonly #place: { readonly store: CheckpointStore; readonly session: CheckpointSession; readonly job: string } | null
  #asked: Asked[] = []

  constructor(store: CheckpointStore | null, session: CheckpointSession | null, job: string) {
    this.#place = store === null || session === null ? null : { store, session, job }
  }

  /** Rejects at once where there is no place for it, or `refusal` says that the run ends. */
  ask(name: string, refusal: string | null): Promise<string> {
    const why = this.#place === null ? 'the run keeps no checkpoints. Give it checkpoints: Checkpoints.directory(path)' : refusal
    if (why !== null) return Promise.reject(notWritten(name, why))
    return new Promise((resolve, reject) => this.#asked.push({ name, resolve, reject }))
  }

  /** Never rejects: whoever asked is told. Outputs are left out: the checkpoint has published them. */
  async write(content: CheckpointContent, epoch: number): Promise<void> {
    const asked = this.#asked
    this.#asked = []
    const tasks = Object.fromEntries(Object.entries(content.tasks).map(([task, it]) => [task, { ...it, outputs: null }]))
    for (const { name, resolve, reject } of asked) {
      try {
        resolve(await this.#copy(name, { ...content, tasks, epoch }))
      } catch (error) {
        reject(error)
      }
    }
  }

  async #copy(name: string, content: CheckpointContent): Promise<string> {
    if (this.#place === null) throw notWritten(name, 'the run keeps no checkpoints')
    const { store, session, job } = this.#place
    const segments: Uint8Array[] = []
    for (const segment of segmentsOf(content)) segments.push(await session.readSegment(segment))
    return store.writeSavepoint(job, name, segments, content)
  }

  end(): void {
    for (const { name, reject } of this.#asked.splice(0)) reject(notWritten(name, 'the run has ended'))
  }
}

const notWritten = (name: string, why: string): CheckpointError =>
  new CheckpointError('StoreFailed', `the savepoint ${JSON.stringify(name)} was not written: ${why}`)
