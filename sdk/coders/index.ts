// What other rooms may use. The package's index exports the first group; runners use the second.
export { Coder, Decoder, Encoder } from './coder.ts'
export type { DecodeError, StandardSchema } from './contract.ts'
export { EncodeError } from './encode-error.ts'
export type { JsonCoder, JsonDecoder } from './json.ts'

export { type WindowedValue, globalWindow, intervalWindow, pane, windowedValue } from './windowed.ts'
export { ByteReader } from './byte-reader.ts'
export { ByteWriter, withWriter } from './byte-writer.ts'
export { attempt } from './malformed.ts'
export { type StreamCoder, coderOf, streamOf } from './stream.ts'
export { type GroupingKey, defaultKeyGroups, groupingKey, hashKeyBytes, keyGroupOf } from './key-encoding.ts'
export { murmur3 } from './murmur3.ts'
export { compareBytes } from './structural-format.ts'
