// Pauses between attempts: each twice as long as the one before, up to a bound. What fails for many at the same moment would be tried again
// by all of them at one moment too, so a part of each pause is left to chance.

/** Before attempt `n`, counted from 0. */
export const doublingMs = (n: number, firstMs: number, longestMs: number): number => Math.min(longestMs, firstMs * 2 ** Math.min(n, 30))

/** At least half of it. */
export const jittered = (ms: number): number => ms * (0.5 + Math.random() / 2)
