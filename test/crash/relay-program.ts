// The stateless relay that the crash test kills: a program as a user would write it.
import { Coder, PCollection, Pipeline, pipe } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { mayDie } from './worker-death.ts'

export const relay = Pipeline.define(import.meta, 'crash-relay', () =>
  pipe(
    JetStreamIO.readMessages({ stream: 'EVENTS', coder: Coder.bytes }),
    PCollection.orFail,
    PCollection.map(mayDie),
    PCollection.map(({ subject, value }) => ({ subject: `out.${subject}`, value })),
    JetStreamIO.writeMessages({ stream: 'OUT', coder: Coder.bytes }),
  ),
)

await main(import.meta, relay)
