// Copies a key-value bucket into another one, and writes each entry that it reads to a stream.
import * as O from 'fp-ts/lib/Option.js'
import { Coder, Encoder, PCollection, Pipeline, pipe } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO, KvIO } from 'jetbeam/io/jetstream'
import { z } from 'zod'

/** `copy`: the prefix of the keys in the bucket COPY, and the last token of the subject in the stream OUT. */
const options = z.object({ bucket: z.string(), copy: z.string() })

export const copyBucket = Pipeline.define(import.meta, 'crash-kv', options, ({ bucket, copy }) => {
  const entries = pipe(KvIO.watch({ bucket, coder: Coder.string }), PCollection.orFail)
  return [
    pipe(
      entries,
      PCollection.map(({ key, value }) => ({ key: `${copy}.${key}`, value })),
      KvIO.write({ bucket: 'COPY', coder: Encoder.text() }),
    ),
    pipe(
      entries,
      PCollection.map(({ key, value, revision }) => `${key} ${revision} ${O.getOrElse(() => '')(value)}`),
      JetStreamIO.write({ stream: 'OUT', subject: `out.${copy}`, coder: Encoder.text() }),
    ),
  ]
})

await main(import.meta, copyBucket)
