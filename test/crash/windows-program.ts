// The windowed pipelines that the crash test kills: sums per key and second, rejects beside them.
import * as N from 'fp-ts/lib/number.js'
import { Combine, Decoder, Encoder, FixedWindows, Instant, millis, PCollection, Pipeline, pipe, Reify, seconds, Window } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { Acknowledge, JetStreamIO, type ReadSettings, subject, Watermark } from 'jetbeam/io/jetstream'
import { isEvent } from './events.ts'
import { mayDie } from './worker-death.ts'

const summed = (settings: Partial<ReadSettings>) =>
  pipe(
    JetStreamIO.read({
      ...settings,
      stream: 'EVENTS',
      coder: Decoder.json(isEvent),
      timestamp: event => Instant.ofMillis(event.at),
      watermark: Watermark.boundedOutOfOrderness(millis(100)),
    }),
    PCollection.deadLetter(JetStreamIO.writeUndecodable({ stream: 'REJECTED', subject: 'rejected' })),
    PCollection.map(mayDie),
    PCollection.keyBy(event => event.key),
    PCollection.mapValues(event => event.value),
    Window.into(FixedWindows.of(seconds(1))),
    Combine.perKey(N.MonoidSum),
    Reify.windowed,
    PCollection.map(mayDie),
    PCollection.map(({ value: [key, sum], window }) => ({ key, sum, second: window.start })),
    JetStreamIO.write({ stream: 'OUT', subject: total => subject`out.${total.key}`, coder: Encoder.json() }),
  )

export const windows = Pipeline.define(import.meta, 'crash-windows', () => summed({}))

/** The same of a work queue. */
export const queue = Pipeline.define(import.meta, 'crash-queue', () =>
  summed({ acknowledge: Acknowledge.onCheckpoint, consumer: 'sums', maxAckPending: 500 }),
)

await main(import.meta, windows)
