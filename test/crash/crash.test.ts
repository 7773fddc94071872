// The short mode of the crash test, each kind of kill at least once; `npm run test:crash -- --rounds N` is the long one.
import { assert } from 'chai'
import { describe as describeKills } from './kills.ts'
import { runScenario } from './scenario.ts'

describe('A pipeline whose process, workers and server are killed', () => {
  for (const [pipeline, workers, kills, serverKills] of [
    ['relay', null, 3, 1],
    ['windows', null, 2, 1],
    ['windows', 2, 10, 1],
    ['queue', null, 4, 1],
  ] as const) {
    const on = workers === null ? '' : ` on ${workers} worker threads`
    it(`loses nothing and repeats nothing over ${kills} kills of the ${pipeline}${on}, at any moment and at each phase of a checkpoint, and ${serverKills} of its server, one outage longer than the duplicate window`, async function () {
      this.timeout(480_000)
      const result = await runScenario(
        { pipeline, workers, kills, serverKills, servers: 1, longOutage: true, batches: false, seed: 7 },
        () => undefined,
      )
      process.stdout.write(
        `      ${describeKills(result.kills)}, ${result.serverKills} of the server, ${result.events} events: lost ${result.lost}, duplicated ${result.duplicated}\n`,
      )
      assert.lengthOf(result.kills, kills)
      assert.deepInclude(result, { serverKills, lost: 0, duplicated: 0, wrong: 0, unacknowledged: 0 })
      assert.isAbove(result.events, 500, 'the feed kept running')
    })
  }

  it('loses nothing and repeats nothing where outputs leave in atomic batches, over kills before and during their commit', async function () {
    this.timeout(240_000)
    const ways = ['duringCommit', 'beforeCommit'] as const
    const plan = {
      pipeline: 'windows',
      workers: null,
      kills: 2,
      serverKills: 0,
      servers: 1,
      longOutage: false,
      ways,
      batches: true,
    } as const
    const result = await runScenario({ ...plan, seed: 11 }, () => undefined)
    process.stdout.write(
      `      ${describeKills(result.kills)}, ${result.events} events: lost ${result.lost}, duplicated ${result.duplicated}\n`,
    )
    assert.lengthOf(result.kills, 2)
    assert.deepInclude(result, { lost: 0, duplicated: 0, wrong: 0 })
  })
})
