// Setup and teardown of a task's DoFns: how long the one may take, and what becomes of the other's failures.
import type { HostContext } from '../../sdk/model/bindings.ts'
import { errorText } from '../../sdk/model/error-text.ts'
import { UserCodeError } from '../harness/errors.ts'
import type { StageInstance } from '../harness/stage-instance.ts'
import type { Clock } from './clock.ts'
import { inTime } from './time-limit.ts'

type Live = Pick<StageInstance, 'lifeCycles'>

interface SetupPlace extends Pick<HostContext, 'log'> {
  readonly clock: Pick<Clock, 'after'>
}

export const longestSetupMs = 60_000

/** Rejects with a UserCodeError where one fails or does not end; whoever was set up before is torn down again. */
export const setUp = async (instance: Live, { log, clock }: SetupPlace, longestMs = longestSetupMs): Promise<void> => {
  const up: ReturnType<Live['lifeCycles']>[number][] = []
  try {
    for (const cycle of instance.lifeCycles()) {
      await within(clock, longestMs, cycle)
      up.push(cycle)
    }
  } catch (error) {
    await tearDown({ lifeCycles: () => up }, log)
    throw error
  }
}

const within = (clock: Pick<Clock, 'after'>, ms: number, [path, bundle]: ReturnType<Live['lifeCycles']>[number]): Promise<void> =>
  inTime(clock, bundle.setup(), ms, () => {
    throw UserCodeError.meanwhile(path, 'was set up', new Error(`setup has not ended within ${ms / 1_000} s. What does it wait for?`))
  })

/** All of them, whatever fails: the results stand already, so a failure is logged and no more, as in Beam. */
export const tearDown = async (instance: Live, log: HostContext['log']): Promise<void> => {
  for (const [, bundle] of instance.lifeCycles()) {
    try {
      await bundle.teardown()
    } catch (error) {
      log('warn', errorText(error))
    }
  }
}
