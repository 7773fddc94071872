// A pipeline that reads and writes JetStream in each way there is: streams by position and by subject, a work queue, a stream with an element
// now and then; sinks that publish at once and after checkpoints, and key-value puts. What any of them keeps grows with the input.
import * as N from 'fp-ts/lib/number.js'
import { z } from 'zod'
import {
  Coder,
  Combine,
  Encoder,
  FixedWindows,
  Flatten,
  GlobalWindows,
  Instant,
  millis,
  named,
  PCollection,
  type PDone,
  Pipeline,
  pipe,
  seconds,
  Sessions,
  Watermark,
  Window,
} from '../../sdk/index.ts'
import type { PCollection as Collection } from '../../sdk/graph/pcollection.ts'
import { Acknowledge, Delivery, JetStreamIO, KvIO, KvPut, SplitBy } from '../../io/jetstream/index.ts'
import { probe } from './probe.ts'

export const streamNames = {
  busy: 'BUSY',
  /** Has a subject for each of twenty senders. */
  senders: 'SENDERS',
  /** Has a message each second. */
  quiet: 'QUIET',
  /** A work queue. */
  queue: 'QUEUE',
  copied: 'COPIED',
  summed: 'SUMMED',
} as const
export const bucketName = 'newest'

const numbersOf = (stream: string, o: { readonly bySubject?: boolean; readonly queue?: boolean } = {}): Collection<number> =>
  pipe(
    JetStreamIO.read({
      stream,
      coder: Coder.string,
      timestamp: text => Instant.ofMillis(Number(text) * 10),
      watermark: Watermark.boundedOutOfOrderness(seconds(1)),
      ...(o.bySubject === true ? { splitBy: SplitBy.subject() } : {}),
      ...(o.queue === true ? { acknowledge: Acknowledge.onCheckpoint, consumer: 'soak' } : {}),
    }),
    PCollection.orFail,
    PCollection.map(Number),
  )

/** `exactlyOnce`: with a checkpoint store, which queues and key-value puts need. */
export const soakStreams = Pipeline.define(
  import.meta,
  'soak-streams',
  z.object({ exactlyOnce: z.boolean() }),
  ({ exactlyOnce }): ReadonlyArray<PDone> => {
    const delivery = exactlyOnce ? Delivery.exactlyOnce : Delivery.atLeastOnce
    const write = (stream: string) => JetStreamIO.write({ stream, subject: stream.toLowerCase(), coder: Encoder.text(), delivery })
    const busy = pipe(
      numbersOf(streamNames.busy),
      PCollection.map(n => {
        probe()
        return n
      }),
    )
    const sums = (numbers: Collection<number>): Collection<string> =>
      pipe(
        numbers,
        PCollection.keyBy(n => n % 3),
        Combine.perKey(N.MonoidSum),
        PCollection.map(([key, value]) => `${key} ${value}`),
        Window.into(GlobalWindows),
      )
    const windowed = Flatten.of(
      named('fixed', () => pipe(busy, Window.into(FixedWindows.of(seconds(1))), sums))(),
      named('senders', () => pipe(numbersOf(streamNames.senders, { bySubject: true }), Window.into(FixedWindows.of(seconds(1))), sums))(),
      named('quiet', () => pipe(numbersOf(streamNames.quiet), Window.into(Sessions.withGap(millis(5))), sums))(),
    )
    return [
      pipe(busy, PCollection.map(String), write(streamNames.copied)),
      pipe(windowed, write(streamNames.summed)),
      ...(exactlyOnce
        ? [
            pipe(
              numbersOf(streamNames.queue, { queue: true }),
              PCollection.map(n => KvPut.of(`key${n % 50}`, String(n))),
              KvIO.write({ bucket: bucketName, coder: Encoder.text() }),
            ),
          ]
        : []),
    ]
  },
)
