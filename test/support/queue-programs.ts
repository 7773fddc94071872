// A copy of a queue, in a module of its own: workers import it.
import { Coder, PCollection, Pipeline, pipe } from 'jetbeam'
import { Acknowledge, JetStreamIO } from 'jetbeam/io/jetstream'
import { z } from 'zod'

const options = z.object({ stream: z.string(), subjects: z.array(z.string()).optional(), maxAckPending: z.number().optional() })

/** Of what `o` reads, to the stream COPIED. */
export const copyOfQueue = Pipeline.define(import.meta, 'copy-of-queue', options, o =>
  pipe(
    JetStreamIO.read({ coder: Coder.string, acknowledge: Acknowledge.onCheckpoint, consumer: 'reader', ...o }),
    PCollection.orFail,
    JetStreamIO.write({ stream: 'COPIED', subject: 'copied', coder: Coder.string }),
  ),
)
