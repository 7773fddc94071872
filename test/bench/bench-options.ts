// What all rows are told.

export interface BenchOptions {
  /** Fewer elements and rounds: to see that a row runs, not to quote it. */
  readonly quick: boolean
}
