// One seed from beginning to end: processes live and die until the pipeline is done, then what was written is compared.
import { planOf } from '../../runners/plan/plan.ts'
import { problemsOf } from './check.ts'
import { Draw } from './draw.ts'
import { pipelineOf } from './pipelines.ts'
import { Process, type World } from './process.ts'
import { type Scenario, scenarioOf } from './scenario.ts'
import { Ledger } from './sink.ts'
import { Network } from './wires.ts'

export interface Outcome {
  readonly seed: number
  readonly scenario: Scenario
  /** None: the seed has passed. */
  readonly problems: ReadonlyArray<string>
  readonly steps: number
  readonly crashes: number
}

const mostSteps = 200_000
const mostCrashes = 8

export const simulate = (seed: number): Outcome => {
  const scenario = scenarioOf(seed)
  // Draws of their own, so that one more draw in a scenario does not change how its events are mixed.
  const draw = new Draw(seed ^ 0x5eed_5eed)
  const world: World = {
    scenario,
    plan: planOf(pipelineOf(scenario).graph),
    draw,
    ledger: new Ledger(),
    network: new Network(scenario.threads),
    disk: null,
    calm: false,
    now: 1_000,
    steps: 0,
    late: 0,
  }
  let crashes = 0
  const outcome = (problems: ReadonlyArray<string>): Outcome => ({ seed, scenario, problems, steps: world.steps, crashes })
  try {
    for (let generation = 1; ; generation++) {
      world.calm = crashes >= mostCrashes
      const process = new Process(world, generation)
      let crashed = false
      while (process.ended === null && !crashed) {
        if (++world.steps > mostSteps) return outcome([`it has not come to an end after ${mostSteps} steps`])
        process.step()
        crashed = crashes < mostCrashes && draw.chance(scenario.faults.crash)
      }
      if (crashed) process.die()
      world.late += process.droppedLate()
      if (crashed) crashes++
      else if (process.ended === 'end') {
        world.network.settle()
        const left = process.stateSize()
        return outcome([
          ...problemsOf(scenario, world.ledger, world.late),
          ...(left === 0 ? [] : [`${left} keys and windows still have state at the end of time`]),
        ])
      } else if (crashes < mostCrashes) crashes++
    }
  } catch (error) {
    return outcome([error instanceof Error ? (error.stack ?? error.message) : String(error)])
  }
}
