// Seeds of whole runs with faults: the product's own control and engine agree with a slow and obvious reference, whatever happens in which order.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { assert } from 'chai'
import { simulate } from './simulate.ts'

const passes = async (seed: number, counts: Record<string, number> = {}): Promise<void> => {
  const outcome = await simulate(seed)
  assert.deepEqual(outcome.problems, [], `again: npm run test:simulation -- --seed ${seed}`)
  for (const [what, count] of Object.entries(outcome.counts)) counts[what] = (counts[what] ?? 0) + count
}

const patches = fileURLToPath(new URL('mutations/', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

describe('the simulated run', () => {
  const counts: Record<string, number> = {}
  for (let first = 1; first <= 120; first += 15) {
    it(`agrees with the reference for the seeds ${first} to ${first + 14}`, async () => {
      for (let seed = first; seed < first + 15; seed++) await passes(seed, counts)
    })
  }

  it('has met each kind of fault in these seeds', () => {
    const kinds = ['crash', 'replace', 'stop', 'stall', 'cutOff', 'suspend', 'cancel', 'savepoint']
    const events = ['WorkerLost', 'Restarting', 'CheckpointAborted', 'LeaseInDoubt', 'LeaseConfirmed']
    assert.deepEqual(
      [...kinds, ...events].filter(what => counts[what] === undefined),
      [],
    )
  })

  it('gives the same run for the same seed', async () => {
    for (const seed of [17, 18, 23]) {
      const [one, other] = [await simulate(seed), await simulate(seed)]
      assert.deepEqual({ ...other, events: other.events() }, { ...one, events: one.events() })
      assert.notEqual((await simulate(seed + 1)).trace, one.trace)
    }
  })

  // `npm run test:simulation -- --mutations` looks for the seed that finds each.
  for (const patch of readdirSync(patches)) {
    it(`has a mutation that applies to the code as it is: ${patch}`, () => {
      const { status, stderr } = spawnSync('git', ['apply', '--check', `${patches}${patch}`], { cwd: root, encoding: 'utf8' })
      assert.equal(status, 0, stderr)
    })
  }
})
