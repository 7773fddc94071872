// What a start concludes from the checkpoint about elements that ended earlier runs.
import { assert } from 'chai'
import { planOf } from '../../../runners/plan/plan.ts'
import type { CheckpointContent } from '../../../runners/host/checkpoint-content.ts'
import { type PoisonRecord, poisonRecord } from '../../../runners/host/poison.ts'
import { PCollection, Pipeline, pipe, Splittable } from '../../../sdk/index.ts'
import type { Source } from '../../../sdk/splittable/source.ts'

const source: Source<string> = {
  urn: 'test:poison',
  label: 'log',
  isBounded: false,
  identity: {},
  replayable: true,
  poison: { attempts: 3, delayMs: 0 },
  connect: () => Promise.reject(new Error('it is never connected')),
}
const plan = planOf(
  Pipeline.of(pipe(Splittable.source({ source, decode: text => text, timestamp: () => 0 as never }), PCollection.ignore)).graph,
)
const [stage = ''] = plan.stages.map(({ id }) => id)
const key = `${stage}/a`

const contentAt = (last: number | null, poison?: PoisonRecord, status: CheckpointContent['status'] = 'running'): CheckpointContent => {
  const split = { id: 'a', range: { from: 1, to: null }, count: null, detail: null }
  const record = { split, progress: { last, claimed: 0, note: null }, maxTimestamp: 0, watermark: 0, done: false }
  const tasks = { [`${stage}@0`]: { record: { splits: [record] }, keyed: [], outputs: null } }
  return { status, tasks, splits: { [stage]: [split] }, poison } as unknown as CheckpointContent
}
const again = (content: CheckpointContent, innocent = false): PoisonRecord => {
  const record = poisonRecord(plan, content, { resumed: true, innocent })
  return record ?? assert.fail('the source has a policy')
}
const first = (): PoisonRecord => poisonRecord(plan, contentAt(null), { resumed: false, innocent: false }) ?? assert.fail('a policy')
/** Starts `count` more times at the same position. */
const starts = (count: number, record: PoisonRecord, last: number | null): PoisonRecord =>
  count === 0 ? record : starts(count - 1, again(contentAt(last, record)), last)

describe('A start from a checkpoint', () => {
  it('tries elements alone once so many runs as it has attempts came no further', () => {
    assert.deepEqual(first().begun[key], { last: null, runs: 1 })
    assert.deepEqual(starts(2, first(), null).suspects, [])
    assert.deepEqual(starts(3, first(), null).suspects, [{ stage, split: 'a' }])
  })

  it('counts anew at another position, where one run has begun already', () => {
    const record = again(contentAt(7, starts(3, first(), null)))
    assert.deepEqual([record.begun[key], record.suspects], [{ last: 7, runs: 2 }, []])
  })

  it('does not count a run that was suspended, or failed because of a server', () => {
    const record = starts(2, first(), null)
    assert.strictEqual(again(contentAt(null, record, 'suspended')).begun[key]?.runs, 3)
    assert.strictEqual(again(contentAt(null, record), true).begun[key]?.runs, 3)
  })

  it('gives up the element whose trial has not ended, in this run and in each one until a checkpoint holds it', () => {
    const trying = { ...starts(3, first(), 4), trying: { stage, split: 'a', last: 4 } }
    const givenUp = again(contentAt(4, trying))
    assert.deepEqual([givenUp.givenUp[key], givenUp.begun[key]?.runs], [{ last: 4, attempts: 4 }, 1])
    assert.deepEqual(again(contentAt(4, givenUp)).givenUp[key], { last: 4, attempts: 4 })
    assert.deepEqual(again(contentAt(5, givenUp)).givenUp, {})
  })

  it('gives up nothing where the trial has ended with a checkpoint, or a server ended it', () => {
    const trying = { ...starts(3, first(), 4), trying: { stage, split: 'a', last: 4 } }
    assert.deepEqual(again(contentAt(5, trying)).givenUp, {})
    const innocent = again(contentAt(4, trying), true)
    assert.deepEqual([innocent.givenUp, innocent.suspects], [{}, [{ stage, split: 'a' }]])
  })
})
