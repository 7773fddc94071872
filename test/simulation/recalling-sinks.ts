// What the sinks of a process know of outputs that an earlier one has published: the real memory, one for each thread. What it has let go
// too soon leaves again, and that is an error, though the destination would know the name.
import { StoredIds, shortHash } from '../../io/jetstream/output-ids.ts'
import type { OutputBatch } from '../../sdk/graph/sink.ts'
import { emptyOutputs } from '../../sdk/graph/sink.ts'
import type { Passed } from '../../runners/engine/origins.ts'
import type { Stage } from '../../runners/plan/stage.ts'
import type { Ledger } from './sink.ts'

export class RecallingSinks {
  readonly #known: ReadonlySet<string>
  /** By thread and sink. */
  readonly #stored: ReadonlyArray<ReadonlyMap<string, StoredIds>>

  constructor(ledger: Ledger, sinks: ReadonlyArray<string>, threads: number) {
    this.#known = new Set(ledger.records.map(({ sinkId, origin, position, ordinal }) => nameOf(sinkId, origin, position, ordinal)))
    this.#stored = Array.from({ length: threads }, () => new Map(sinks.map(sinkId => [sinkId, storedIn(ledger, sinkId)])))
  }

  /** Those that are not there yet. */
  missing(thread: number, sinkId: string, origin: string, outputs: OutputBatch): OutputBatch {
    const missing = emptyOutputs()
    for (const [i, payload] of outputs.payloads.entries()) {
      const [position = 0, ordinal = 0] = [outputs.positions[i], outputs.ordinals[i]]
      if (this.#of(thread, sinkId).has(shortHash(origin), position, ordinal)) continue
      const name = nameOf(sinkId, origin, position, ordinal)
      if (this.#known.has(name)) throw new Error(`${name} leaves again from thread ${thread}, although an earlier process has published it`)
      missing.payloads.push(payload)
      missing.positions.push(position)
      missing.ordinals.push(ordinal)
    }
    return missing
  }

  passed(thread: number, origins: Passed): void {
    for (const stored of this.#stored[thread]?.values() ?? [])
      for (const [origin, position] of origins) stored.passed(shortHash(origin), position)
  }

  recall(thread: number, { exits }: Stage): boolean {
    return exits.some(exit => exit._tag === 'Sink' && exit.mode === 'immediate' && !this.#of(thread, exit.sinkId).isEmpty)
  }

  #of(thread: number, sinkId: string): StoredIds {
    const stored = this.#stored[thread]?.get(sinkId)
    if (stored === undefined) throw new Error(`there is no sink ${sinkId} in thread ${thread}`)
    return stored
  }
}

const storedIn = (ledger: Ledger, sink: string): StoredIds => {
  const ids = new StoredIds('')
  for (const { sinkId, origin, position, ordinal } of ledger.records)
    if (sinkId === sink) ids.add(`${shortHash(origin)}.${position}.${ordinal}`)
  return ids
}

const nameOf = (sinkId: string, origin: string, position: number, ordinal: number): string => `${sinkId}: ${origin} ${position} ${ordinal}`
