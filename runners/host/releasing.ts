// Giving the lease back at the end of a run, which does not wait for ever for a store that does not answer.
import type { CheckpointSession } from '../checkpoint/store.ts'
import type { Log } from './options.ts'

const longestMs = 5_000

export const releaseOf = async (session: CheckpointSession, log: Log): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(() => {
      log('warn', `the store has not taken the lease back within ${longestMs} ms: until it runs out, no other process can take the job up`)
      resolve()
    }, longestMs)
  })
  try {
    await Promise.race([session.release(), late])
  } finally {
    clearTimeout(timer)
  }
}
