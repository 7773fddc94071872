// The short mode of the lease rounds: each way once. `npm run test:crash -- --only "cut off from its store"` and its kin have many.
import { assert } from 'chai'
import { runLeaseScenario, showLeases } from './lease-scenario.ts'

describe('A process that cannot confirm its lease', () => {
  const rounds = [
    ['is cut off from its store alone', 'cutOff', null, 3_000],
    ['is cut off from its store alone, with the lease that is the default,', 'cutOff', 2, 15_000],
    ['is stopped beyond its lease and woken up while the store is silent', 'stopped', null, 3_000],
    ['is stopped beyond its lease and woken up while the store is silent', 'stopped', 2, 3_000],
  ] as const
  for (const [what, disturbance, workers, leaseMs] of rounds)
    it(`${what} publishes nothing beside its successor, and ends by name${workers === null ? '' : ` on ${workers} worker threads`}`, async function () {
      this.timeout(300_000)
      const result = await runLeaseScenario({ disturbance, workers, leaseMs, rounds: 1, atOnce: 1 }, () => undefined)
      process.stdout.write(`      ${showLeases(result)}\n`)
      assert.deepInclude(result, { rounds: 1, lost: 0, repeated: 0, sentInDoubt: 0 }, result.examples.join('\n'))
    })
})
