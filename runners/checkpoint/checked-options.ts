// What every store refuses of its options, alike.

export const checkKeep = (store: string, keep: number): void => {
  if (!Number.isSafeInteger(keep) || keep < 1)
    throw new RangeError(`${store}: keep is a whole number of checkpoints from 1, and ${keep} is not`)
}

export const checkExpiry = (store: string, expiryMs: number): void => {
  if (!(expiryMs >= 100 && expiryMs <= 3_600_000))
    throw new RangeError(`${store}: leaseExpiryMs lies between 100 and 3,600,000 ms, and ${expiryMs} does not`)
}
