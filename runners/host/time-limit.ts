// Waiting for what may never end: for so long, and then for something else.

/** What `work` gives, or, where it takes longer than `ms`, what `late` gives or throws; nobody hears of `work` then. */
export const inTime = async <A>(work: Promise<A>, ms: number, late: () => A): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>(resolve => (timer = setTimeout(resolve, ms))).then(late)
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}
