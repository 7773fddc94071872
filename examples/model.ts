// The record that the examples are about, and how it lies in a stream: JSON, checked where it is read.
import { Coder, Instant } from 'jetbeam'
import { z } from 'zod'

/** Somebody looked at a page. */
export interface View {
  readonly user: string
  readonly page: string
  /** When it began: event time. */
  readonly at: Instant
  /** How long it lasted. */
  readonly millis: number
}

export const viewCoder: Coder<View> = Coder.json(
  z.object({
    user: z.string(),
    page: z.string().min(1),
    at: z.number().int().transform(Instant.ofMillis),
    millis: z.number().int().nonnegative(),
  }),
)
