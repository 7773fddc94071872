// The short mode of the crash test; `npm run test:crash -- --rounds N` is the long one.
import { assert } from 'chai'
import { runScenario } from './scenario.ts'

describe('A pipeline whose process and server are killed at random moments', () => {
  for (const pipeline of ['relay', 'windows'] as const) {
    it(`loses nothing and repeats nothing over 20 kills of the ${pipeline} and 5 of its server, one outage longer than the duplicate window`, async function () {
      this.timeout(240_000)
      const result = await runScenario({ pipeline, kills: 20, serverKills: 5, longOutage: true, seed: 7 }, () => undefined)
      process.stdout.write(
        `      ${result.kills} kills, ${result.serverKills} of the server, ${result.events} events: lost ${result.lost}, duplicated ${result.duplicated}\n`,
      )
      assert.deepInclude(result, { kills: 20, serverKills: 5, lost: 0, duplicated: 0, wrong: 0 })
      assert.isAbove(result.events, 1_000, 'the feed kept running')
    })
  }
})
