// What newcomers do wrong first, and what they read then.
import { assert } from 'chai'
import { isOwnFile } from '../../../sdk/graph/own-files.ts'
import {
  CoGroupByKey,
  Create,
  type Duration,
  FixedWindows,
  KV,
  PCollection,
  Pipeline,
  Window,
  minutes,
  pipe,
  seconds,
} from '../../../sdk/index.ts'

const messageOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return assert.fail('it did not throw')
}

/** As another copy of the package would make it. */
const foreign = (tag: string): never => Object.freeze({ _tag: tag, node: {} }) as never

describe('A first mistake', () => {
  it('of a collection without an end says so', () => {
    const collection = Create.of([1]) as never
    for (const build of [() => Pipeline.of(collection), () => Pipeline.define(import.meta, 'x', () => collection)()])
      assert.match(messageOf(build), /a collection that no branch ends: pass what PCollection\.ignore, or a write, makes of it/)
  })

  it('of two copies of the package names them and says how to keep one', () => {
    for (const build of [() => PCollection.ignore(foreign('PCollection')), () => Pipeline.of(foreign('PDone'))])
      assert.match(messageOf(build), /another copy of jetbeam made\. List the copies by npm ls jetbeam/)
  })

  it('of a definition without a module says what to pass', () => {
    const noModule = {} as never
    assert.match(
      messageOf(() => Pipeline.define(noModule, 'x', () => [])),
      /Pass import\.meta, or in CommonJS module.*format: esm/,
    )
    assert.strictEqual(Pipeline.define({ filename: '/a/b.cjs' }, 'x', () => []).url, 'file:///a/b.cjs')
  })

  it('of windows that differ says both in words', () => {
    const keyed = (size: Duration) => pipe(Create.of([KV.of('a', 1)]), Window.into(FixedWindows.of(size)))
    const together = () => Pipeline.of(pipe(CoGroupByKey.of({ a: keyed(minutes(5)), b: keyed(seconds(90)) }), PCollection.ignore))
    assert.match(messageOf(together), /has fixed windows of 5 min; .* has fixed windows of 90 s\. Give both the same Window\.into/)
  })

  it('is placed in the program, not in the package, wherever that lies', () => {
    assert.isTrue(isOwnFile('/app/node_modules/jetbeam/dist/runners/direct/testing.js:146:1'))
    for (const room of ['sdk/graph/graph.ts', 'runners/direct/testing.ts', 'io/text/sink.ts'])
      assert.isTrue(isOwnFile(new URL(`../../../${room}`, import.meta.url).pathname), room)
    assert.isFalse(isOwnFile('/app/src/pipeline.ts:1:1'))
    assert.isFalse(isOwnFile(new URL(import.meta.url).pathname))
  })
})
