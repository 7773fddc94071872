// A stateful DoFn with several states and timers, for the tests of DoFns with and without a runner.
import * as O from 'fp-ts/lib/Option.js'
import { Coder, DoFn, Instant, type KeyedElement, State, Timer, emit, minutes, pipe, seconds } from '../../../sdk/index.ts'

export interface View {
  readonly user: string
  readonly page: string
  readonly at: Instant
  readonly millis: number
}
export const viewCoder: Coder<View> = Coder.structural<View>()
const totals = Coder.struct({ views: Coder.varint, millis: Coder.double })

/** Final stats when a user is idle for 30 minutes; partial ones every 10 seconds while there is something new. */
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
