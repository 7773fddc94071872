// One clock for all threads of a process: performance.now() begins anew in each, and the clocks that it is added to differ.

/** Milliseconds, with fractions, since some moment. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1_000_000
