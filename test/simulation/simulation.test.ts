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
  for (let first = 1; first <= 300; first += 15) {
    it(`agrees with the reference for the seeds ${first} to ${first + 14}`, async () => {
      for (let seed = first; seed < first + 15; seed++) await passes(seed, counts)
    })
  }

  it('has met each kind of fault in these seeds', () => {
    const kinds = ['crash', 'replace', 'stop', 'stall', 'cutOff', 'suspend', 'cancel', 'savepoint', 'rollback', 'drain', 'clockJump']
    const answers = ['repeated', 'reordered', 'lostAnswer']
    const events = ['RolledBack', 'WorkerLost', 'Restarting', 'CheckpointAborted', 'LeaseInDoubt', 'LeaseConfirmed']
    assert.deepEqual(
      [...kinds, ...answers, ...events].filter(what => counts[what] === undefined),
      [],
    )
  })

  // Pipelines and data that have found a bug once, by what it was. Their faults are drawn anew by each version of the world: a few mixes each.
  const found: ReadonlyArray<readonly [number, string]> = [
    [13, 'fires no window again whose end lies in a later snapshot of the restored chain'],
    [1, 'gives the default of a global combine only where its key belongs'],
    [39, 'keeps immediate outputs of two sources apart whose splits have the same name'],
    [827, 'gives a late session that grows the time of its new end'],
    [106, 'hands the watermark on where a restored restriction had only its end to come'],
    [48, 'comes back to a checkpoint that was asked for and could not be written'],
    [3476, 'ends after many suspensions, each behind checkpoints that took too long'],
    [757, 'moves no work between its snapshots while a barrier is on its way'],
    [168, 'goes on with a drain behind a checkpoint that was taken during it'],
    [41, 'publishes what was drained before the process died'],
    [24493, 'repeats nothing of a restriction that was being read when a drain began'],
  ]
  for (const [seed, what] of found) {
    it(`${what} (seed ${seed})`, async () => {
      for (let mix = 0; mix < 4; mix++) {
        const { problems } = await simulate(seed, { mix })
        assert.deepEqual(problems, [], `again: npm run test:simulation -- --seed ${seed} --mix ${mix}`)
      }
    })
  }

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
