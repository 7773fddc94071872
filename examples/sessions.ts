// What each user does: partial figures every ten seconds while there is something new, final ones when the user has been idle for half
// an hour. State and timers by hand, where sessions as windows would say nothing before they end.
import * as O from 'fp-ts/lib/Option.js'
import {
  Coder,
  DoFn,
  Encoder,
  Instant,
  type KeyedElement,
  ParDo,
  PCollection,
  Pipeline,
  State,
  Timer,
  emit,
  minutes,
  pipe,
  seconds,
} from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO, Watermark, subject } from 'jetbeam/io/jetstream'
import { type View, viewCoder } from './model.ts'

const totals = Coder.struct({ views: Coder.varint, millis: Coder.double })

/** A test calls its functions without a runner: see StatefulTest. */
export const userStats = DoFn.stateful({
  state: {
    total: State.value(totals, { views: 0, millis: 0 }),
    recent: State.bag(viewCoder),
    perPage: State.map(Coder.string, Coder.varint),
  },
  timers: { idle: Timer.eventTime, flush: Timer.processingTime },
  process: ({ value: view, timestamp }: KeyedElement<string, View>, { total, recent, perPage, idle, flush }) => [
    total.write({ views: total.read.views + 1, millis: total.read.millis + view.millis }),
    recent.add(view),
    perPage.put(
      view.page,
      1 +
        pipe(
          perPage.get(view.page),
          O.getOrElse(() => 0),
        ),
    ),
    idle.set(pipe(timestamp, Instant.plus(minutes(30)))),
    recent.isEmpty && flush.after(seconds(10)),
  ],
  onTimer: {
    flush: ({ key }, { total, recent }) => [
      emit({ kind: 'partial', user: key, views: total.read.views, recent: recent.read }),
      recent.clear,
    ],
    idle: ({ key }, { total, recent, perPage, flush }) => [
      emit({ kind: 'final', user: key, ...total.read, pages: [...perPage.entries] }),
      total.clear,
      recent.clear,
      perPage.clear,
      flush.clear,
    ],
  },
  onWindowExpiration: ({ key }, { total }) => [total.read.views > 0 && emit({ kind: 'expired', user: key, views: total.read.views })],
})

export const sessions = Pipeline.define(import.meta, 'sessions', () =>
  pipe(
    JetStreamIO.read({
      stream: 'VIEWS',
      coder: viewCoder,
      timestamp: view => view.at,
      watermark: Watermark.boundedOutOfOrderness(seconds(10)),
    }),
    PCollection.orFail,
    PCollection.keyBy(view => view.user),
    ParDo.of(userStats),
    JetStreamIO.write({ stream: 'SESSIONS', subject: s => subject`sessions.${s.kind}.${s.user}`, coder: Encoder.json() }),
  ),
)

await main(import.meta, sessions)
