// Functions that a run's user gives to be called with news: a failing one is logged and not called again, and the run goes on.
import { errorText } from '../../sdk/model/error-text.ts'
import type { Log } from './log.ts'

/** `name`: of the option, for the log. Takes asynchronous functions as well: their results are not waited for. */
export const callbackOf = <A>(name: string, f: ((news: A) => unknown) | undefined, log: Log): ((news: A) => void) => {
  let listener = f
  const refuse = (error: unknown): void => {
    listener = undefined
    log('warn', `${name} failed and is not called again: ${errorText(error)}`)
  }
  return news => {
    try {
      const result = listener?.(news)
      if (result instanceof Promise) result.catch(refuse)
    } catch (error) {
      refuse(error)
    }
  }
}
