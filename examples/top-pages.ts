// The ten pages that were looked at most in each minute: a first answer early, a better one on time.
import {
  AfterProcessingTime,
  AfterWatermark,
  Combine,
  CombineFn,
  Encoder,
  FixedWindows,
  PCollection,
  Pipeline,
  Reify,
  Window,
  flow,
  minutes,
  named,
  pipe,
  seconds,
} from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO, Watermark, subject } from 'jetbeam/io/jetstream'
import { type View, viewCoder } from './model.ts'

/** Counts and ranks in one: were there two, each early count of a page would be ranked again. */
const topTen = pipe(
  CombineFn.count,
  CombineFn.groupBy((view: View) => view.page),
  CombineFn.map(counts => [...counts].sort(([, a], [, b]) => b - a).slice(0, 10)),
)

/** A composite: its test gives it views of its own, see test/examples/top-pages.test.ts. */
export const topPages = named(
  'TopPages',
  flow(
    Window.into(FixedWindows.of(minutes(1)), {
      trigger: AfterWatermark.pastEndOfWindow({ early: AfterProcessingTime.pastFirstElement(seconds(10)) }),
      accumulation: 'accumulating',
    })<View>,
    Combine.globally(topTen),
  ),
)

export const topPagesByMinute = Pipeline.define(import.meta, 'top-pages', () =>
  pipe(
    JetStreamIO.read({
      stream: 'VIEWS',
      coder: viewCoder,
      timestamp: view => view.at,
      watermark: Watermark.boundedOutOfOrderness(seconds(10)),
    }),
    PCollection.orFail,
    topPages,
    Reify.windowed,
    PCollection.map(({ value: pages, window, pane }) => ({ minute: window.start, pages, final: pane.isLast })),
    JetStreamIO.write({ stream: 'TOP', subject: top => subject`top.${top.minute}`, coder: Encoder.json() }),
  ),
)

await main(import.meta, topPagesByMinute)
