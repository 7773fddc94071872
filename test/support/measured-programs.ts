// Pipelines whose figures are known: how many elements each transform gets, how many fail, and how.
import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import * as E from 'fp-ts/lib/Either.js'
import { Count, named, PCollection, Pipeline, pipe } from 'jetbeam'
import { TextIO } from 'jetbeam/io/text'
import { z } from 'zod'

const files = z.object({ from: z.string(), to: z.string() })

export const parse = (line: string): number => {
  const n = Number(line)
  if (n % 1_000 === 0) throw new TypeError(`${n} is too round`)
  if (n % 2_500 === 1) throw new RangeError(`${n} is too odd`)
  return n
}

export const leastCallMs = 5

class Refused extends Error {
  override readonly name = 'Refused'
}

const ask = async (n: number): Promise<number> => {
  await sleep(leastCallMs + 2) // a timer may go off a little early
  if (n === 110) throw new Refused('not this one')
  return n
}

/** Of the lines 0 to 9,999: 10 are too round, 4 too odd, 100 are asked about, one of these refused, and 7 keys come out. */
export const measured = Pipeline.define(import.meta, 'measured', files, ({ from, to }) =>
  pipe(
    TextIO.read(from),
    named('Parse', PCollection.tryMap(parse)),
    PCollection.flatMap(result => (E.isRight(result) && result.right % 100 === 10 ? [result.right] : [])),
    named('Ask', PCollection.tryMapAsync(ask, { concurrency: 10 })),
    PCollection.flatMap(result => (E.isRight(result) ? [`${result.right % 7}`] : [])),
    named('Keys', Count.perElement),
    PCollection.map(([key, n]) => `${key}: ${n}`),
    named('Write', TextIO.write(to)),
  ),
)

class Broken extends Error {
  override readonly name = 'Broken'
}

export const breaksOnce = Pipeline.define(import.meta, 'breaks-once', files.extend({ flag: z.string() }), ({ from, to, flag }) =>
  pipe(
    TextIO.read(from),
    named(
      'Break',
      PCollection.map(line => {
        if (line === '5000' && !existsSync(flag)) {
          writeFileSync(flag, '')
          throw new Broken('the first time')
        }
        return line
      }),
    ),
    TextIO.write(to),
  ),
)
