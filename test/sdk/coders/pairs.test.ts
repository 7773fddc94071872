// A coder of pairs: what grouping finds in it.
import { assert } from 'chai'
import { describe, it } from 'mocha'
import { Coder, Create, KV, PCollection, Pipeline, pipe } from 'jetbeam'
import { streamOf } from '../../../sdk/coders/index.ts'

describe('Coder.kv', () => {
  it('shows the coder of its key', () => {
    const coder: object = Coder.kv(Coder.string, Coder.varint)
    assert.strictEqual('keyCoder' in coder ? coder.keyCoder : null, Coder.string)
  })

  it('nests as before', () => {
    const coder = Coder.kv(Coder.kv(Coder.string, Coder.varint), Coder.double)
    assert.isTrue(Object.isFrozen(coder))
    assert.notStrictEqual(streamOf(coder).outer, undefined)
    assert.deepEqual(coder.decode(coder.encode([['a', 1], 2])), { _tag: 'Right', right: [['a', 1], 2] })
  })

  it('gives a collection that has it the coder of its keys', () => {
    const coder = Coder.kv(Coder.varint, Coder.string)
    const { graph } = Pipeline.of(
      pipe(
        Create.of([KV.of(1, 'a')], { coder }),
        PCollection.mapValues(text => text.length),
        PCollection.ignore,
      ),
    )
    assert.isTrue([...graph.nodes.values()].every(({ keyCoder }) => Object.is(keyCoder, Coder.varint)))
  })
})
