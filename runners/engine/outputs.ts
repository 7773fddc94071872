// Rows of outputs, put behind others; and as bytes, for a checkpoint.
import { type ByteReader, type ByteWriter, Coder, streamOf } from '../../sdk/coders/index.ts'
import { emptyOutputs, type Headers, type OutputBatch } from '../../sdk/graph/sink.ts'

/** `first` with `more` behind it: it grows in place, and is `more` itself where there was none. */
export const appendOutputs = (first: OutputBatch | undefined, more: OutputBatch): OutputBatch => {
  if (first === undefined || first.payloads.length === 0) return more
  for (let i = 0; i < more.payloads.length; i++) {
    first.destinations.push(more.destinations[i] ?? '')
    first.headers.push(more.headers[i] ?? null)
    first.payloads.push(more.payloads[i] ?? empty)
  }
  first.bytes += more.bytes
  return first
}

/** What a row takes beside its payload: a subject, an array's view, an id. A million rows of 128 bytes took 1.1 KB each. */
const rowBytes = 896

/** What rows that wait take of the memory, in bytes. */
export const heldBytes = (outputs: OutputBatch): number => outputs.bytes + outputs.payloads.length * rowBytes

const empty = new Uint8Array(0)
const headers = streamOf(Coder.structural<Headers | null>())

/** Checkpointed outputs carry no positions: their checkpoint names them. */
export const writeOutputs = (outputs: OutputBatch, out: ByteWriter): void => {
  out.varint(outputs.payloads.length)
  for (let i = 0; i < outputs.payloads.length; i++) {
    out.prefixedText(outputs.destinations[i] ?? '')
    headers.write(outputs.headers[i] ?? null, out)
    out.prefixed(outputs.payloads[i] ?? empty)
  }
}

export const readOutputs = (from: ByteReader): OutputBatch => {
  const outputs = emptyOutputs()
  const count = from.varint()
  for (let i = 0; i < count; i++) {
    outputs.destinations.push(from.prefixedText())
    outputs.headers.push(headers.read(from))
    const payload = from.copy(from.varint())
    outputs.payloads.push(payload)
    outputs.bytes += payload.length
  }
  return outputs
}
