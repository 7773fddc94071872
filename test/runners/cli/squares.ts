// A program with every kind of option, for the tests of the command line.
import { Create, emit, ParDo, PCollection, Pipeline, pipe, seconds } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { TextIO } from 'jetbeam/io/text'
import { z } from 'zod'

const options = z.object({
  to: z.string().describe('where the squares go'),
  upTo: z.number().int().default(5).describe('how many squares'),
  pauseMs: z.number().default(0),
  closeMs: z.number().default(0),
  dryRun: z.boolean().default(false),
  tag: z.array(z.string()).default([]),
  order: z.enum(['up', 'down']).default('up'),
  failAt: z.number().optional(),
})

const square = (n: number, failAt: number | undefined): number => {
  if (n === failAt) throw new Error(`${n} is unlucky`)
  return n * n
}

/** Its end takes so long. */
const closingIn = (ms: number) =>
  ParDo.bundled({
    process: ({ value }: { readonly value: string }) => [emit(value)],
    teardown: () => new Promise<void>(resolve => setTimeout(resolve, ms)),
  })

export const squares = Pipeline.define(import.meta, 'squares', options, ({ to, upTo, pauseMs, closeMs, dryRun, tag, order, failAt }) =>
  pipe(
    Create.of(Array.from({ length: upTo }, (_, i) => (order === 'up' ? i + 1 : upTo - i))),
    PCollection.map(n => square(n, failAt)),
    PCollection.mapAsync(n => new Promise<number>(resolve => setTimeout(resolve, pauseMs, n)), { concurrency: 64, timeout: seconds(60) }),
    PCollection.map(n => [n, ...tag].join(' ')),
    lines => (closeMs === 0 ? lines : closingIn(closeMs)(lines)),
    dryRun ? PCollection.ignore : TextIO.write(to),
  ),
)

await main(import.meta, squares)
