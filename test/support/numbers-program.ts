// A program with options of its own, to be given wrong ones.
import { Create, PCollection, Pipeline, pipe } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { z } from 'zod'

export const numbers = Pipeline.define(import.meta, 'numbers', z.object({ upTo: z.number().int() }), ({ upTo }) =>
  pipe(Create.of(Array.from({ length: upTo }, (_, i) => i)), PCollection.ignore),
)

await main(import.meta, numbers)
