// 600,000 messages on their way to a sink that is slower than they come, in a process of its own whose memory its parent looks at.
// Arguments: relay | windows, the source's URL, the destination's URL, the folder for checkpoints. Says its greatest size when it ends.
import * as N from 'fp-ts/lib/number.js'
import {
  Checkpoints,
  Coder,
  Combine,
  FixedWindows,
  Instant,
  orThrow,
  PCollection,
  type PDone,
  Pipeline,
  pipe,
  Reify,
  seconds,
  Window,
} from 'jetbeam'
import { JetStreamIO, StopAt, subject } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { indexOf, keyOf, payloadOf, timeOf } from './many-messages.ts'

const [kind, from, to, folder] = process.argv.slice(2)
if (from === undefined || to === undefined || folder === undefined) throw new Error('usage: memory-program.ts relay|windows FROM TO FOLDER')

const numbers = {
  stream: 'MANY',
  coder: Coder.bytes,
  stop: StopAt.end,
  timestamp: (bytes: Uint8Array) => Instant.ofMillis(timeOf(indexOf(bytes))),
}

/** Leaves as it comes. */
const relay = (): PDone =>
  pipe(
    JetStreamIO.read(numbers),
    PCollection.orFail,
    JetStreamIO.write({ stream: 'RELAYED', subject: 'relayed', coder: Coder.bytes, connection: 'slow' }),
  )

/** Waits for the checkpoint that holds it. */
const windows = (): PDone =>
  pipe(
    JetStreamIO.read(numbers),
    PCollection.orFail,
    PCollection.keyBy(bytes => keyOf(indexOf(bytes))),
    PCollection.mapValues(indexOf),
    Window.into(FixedWindows.of(seconds(1))),
    Combine.perKey(N.MonoidSum),
    Reify.windowed,
    PCollection.map(({ value: [key, sum], window }) => ({
      subject: subject`summed.${key}`,
      value: payloadOf(`${key} ${window.start} ${sum}`),
    })),
    JetStreamIO.writeMessages({ stream: 'SUMMED', coder: Coder.bytes, connection: 'slow' }),
  )

const ended = await orThrow(
  pipe(
    Pipeline.of(kind === 'relay' ? relay() : windows()),
    DirectRunner.run({
      provide: [JetStreamIO.connection({ servers: from }), JetStreamIO.connection({ name: 'slow', servers: to })],
      checkpoints: Checkpoints.directory(folder),
      job: `memory-${kind ?? ''}`,
      onProgress: ({ elementsRead, elementsWritten }) =>
        process.send?.({ elementsRead, elementsWritten, maxRss: process.resourceUsage().maxRSS * 1_024 }),
    }),
  ),
)
process.send?.({ ...ended.metrics, maxRss: process.resourceUsage().maxRSS * 1_024, state: ended.state })
process.disconnect()
