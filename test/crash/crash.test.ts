// The short mode of the crash test: a few ways to be killed for each pipeline, and all that there are over the pipelines together;
// `npm run test:crash -- --rounds N` is the long one, with each way for each pipeline.
import { assert } from 'chai'
import { describe as describeKills, type Kill, killsOf, type PipelineName } from './kills.ts'
import { runScenario } from './scenario.ts'

describe('A pipeline whose process, workers and server are killed', () => {
  // On threads in all ways; in one thread where a checkpoint becomes durable and its outputs leave, and a queue where it is acknowledged.
  const plans: ReadonlyArray<readonly [PipelineName, number | null, ReadonlyArray<Kill>]> = [
    ['relay', null, ['anyMoment', 'beforeManifest', 'beforeCommit']],
    ['windows', null, ['afterSnapshot', 'duringCommit']],
    ['windows', 2, killsOf('windows', 2)],
    ['queue', null, ['anyMoment', 'beforeCommit', 'duringCommit', 'afterCommit']],
  ]
  for (const [pipeline, workers, ways] of plans) {
    const on = workers === null ? '' : ` on ${workers} worker threads`
    it(`loses nothing and repeats nothing over kills of the ${pipeline}${on}, ${describeKills(ways)}, and 1 of its server, an outage longer than the duplicate window`, async function () {
      this.timeout(480_000)
      const result = await runScenario(
        { pipeline, workers, kills: ways.length, ways, serverKills: 1, servers: 1, longOutage: true, batches: false, seed: 7 },
        () => undefined,
      )
      process.stdout.write(
        `      ${describeKills(result.kills)}, ${result.serverKills} of the server, ${result.events} events: lost ${result.lost}, duplicated ${result.duplicated}\n`,
      )
      assert.sameMembers([...result.kills], [...ways])
      assert.deepInclude(result, { serverKills: 1, lost: 0, duplicated: 0, wrong: 0, unacknowledged: 0 })
      assert.isAbove(result.events, 500, 'the feed kept running')
    })
  }

  it('is killed in each way that there is for some pipeline', () => {
    const pipelines: ReadonlyArray<PipelineName> = ['relay', 'windows', 'queue']
    const all = pipelines.flatMap(pipeline => [...killsOf(pipeline, null), ...killsOf(pipeline, 2)])
    assert.sameMembers([...new Set(plans.flatMap(([, , ways]) => ways))], [...new Set(all)])
  })

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
