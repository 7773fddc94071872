// The windowed pipeline that the crash test kills: sums per key and second, rejects beside them.
import * as N from 'fp-ts/lib/number.js'
import { Combine, Decoder, Encoder, FixedWindows, Instant, millis, PCollection, Pipeline, pipe, Reify, seconds, Window } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO, subject, Watermark } from 'jetbeam/io/jetstream'
import { isEvent } from './events.ts'
import { mayDie } from './worker-death.ts'

export const windows = Pipeline.define(import.meta, 'crash-windows', () =>
  pipe(
    JetStreamIO.read({
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
  ),
)

await main(import.meta, windows)
