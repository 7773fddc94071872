// How large bundles are: as large as they come, or as a test wants them.
import type { Stage } from '../plan/stage.ts'
import { type Bundling, type Cut, cutOf } from '../engine/cut.ts'
import type { HostOptions } from './options.ts'
import { type Random, randomOf } from './random.ts'

/** Elements in one batch from a source. */
const largestBatch = 4_096
/** One: what it becomes is not known before it has run. */
const firstBatch = 1
/** A batch that takes longer keeps signals, servers' pings and other threads waiting. */
const longestBatchMs = 8
/** Of those that are drawn: small enough that a test's few elements come in several. */
const largestDrawn = 7

export class Bundles {
  readonly #bundling: Bundling
  readonly #adapts: boolean
  #most: number
  /** Its own, so that bundles repeat whatever else is drawn. */
  readonly #random: Random

  constructor({ bundling, seed = 0, strict = false }: HostOptions) {
    this.#bundling = bundling ?? (strict ? 'random' : 'all')
    this.#adapts = bundling === undefined && !strict
    this.#most = this.#adapts ? firstBatch : largestBatch
    this.#random = randomOf(seed)
  }

  /** How many elements a source may hand over at once. */
  readonly batchSize = (): number => {
    switch (this.#bundling) {
      case 'element':
        return 1
      case 'random':
        return 1 + Math.floor(this.#random() * largestDrawn)
      case 'all':
      case 'key':
        return this.#most
    }
  }

  /** How long a source's batch has taken: the next ones are smaller or larger. */
  took(elements: number, ms: number): void {
    if (!this.#adapts) return
    if (ms > longestBatchMs) this.#most = Math.max(1, Math.floor((elements * longestBatchMs) / ms))
    else if (ms < longestBatchMs / 2 && elements >= this.#most) this.#most = Math.min(largestBatch, this.#most * 2)
  }

  // Behind side inputs, those lie in the keys' place: there are no keys to cut by.
  readonly cutFor = ({ head }: Stage): Cut | null =>
    head._tag === 'Sided' && this.#bundling === 'key'
      ? null
      : cutOf(this.#bundling, 'keyCoder' in head ? head.keyCoder : null, this.#random)
}
