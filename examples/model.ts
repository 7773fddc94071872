// The records that the examples are about, and how they lie in a stream: JSON, checked where it is read.
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

export interface Order {
  readonly id: string
  readonly customer: string
  readonly total: number
  readonly at: Instant
}

export const orderCoder: Coder<Order> = Coder.json(
  z.object({ id: z.string().min(1), customer: z.string(), total: z.number(), at: z.number().int().transform(Instant.ofMillis) }),
)

/** A part of an order's total, or all of it. */
export interface Payment {
  readonly orderId: string
  readonly amount: number
  readonly at: Instant
}

export const paymentCoder: Coder<Payment> = Coder.json(
  z.object({ orderId: z.string().min(1), amount: z.number(), at: z.number().int().transform(Instant.ofMillis) }),
)
