// A relay that a test observes from outside.
import { Coder, PCollection, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'

export const relayProgram = Pipeline.define(import.meta, 'endpoint-relay', () =>
  pipe(
    JetStreamIO.read({ stream: 'IN', coder: Coder.string }),
    PCollection.orFail,
    JetStreamIO.write({ stream: 'OUT', subject: 'out', coder: Coder.string }),
  ),
)
