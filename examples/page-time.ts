// How long people look at each page, minute by minute; what cannot be read goes to a stream of its own.
import * as N from 'fp-ts/lib/number.js'
import {
  AfterCount,
  AfterWatermark,
  Combine,
  Encoder,
  FixedWindows,
  PCollection,
  Pipeline,
  Reify,
  Window,
  minutes,
  pipe,
  seconds,
} from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO, Watermark, subject } from 'jetbeam/io/jetstream'
import { viewCoder } from './model.ts'

export const pageTime = Pipeline.define(import.meta, 'page-time', () =>
  pipe(
    JetStreamIO.read({
      stream: 'VIEWS',
      coder: viewCoder,
      timestamp: view => view.at,
      watermark: Watermark.boundedOutOfOrderness(seconds(10)),
    }), // Either<Undecodable, View>
    PCollection.deadLetter(JetStreamIO.writeUndecodable({ stream: 'REJECTED', subject: 'views.rejected' })),
    PCollection.keyBy(view => view.page),
    PCollection.mapValues(view => view.millis),
    Window.into(FixedWindows.of(minutes(1)), {
      trigger: AfterWatermark.pastEndOfWindow({ late: AfterCount.of(1) }),
      allowedLateness: minutes(5),
      accumulation: 'accumulating',
    }),
    Combine.perKey(N.MonoidSum),
    Reify.windowed, // the value learns its minute
    PCollection.map(({ value: [page, millis], window, pane }) => ({ page, millis, minute: window.start, final: pane.isLast })),
    JetStreamIO.write({ stream: 'TOTALS', subject: total => subject`totals.${total.page}`, coder: Encoder.json() }),
  ),
)

await main(import.meta, pageTime)
