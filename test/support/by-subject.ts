// Pipelines that read a stream by subject, in a module of their own: workers import it.
import { Coder, Count, Encoder, FixedWindows, millis, PCollection, Pipeline, pipe, seconds, Window } from 'jetbeam'
import { JetStreamIO, SplitBy, Watermark } from 'jetbeam/io/jetstream'

const read = (stream: string) =>
  pipe(
    JetStreamIO.readMessages({
      stream,
      coder: Coder.string,
      splitBy: SplitBy.subject({ discoverEvery: millis(200) }),
      watermark: Watermark.boundedOutOfOrderness(millis(0), { idleAfter: millis(300) }),
    }),
    PCollection.orFail,
  )

/** What is read, with its subject, as it comes. */
export const bySubject = Pipeline.define(import.meta, 'by-subject', () =>
  pipe(
    read('BY_IN'),
    PCollection.map(({ subject, value }) => `${subject} ${value}`),
    JetStreamIO.write({ stream: 'BY_OUT', subject: 'by.out', coder: Encoder.json() }),
  ),
)

/** The same by the second token of the subject, in three parts, whatever there is. */
export const byHash = Pipeline.define(import.meta, 'by-hash', () =>
  pipe(
    JetStreamIO.readMessages({
      stream: 'HASH_IN',
      coder: Coder.string,
      splitBy: SplitBy.hash({ parts: 3, tokens: [3] }),
      watermark: Watermark.boundedOutOfOrderness(millis(0), { idleAfter: millis(300) }),
    }),
    PCollection.orFail,
    PCollection.map(({ subject, value }) => `${subject} ${value}`),
    JetStreamIO.write({ stream: 'HASH_OUT', subject: 'hash.out', coder: Encoder.json() }),
  ),
)

/** How many messages each second had. */
export const countedBySubject = Pipeline.define(import.meta, 'counted-by-subject', () =>
  pipe(
    read('COUNTED_IN'),
    Window.into(FixedWindows.of(seconds(1))),
    PCollection.map(({ subject }) => subject),
    Count.perElement,
    JetStreamIO.write({ stream: 'COUNTED_OUT', subject: 'counted.out', coder: Encoder.json() }),
  ),
)
