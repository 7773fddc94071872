// What the rollback tests run, on worker threads too.
import * as N from 'fp-ts/lib/number.js'
import { Coder, Combine, FixedWindows, Instant, millis, PCollection, Pipeline, pipe, Reify, Window } from 'jetbeam'
import { JetStreamIO, Watermark } from 'jetbeam/io/jetstream'

/** Numbers as they are: each leaves as it comes. */
export const relayed = Pipeline.define(import.meta, 'relayed', () =>
  pipe(
    JetStreamIO.read({ stream: 'NUMBERS', coder: Coder.string }),
    PCollection.orFail,
    JetStreamIO.write({ stream: 'BACK', subject: 'back', coder: Coder.string }),
  ),
)

/** How many of each ten there are: what leaves waits for a checkpoint. */
export const counted = Pipeline.define(import.meta, 'counted', () =>
  pipe(
    JetStreamIO.read({
      stream: 'NUMBERS',
      coder: Coder.string,
      timestamp: text => Instant.ofMillis(Number(text)),
      watermark: Watermark.boundedOutOfOrderness(millis(0)),
    }),
    PCollection.orFail,
    PCollection.keyBy(() => 'all'),
    PCollection.mapValues(() => 1),
    Window.into(FixedWindows.of(millis(10))),
    Combine.perKey(N.MonoidSum),
    Reify.windowed,
    PCollection.map(({ value: [, count], window }) => `${Number(window.start)}: ${count}`),
    JetStreamIO.write({ stream: 'BACK', subject: 'back', coder: Coder.string }),
  ),
)
