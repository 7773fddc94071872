// A reader's questions to its stream's leader: one at a time, asked again at the next look, and given up after a run's patience.
import type { Link } from './connections.ts'
import { JetStreamIOError, notPermitted, refusalIn } from './errors.ts'
import { unavailable } from './patience.ts'
import type { ReaderLife } from './reader-life.ts'

export class Searches {
  readonly #link: Link
  readonly #label: string
  readonly #life: ReaderLife
  #underWay = false
  /** Since when they have failed; null: the last one did not. */
  #failingSince: number | null = null

  constructor({ link, label }: { readonly link: Link; readonly label: string }, life: ReaderLife) {
    this.#link = link
    this.#label = label
    this.#life = life
  }

  /** Does nothing while another one is under way, or while the reader has no consumer. */
  async run(search: () => Promise<void>): Promise<void> {
    if (this.#underWay || !this.#life.isServed) return
    this.#underWay = true
    try {
      await search()
      this.#failingSince = null
    } catch (error) {
      if (this.#life.isServed) this.#onFailure(error)
    } finally {
      this.#underWay = false
    }
  }

  #onFailure(error: unknown): void {
    const refused = refusalIn(error)
    this.#failingSince ??= Date.now()
    if (error instanceof JetStreamIOError) this.#life.fail(error)
    else if (refused !== null) this.#life.fail(notPermitted(this.#label, refused))
    else if (Date.now() - this.#failingSince > this.#link.patienceMs)
      this.#life.fail(unavailable(this.#label, this.#link.patienceMs, error))
  }
}
