// The frame itself must be able to find fault.
import { assert } from 'chai'
import { settled } from '../../runners/host/job.ts'
import { allFeatures, refuseUnsupported } from '../../runners/plan/features.ts'
import { Create, named, orThrow, PCollection, pipe, Pipeline } from '../../sdk/index.ts'
import { PAssert, containsInAnyOrder } from '../../sdk/testing/index.ts'
import { type Case, checkCase } from './frame.ts'
import { note, notesOf } from './notes.ts'
import { type ConformanceRunner, runners } from './runners.ts'
import { everyRecord } from './worked-example.ts'

const rejection = async (runner: ConformanceRunner, it: Case): Promise<string> => {
  try {
    await checkCase(runner, it)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return 'it conforms'
}

describe('the conformance suite', () => {
  const [direct] = runners
  if (direct === undefined) throw new Error('there is no runner')
  const wrong = Pipeline.define(import.meta, 'wrong', () =>
    pipe(Create.of([1, 2]), PAssert.that(containsInAnyOrder([1, 3])), PCollection.ignore),
  )
  const right = Pipeline.define(import.meta, 'right', () =>
    pipe(
      Create.of([1]),
      named(
        'Noting',
        PCollection.map(n => (note('right', 'called'), n)),
      ),
      PCollection.ignore,
    ),
  )

  it('finds an assertion that does not hold, and says under which setting', async () =>
    assert.match(
      await rejection(direct, { says: 'wrong', pipeline: wrong }),
      /^with bundles of all, 1 task: PAssert\.that at .*1 of 2 missing/,
    ))

  it('finds panes that differ', async () => {
    const panes = { of: 'everyRecord', exactly: 'key 5O', accumulation: 'accumulating' } as const
    assert.match(await rejection(direct, { says: 'wrong', pipeline: everyRecord, panes }), /expected 'key 5E.*' to equal 'key 5O'/)
  })

  it('finds a run that should have failed, one that failed otherwise, and one that ended otherwise', async () => {
    const fails = { with: 'AssertionFailed', saying: /2 of 2 missing/ } as const
    assert.match(await rejection(direct, { says: 'wrong', pipeline: right, fails }), /should have failed, and ended as done/)
    assert.match(await rejection(direct, { says: 'wrong', pipeline: wrong, fails }), /does not match \/2 of 2 missing\/: PAssert/)
    assert.match(await rejection(direct, { says: 'wrong', pipeline: right, ends: 'drained' }), /expected 'done' to equal 'drained'/)
  })

  it('hands on what functions noted, and forgets it behind each run', async () => {
    const check = (notes: ReadonlyArray<string>): void => assert.deepEqual(notes, ['called', 'called twice'])
    assert.match(await rejection(direct, { says: 'wrong', pipeline: right, notes: { of: 'right', check } }), /to deeply equal/)
    assert.isEmpty(notesOf('right'))
    const once = (notes: ReadonlyArray<string>): void => assert.deepEqual(notes, ['called'])
    assert.strictEqual(await rejection(direct, { says: 'right', pipeline: right, notes: { of: 'right', check: once } }), 'it conforms')
  })

  describe('of a runner that lacks a feature', () => {
    const name = 'the small runner'
    const lacks = new Set(['testStream'] as const)
    const features = new Set([...allFeatures].filter(feature => feature !== 'testStream'))
    const refusing = (refuse: (pipeline: Pipeline) => void): ConformanceRunner => ({
      name,
      lacks,
      start: setting => pipeline =>
        settled(() => {
          refuse(pipeline)
          return orThrow(direct.start(setting)(pipeline))
        }),
    })

    it('takes a refusal that names it', async () => {
      const small = refusing(pipeline => refuseUnsupported(pipeline, { runner: name, features }))
      assert.strictEqual(await rejection(small, { says: 'refused', pipeline: everyRecord }), 'it conforms')
      assert.match(await rejection(small, { says: 'run', pipeline: wrong }), /1 of 2 missing/)
    })

    it('finds one that runs the pipeline all the same, and one that refuses it by no name', async () => {
      const runs = refusing(() => undefined)
      assert.match(await rejection(runs, { says: 'lacking', pipeline: everyRecord }), /lacks what the pipeline needs, and ran it/)
      const mute = refusing(pipeline => refuseUnsupported(pipeline, { runner: 'it', features }))
      assert.match(await rejection(mute, { says: 'lacking', pipeline: everyRecord }), /to include 'the small runner does/)
    })
  })
})
