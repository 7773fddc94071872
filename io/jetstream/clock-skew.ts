// How far the clocks of a cluster's servers may be apart. Leaders date messages by their own, so stamps ascend only as far as that.

/** In milliseconds. */
export const clockSkewMs = 2_000
