// How a worker loads a pipeline's module, and what a user reads where it cannot have loaded the same.
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import { loadingOf, type Loading } from '../../../runners/worker-threads/loading.ts'
import { rebuilt } from '../../../runners/worker-threads/pipeline-module.ts'
import { codeHashes } from '../../../sdk/graph/code-hash.ts'
import { descriptions } from '../../../sdk/graph/graph.ts'
import { sums } from './programs.ts'

const { graph, origin } = sums()
const changed = Object.fromEntries(
  Object.entries(codeHashes(graph)).map(([id, code]) => [
    id,
    id.startsWith('Create') ? code : { hash: `${code.hash}0`, texts: code.texts.map(() => 'x => x * 7') },
  ]),
)
const rebuiltBy = (loading: Loading) =>
  rebuilt({ origin, nodes: descriptions(graph), code: changed }, loading).then(
    pipeline => E.right(pipeline.name),
    (error: unknown) => E.left(error instanceof Error ? error.message : String(error)),
  )

describe('A worker', () => {
  it('loads TypeScript by tsx where the main thread does', () => {
    for (const url of ['file:///a/p.ts', 'file:///a/p.mts', 'file:///a/p.mjs'])
      assert.deepEqual(loadingOf(new URL(url.slice(8), import.meta.url).href), { main: 'tsx', worker: 'tsx' }, url)
  })

  it('that got another function says how both threads loaded it, and which function differs', async () => {
    const refused = await rebuiltBy({ main: 'tsx', worker: 'tsx' })
    const message = E.isLeft(refused) ? refused.left : assert.fail('it was taken')
    assert.match(message, /The first differs so: "x => x \* 7" here, ".+" in the worker/)
    assert.include(message, 'both threads load modules by tsx')
  })

  it('of a test runner, which rewrites functions, goes on with those of its own loader', async () => {
    assert.deepEqual(await rebuiltBy({ main: 'vitest', worker: 'tsx' }), E.right(origin.name))
  })
})
