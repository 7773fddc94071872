// Giving the lease back at the end of a run, which does not wait for ever for a store that does not answer.
import type { CheckpointSession } from '../checkpoint/store.ts'
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'
import { inTime } from './time-limit.ts'

const longestMs = 5_000

export const releaseOf = (session: CheckpointSession, { log, clock }: { readonly log: Log; readonly clock: Clock }): Promise<void> =>
  inTime(clock, session.release(), longestMs, () =>
    log('warn', `the store has not taken the lease back within ${longestMs} ms: until it runs out, no other process can take the job up`),
  )
