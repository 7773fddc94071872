// Two relays in one pipeline, with two reads and two writes on the same server.
import { Coder, PCollection, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO, StopAt } from 'jetbeam/io/jetstream'

const relayed = (letter: string) =>
  pipe(
    JetStreamIO.read({
      stream: 'IN',
      subjects: [`in.${letter}`],
      coder: Coder.string,
      stop: StopAt.end,
      splits: 2,
      name: `read ${letter}`,
    }),
    PCollection.orFail,
    JetStreamIO.write({ stream: 'OUT', subject: `out.${letter}`, coder: Coder.string, name: `write ${letter}` }),
  )

export const twoRelays = Pipeline.define(import.meta, 'two-relays', () => [relayed('a'), relayed('b')])
