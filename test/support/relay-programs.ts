// Relays from one stream to another, whose outputs leave as they come: a live one, and one that reads in parts and takes its time.
import { Coder, PCollection, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO, StopAt } from 'jetbeam/io/jetstream'

const out = { stream: 'OUT', subject: 'out', coder: Coder.string }

export const liveRelay = Pipeline.define(import.meta, 'live-relay', () =>
  pipe(JetStreamIO.read({ stream: 'IN', coder: Coder.string }), PCollection.orFail, JetStreamIO.write(out)),
)

export const relayInParts = Pipeline.define(import.meta, 'relay-in-parts', () =>
  pipe(
    JetStreamIO.read({ stream: 'IN', coder: Coder.string, stop: StopAt.end, splits: 5 }),
    PCollection.orFail,
    PCollection.map(text => {
      for (const until = performance.now() + 0.4; performance.now() < until;);
      return text
    }),
    JetStreamIO.write(out),
  ),
)
