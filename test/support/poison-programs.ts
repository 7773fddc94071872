// A relay of streams in which one value ends each run that reads it, in a module of its own: workers import it.
import { isMainThread } from 'node:worker_threads'
import { Coder, millis, PCollection, Pipeline, pipe, Reshuffle } from 'jetbeam'
import { JetStreamIO, Poison, SplitBy } from 'jetbeam/io/jetstream'
import { z } from 'zod'

const options = z.object({
  streams: z.array(z.string()),
  then: z.enum(['deadLetter', 'terminate']).optional(),
  byHash: z.boolean().optional(),
  shuffled: z.boolean().optional(),
  dies: z.boolean().optional(),
  fatal: z.array(z.string()),
})

/** What `o` reads goes to COPIED, and what is given up to DEAD; each of the `fatal` values ends its run, behind a shuffle or before it. */
export const poisonedRelay = Pipeline.define(
  import.meta,
  'poisoned-relay',
  options,
  ({ streams: [first = '', ...others], then, byHash, shuffled, dies, fatal }) => {
    const refuse = (value: string): string => {
      if (!fatal.includes(value)) return value
      // Its thread dies without a word.
      if (dies === true && !isMainThread) process.exit(3)
      throw new Error(`${value} is too much`)
    }
    const texts = pipe(
      JetStreamIO.read({
        stream: others.length === 0 ? first : [first, ...others],
        coder: Coder.string,
        poison: then === undefined ? undefined : Poison[then]({ attempts: 3, delay: millis(10) }),
        splitBy: byHash === true ? SplitBy.hash({ parts: 3 }) : undefined,
      }),
      PCollection.deadLetter(JetStreamIO.writeUndecodable({ stream: 'DEAD', subject: 'dead' })),
    )
    return pipe(
      shuffled === true ? pipe(texts, Reshuffle.of) : texts,
      PCollection.map(refuse),
      JetStreamIO.write({ stream: 'COPIED', subject: 'copied', coder: Coder.string }),
    )
  },
)
