// The frame itself must be able to find fault.
import { assert } from 'chai'
import { Create, PCollection, pipe, Pipeline } from '../../sdk/index.ts'
import { PAssert, containsInAnyOrder } from '../../sdk/testing/index.ts'
import { type Case, checkCase } from './frame.ts'
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

  it('finds an assertion that does not hold, and says under which setting', async () =>
    assert.match(
      await rejection(direct, { says: 'wrong', pipeline: wrong }),
      /^with bundles of all, 1 task: PAssert\.that at .*1 of 2 missing/,
    ))

  it('finds panes that differ', async () => {
    const panes = { of: 'everyRecord', exactly: 'key 5O', accumulation: 'accumulating' } as const
    assert.match(await rejection(direct, { says: 'wrong', pipeline: everyRecord, panes }), /expected 'key 5E.*' to equal 'key 5O'/)
  })

  it('takes a refusal by a runner that lacks a feature, and finds one that runs it all the same', async () => {
    const lacking: ConformanceRunner = { ...direct, lacks: new Set(['testStream']) }
    assert.match(await rejection(lacking, { says: 'lacking', pipeline: everyRecord }), /lacks what the pipeline needs, and ran it/)
  })
})
