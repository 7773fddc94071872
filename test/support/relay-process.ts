// A relay as a user would start it; two of these are two processes of one job.
import { Coder, PCollection, Pipeline, pipe } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO } from 'jetbeam/io/jetstream'

export const relay = Pipeline.define(import.meta, 'relay-process', () =>
  pipe(
    JetStreamIO.read({ stream: 'NUMBERS', coder: Coder.bytes }),
    PCollection.orFail,
    JetStreamIO.write({ stream: 'RELAYED', subject: 'relayed', coder: Coder.bytes }),
  ),
)

await main(import.meta, relay)
