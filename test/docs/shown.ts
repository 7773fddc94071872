// What the examples in docstrings are run by: see .ci/docs.js.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from 'chai'
import { Checkpoints, type PCollection, type PDone } from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import { PAssert, TestPipeline, containsInAnyOrder } from 'jetbeam/testing'

type Runs = (...ends: ReadonlyArray<PCollection<unknown> | PDone>) => Promise<unknown>
type Shows = (statement: unknown, given?: ReadonlyArray<unknown>) => Promise<void>

const showsBy =
  (runs: () => Runs): Shows =>
  async (statement, given) => {
    const value = await statement
    if (isDone(value)) await runs()(value)
    else if (isCollection(value)) await runs()(given === undefined ? value : PAssert.that(containsInAnyOrder(given))(value))
    else if (given !== undefined) assert.deepEqual([value], given)
  }

// A tag of ours is on nothing else.
const isDone = (value: unknown): value is PDone => tagOf(value) === 'PDone'
const isCollection = (value: unknown): value is PCollection<unknown> => tagOf(value) === 'PCollection'
const tagOf = (value: unknown): unknown => (typeof value === 'object' && value !== null && '_tag' in value ? value._tag : null)

let jobs = 0
const durable = (): Runs =>
  TestPipeline.run({
    runner: DirectRunner.run({ strict: true, seed: 1, job: `example-${++jobs}`, checkpoints: Checkpoints.directory('./runs') }),
  })

/** An example's statement: runs a collection or a finished branch, and compares what it gives with what the example says. */
export const shows = showsBy(() => TestPipeline.run())
/** The same of collections that read or write where a server would be needed: they have been built, and that is all. */
export const showsUnrun = showsBy(() => async () => undefined)
/** The same with checkpoints, for what writes exactly once. */
export const showsDurably = showsBy(durable)

/** Imports modules one after another, in a folder with a few files; says what does not do as it says. */
export const runAll = async (modules: ReadonlyArray<readonly [place: string, url: string]>, folder: string): Promise<void> => {
  const here = join(folder, 'here')
  await mkdir(here)
  process.chdir(here)
  await writeFile('words.txt', 'a b\na\n')
  for (const [place, url] of modules) {
    try {
      await import(url)
    } catch (error) {
      process.exitCode = 1
      const { name, message, actual, expected } = error as Partial<Record<'name' | 'message' | 'actual' | 'expected', unknown>>
      console.error(`${place}: the example does not run: ${String(name)}: ${String(message)}`)
      if (actual !== undefined) console.error(`  it gives ${JSON.stringify(actual)}\n  and says ${JSON.stringify(expected)}`)
    }
  }
}
