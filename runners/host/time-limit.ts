// Waiting for what may never end: for so long, and then for something else.
import type { Clock } from './clock.ts'

/** What `work` gives, or, where it takes longer than `ms`, what `late` gives or throws; nobody hears of `work` then. */
export const inTime = async <A>({ after }: Pick<Clock, 'after'>, work: Promise<A>, ms: number, late: () => A): Promise<A> => {
  let cancel = (): void => undefined
  const over = new Promise<void>(resolve => (cancel = after(ms, resolve))).then(late)
  try {
    return await Promise.race([work, over])
  } finally {
    cancel()
  }
}
