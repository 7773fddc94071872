// The stateless relays that the crash test kills: programs as a user would write them.
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

/** The same, with a separate connection for its sink. */
export const lateRelay = Pipeline.define(import.meta, 'crash-late-relay', () =>
  pipe(
    JetStreamIO.readMessages({ stream: 'EVENTS', coder: Coder.bytes }),
    PCollection.orFail,
    PCollection.map(({ subject, value }) => ({ subject: `out.${subject}`, value })),
    JetStreamIO.writeMessages({ stream: 'OUT', coder: Coder.bytes, connection: 'late' }),
  ),
)

await main(import.meta, relay)
