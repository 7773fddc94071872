// A minute of the soak: `npm run test:soak -- --minutes 60` is the long one.
import { assert } from 'chai'
import { nameOf, runSoak, soakRuns } from './soak.ts'

describe('What is over leaves memory', function () {
  this.timeout(180_000)
  for (const run of soakRuns) {
    it(`on the runner ${nameOf(run)}`, async () => {
      const { elements, figures, problems } = await runSoak(run, 15_000)
      assert.deepEqual(problems, [], figures)
      assert.isAbove(elements, 0)
    })
  }
})
