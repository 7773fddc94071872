// Numbers that a service knows the names of, told to whoever listens.
import { Create, Decoder, Encoder, Pipeline, pipe } from 'jetbeam'
import { NatsIO } from 'jetbeam/io/jetstream'

export const tellNames = Pipeline.define(import.meta, 'tell-names', () =>
  pipe(
    Create.of(Array.from({ length: 40 }, (_, i) => `${i}`)),
    NatsIO.request({ subject: 'names', request: Encoder.text(), reply: Decoder.text, concurrency: 4 }),
    NatsIO.publish({ subject: 'told', coder: Encoder.json<readonly [string, string]>(), headers: ([id]) => ({ Id: [id] }) }),
  ),
)
