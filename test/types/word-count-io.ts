// A composite on its own, and a definition with options: text files.
import { Count, PCollection, Pipeline, flow, named, pipe } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { TextIO } from 'jetbeam/io/text'
import { z } from 'zod'

export const countWords = named(
  'CountWords',
  flow(
    PCollection.flatMap((line: string) => line.toLowerCase().match(/\p{L}+/gu) ?? []),
    Count.perElement,
  ),
)

export const wordCount = Pipeline.define(
  import.meta,
  'word-count',
  z.object({ from: z.string(), to: z.string().default('counts.txt') }),
  ({ from, to }) =>
    pipe(
      TextIO.read(from),
      countWords,
      PCollection.map(([word, n]) => `${word}: ${n}`),
      TextIO.write(to),
    ),
)

await main(import.meta, wordCount)
