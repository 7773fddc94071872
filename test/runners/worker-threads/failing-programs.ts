// Pipelines whose own functions, values or module fail, each in one way.
import { appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import * as E from 'fp-ts/lib/Either.js'
import { Coder, Create, GroupByKey, ParDo, PCollection, Pipeline, emit, pipe } from '../../../sdk/index.ts'

const numbers = () => Create.of([1, 2, 3, 4])

export const setupFails = Pipeline.define(import.meta, 'setup-fails', () =>
  pipe(
    numbers(),
    ParDo.bundled({
      setup: (): string => {
        throw new Error('no database')
      },
      process: ({ value }) => [emit(value)],
    }),
    PCollection.ignore,
  ),
)

export const finishFails = Pipeline.define(import.meta, 'finish-fails', () =>
  pipe(
    numbers(),
    ParDo.bundled({
      process: () => [],
      finishBundle: () => {
        throw new Error('no room')
      },
    }),
    PCollection.ignore,
  ),
)

export const teardownFails = Pipeline.define(import.meta, 'teardown-fails', () =>
  pipe(
    numbers(),
    ParDo.bundled({
      process: ({ value }) => [emit(value)],
      teardown: () => {
        throw new Error('already closed')
      },
    }),
    PCollection.ignore,
  ),
)

const refusing: Coder<string> = Coder.imap(
  (text: string) => E.right(text),
  (text: string): string => {
    if (text === '3') throw new Error('not this key')
    return text
  },
)(Coder.string)

export const keyCoderFails = Pipeline.define(import.meta, 'key-coder-fails', () =>
  pipe(
    numbers(),
    PCollection.keyBy(n => String(n), { coder: refusing }),
    GroupByKey.of,
    PCollection.ignore,
  ),
)

/** No trouble where all is in one thread. */
export const functionsGrouped = Pipeline.define(import.meta, 'functions-grouped', () =>
  pipe(
    numbers(),
    PCollection.map(n => ({ later: () => n })),
    PCollection.keyBy(() => 'all'),
    GroupByKey.of,
    PCollection.ignore,
  ),
)

export const byTheClock = Pipeline.define(import.meta, 'by-the-clock', () => pipe(Create.of([performance.now()]), PCollection.ignore))

export const buildFailsElsewhere = Pipeline.define(import.meta, 'build-fails-elsewhere', () => {
  if (!isMainThread) throw new Error('only at home')
  return pipe(numbers(), PCollection.ignore)
})

/** Holds a byte for each worker that builds `neverBuilt`. */
export const buildBegan = join(tmpdir(), `jetbeam-never-built-${process.pid}`)

/** In a worker its build function never returns. */
export const neverBuilt = Pipeline.define(import.meta, 'never-built', () => {
  if (!isMainThread) appendFileSync(buildBegan, '.')
  for (; !isMainThread;);
  return pipe(numbers(), PCollection.ignore)
})

export const one = Pipeline.define(import.meta, 'twice', () => pipe(numbers(), PCollection.ignore))
export const other = Pipeline.define(import.meta, 'twice', () => pipe(Create.of(['a']), PCollection.ignore))

/** As where its file was changed after the main thread had imported it. */
export const otherFunctions = Pipeline.define(import.meta, 'other-functions', () =>
  pipe(numbers(), isMainThread ? PCollection.map(n => n + 1) : PCollection.map(n => n + 2), PCollection.ignore),
)

const known = Pipeline.define(import.meta, 'known', () => pipe(numbers(), PCollection.ignore))
export { known, known as alsoKnown }

export default Pipeline.define(import.meta, 'by-default', () => pipe(numbers(), PCollection.ignore))

/** Whoever runs it never has another turn. */
export const neverReturns = Pipeline.define(import.meta, 'never-returns', () =>
  pipe(
    numbers(),
    PCollection.map(n => {
      for (; n === 3;);
      return n
    }),
    PCollection.ignore,
  ),
)
