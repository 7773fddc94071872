// A minute of the soak: `npm run test:soak -- --minutes 60` is the long one.
import { assert } from 'chai'
import { nameOf, runSoak, soakRuns } from './soak.ts'

describe('What is over leaves memory', function () {
  this.timeout(180_000)

  it('is a test that finds a DoFn which keeps a value for each element', async () => {
    for (const runner of ['direct', 'worker-threads'] as const) {
      const { problems } = await runSoak({ of: 'numbers', runner, store: false, leaks: true }, 5_000)
      assert.isTrue(
        problems.some(problem => /leak.*: keys grew/.test(problem)),
        problems.join('\n'),
      )
    }
  })

  for (const run of soakRuns) {
    it(`on the runner ${nameOf(run)}`, async () => {
      const { elements, figures, problems } = await runSoak(run, 10_000)
      assert.deepEqual(problems, [], figures)
      assert.isAbove(elements, 0)
    })
  }
})
