// Pipelines that worker threads build again.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import * as N from 'fp-ts/lib/number.js'
import { Combine, Count, Create, KV, ParDo, PCollection, Pipeline, afterCommit, emit, pipe } from '../../../sdk/index.ts'
import { TextIO } from '../../../io/text/index.ts'
import { PAssert, containsInAnyOrder } from '../../../runners/direct/testing.ts'
import { z } from 'zod'

export const counts = Pipeline.define(import.meta, 'counts', () =>
  pipe(
    Create.of(Array.from({ length: 10_000 }, (_, i) => `word${i % 7}`)),
    Count.perElement,
    PAssert.that(containsInAnyOrder(Array.from({ length: 7 }, (_, i) => KV.of(`word${i}`, i < 4 ? 1_429 : 1_428)))),
    PCollection.ignore,
  ),
)

export const wrongCounts = Pipeline.define(import.meta, 'wrong-counts', () =>
  pipe(Create.of(['a', 'b', 'a']), Count.perElement, PAssert.that(containsInAnyOrder([KV.of('a', 3)])), PCollection.ignore),
)

export const sums = Pipeline.define(import.meta, 'sums', () =>
  pipe(Create.of([1, 2, 3, 4]), Combine.globally(N.MonoidSum), PAssert.that(containsInAnyOrder([10])), PCollection.ignore),
)

const files = z.object({ from: z.string(), to: z.string(), flag: z.string() })

/** Counts lines; `misfortune` happens at the line `5000`, the first time only. */
const countedWith = (name: string, misfortune: () => void, at: (line: string) => boolean = line => line === '5000') =>
  Pipeline.define(import.meta, name, files, ({ from, to, flag }) =>
    pipe(
      TextIO.read(from),
      PCollection.map(line => {
        if (at(line) && !existsSync(flag)) {
          if (line === '5000') writeFileSync(flag, '')
          misfortune()
        }
        return Number(line) % 10
      }),
      Count.perElement,
      PCollection.map(([digit, n]) => `${digit}: ${n}`),
      TextIO.write(to),
    ),
  )

export const countedOnce = countedWith('counted-once', () => undefined)
export const throwsOnce = countedWith('throws-once', () => {
  throw new Error('the first time')
})
export const exitsOnce = countedWith('exits-once', () => process.exit(7))

/** Writes what it reads; behind each commit it notes, by the lines of its bundle, whether they are written. Fails once at the line `5000`. */
export const finalized = Pipeline.define(import.meta, 'finalized', files.extend({ notes: z.string() }), ({ from, to, flag, notes }) =>
  pipe(
    TextIO.read(from),
    ParDo.bundled({
      startBundle: (): string[] => [],
      process: ({ value }, { bundle }) => {
        if (value === '5000' && !existsSync(flag)) {
          writeFileSync(flag, '')
          throw new Error('the first time')
        }
        bundle.push(value)
        return [emit(value)]
      },
      finishBundle: ({ bundle }) => [
        afterCommit(async () => {
          const written = new Set(readFileSync(to, 'utf8').split('\n'))
          appendFileSync(notes, bundle.map(line => `${line} ${written.has(line) ? 'written' : 'missing'}\n`).join(''))
        }),
      ],
    }),
    TextIO.write(to),
  ),
)

/**
 * Stands still for a moment, and with it all that its thread does: several times, since a checkpoint whose outputs are leaving cannot be
 * given up.
 */
export const standsStill = countedWith(
  'stands-still',
  () => {
    for (const until = Date.now() + 400; Date.now() < until;);
  },
  line => /^[1-5]000$/.test(line),
)

export const throwsAlways = Pipeline.define(import.meta, 'throws-always', files, ({ from, to }) =>
  pipe(
    TextIO.read(from),
    PCollection.map(line => {
      if (line === '5000') throw new Error('not this one')
      return line
    }),
    TextIO.write(to),
  ),
)

/** Built by the clock, in effect: the main thread and a worker get two pipelines. */
export const unlike = Pipeline.define(import.meta, 'unlike', () =>
  isMainThread ? pipe(Create.of([1]), PCollection.ignore) : pipe(Create.of([1, 2]), PCollection.ignore),
)

const hidden = Pipeline.define(import.meta, 'hidden', () => pipe(Create.of([1]), PCollection.ignore))
export const madeOfHidden = (): ReturnType<typeof hidden> => hidden()
