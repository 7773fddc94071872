// How often each word of a text file occurs.
//
//   node --import tsx -C jetbeam-source examples/word-count.ts --from kinglear.txt --to counts.txt
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

const options = z.object({
  from: z.string().describe('the text file'),
  to: z.string().default('counts.txt').describe('where the counts go, one line for each word'),
})

export const wordCount = Pipeline.define(import.meta, 'word-count', options, ({ from, to }) =>
  pipe(
    TextIO.read(from),
    countWords,
    PCollection.map(([word, n]) => `${word}: ${n}`),
    TextIO.write(to),
  ),
)

await main(import.meta, wordCount)
