// The short mode of the crash test; `npm run test:crash -- --rounds N` is the long one.
import { assert } from 'chai'
import { runScenario } from './scenario.ts'

describe('A pipeline whose process and server are killed at random moments', () => {
  for (const [pipeline, workers, kills, serverKills] of [
    ['relay', null, 20, 5],
    ['windows', null, 20, 5],
    ['windows', 2, 8, 2],
  ] as const) {
    const on = workers === null ? '' : ` on ${workers} worker threads`
    it(`loses nothing and repeats nothing over ${kills} kills of the ${pipeline}${on} and ${serverKills} of its server, one outage longer than the duplicate window`, async function () {
      this.timeout(240_000)
      const result = await runScenario({ pipeline, workers, kills, serverKills, longOutage: true, seed: 7 }, () => undefined)
      process.stdout.write(
        `      ${result.kills} kills, ${result.serverKills} of the server, ${result.events} events: lost ${result.lost}, duplicated ${result.duplicated}\n`,
      )
      assert.deepInclude(result, { kills, serverKills, lost: 0, duplicated: 0, wrong: 0 })
      assert.isAbove(result.events, 500, 'the feed kept running')
    })
  }
})
