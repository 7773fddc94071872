// Copies a stream into another one, exactly once: subjects under a region of their own, headers kept, payloads not even looked at. What
// was published twice, as its `Nats-Msg-Id` header tells, is copied once, though the stream's own duplicate window may be long over.
//
//   node --import tsx -C jetbeam-source examples/relay.ts --from ORDERS --to EU
import * as O from 'fp-ts/lib/Option.js'
import { Coder, Deduplicate, PCollection, Pipeline, minutes, pipe } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { z } from 'zod'

const options = z.object({
  from: z.string().describe('the stream that is read'),
  to: z.string().describe('the stream that is written; it takes subjects under the region'),
  region: z.string().default('eu').describe('the first token of each subject'),
})

export const relay = Pipeline.define(import.meta, 'relay', options, ({ from, to, region }) =>
  pipe(
    JetStreamIO.readMessages({ stream: from, coder: Coder.bytes }),
    PCollection.orFail, // bytes are always understood
    Deduplicate.by(
      message =>
        pipe(
          message.id,
          O.getOrElse(() => `${message.stream}:${message.sequence}`),
        ),
      { within: minutes(10) },
    ),
    PCollection.map(({ subject, headers, value }) => ({
      subject: `${region}.${subject}`,
      value,
      headers: { ...headers, 'X-Relayed-From': [from] },
    })),
    JetStreamIO.writeMessages({ stream: to, coder: Coder.bytes }),
  ),
)

await main(import.meta, relay)
