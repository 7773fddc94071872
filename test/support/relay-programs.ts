// Relays from one stream to another, whose outputs leave as they come: a live one, and some that read in parts and take their time.
import { Coder, PCollection, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO, StopAt } from 'jetbeam/io/jetstream'

const out = { stream: 'OUT', subject: 'out', coder: Coder.string }

const taking = (ms: (text: string) => number) =>
  PCollection.map((text: string) => {
    for (const until = performance.now() + ms(text); performance.now() < until;);
    return text
  })

export const liveRelay = Pipeline.define(import.meta, 'live-relay', () =>
  pipe(JetStreamIO.read({ stream: 'IN', coder: Coder.string }), PCollection.orFail, JetStreamIO.write(out)),
)

export const relayInParts = Pipeline.define(import.meta, 'relay-in-parts', () =>
  pipe(
    JetStreamIO.read({ stream: 'IN', coder: Coder.string, stop: StopAt.end, splits: 5 }),
    PCollection.orFail,
    taking(() => 0.4),
    JetStreamIO.write(out),
  ),
)

/** Of `message 0` to `message 3999`, the first half takes its time. */
export const relayOfSlowHalf = Pipeline.define(import.meta, 'relay-of-slow-half', () =>
  pipe(
    JetStreamIO.read({ stream: 'IN', coder: Coder.string, stop: StopAt.end, splits: 2 }),
    PCollection.orFail,
    taking(text => (Number(text.slice('message '.length)) < 2_000 ? 0.6 : 0)),
    JetStreamIO.write(out),
  ),
)
