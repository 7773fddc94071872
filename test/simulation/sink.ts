// The simulated destination: remembers what was published by name, and ignores a name that it knows, as a real one does.
import type { OutputBatch } from '../../sdk/graph/sink.ts'
import type { Out } from './pipelines.ts'

const decoder = new TextDecoder()

export class Ledger {
  readonly #rows = new Map<string, { readonly sinkId: string; readonly payload: string }>()
  /** What has arrived of outputs that leave as they come. */
  readonly records: { readonly sinkId: string; readonly origin: string; readonly position: number; readonly ordinal: number }[] = []

  /** Outputs that leave as they come, named by their record. */
  publish(sinkId: string, origin: string, outputs: OutputBatch): void {
    for (const [i, payload] of outputs.payloads.entries()) {
      const [position = 0, ordinal = 0] = [outputs.positions[i], outputs.ordinals[i]]
      if (this.#add(sinkId, `record ${origin} ${position} ${ordinal}`, payload)) this.records.push({ sinkId, origin, position, ordinal })
    }
  }

  /** A checkpoint's outputs, named by it. */
  commit(sinkId: string, shard: string, generation: number, epoch: number, outputs: OutputBatch): void {
    for (const [i, payload] of outputs.payloads.entries()) this.#add(sinkId, `checkpoint ${shard} ${generation} ${epoch} ${i}`, payload)
  }

  /** Says whether it is new. */
  #add(sinkId: string, name: string, bytes: Uint8Array): boolean {
    const id = `${sinkId}: ${name}`
    const payload = decoder.decode(bytes)
    const known = this.#rows.get(id)
    if (known !== undefined && known.payload !== payload)
      throw new Error(`two outputs have the name ${id}:\n  ${known.payload}\n  ${payload}`)
    this.#rows.set(id, { sinkId, payload })
    return known === undefined
  }

  rows(sinkId: string): ReadonlyArray<Out> {
    return [...this.#rows.values()].filter(row => row.sinkId === sinkId).map(row => JSON.parse(row.payload) as Out) // written by the scenario's own sink
  }
}
