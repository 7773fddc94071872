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

/** A switch of one tenant. */
export interface Flag {
  readonly tenant: string
  readonly name: string
  readonly on: boolean
}

export const flagCoder: Coder<Flag> = Coder.json(z.object({ tenant: z.string(), name: z.string(), on: z.boolean() }))

/** Something that a tenant was paid for, in some currency. */
export interface Event {
  readonly tenant: string
  readonly currency: string
  readonly amount: number
  readonly at: Instant
}

export const eventCoder: Coder<Event> = Coder.json(
  z.object({
    tenant: z.string().min(1),
    currency: z.string(),
    amount: z.number(),
    at: z.number().int().transform(Instant.ofMillis),
  }),
)

/** What one unit of a currency is worth in euros, from `at` on. */
export interface Rate {
  readonly currency: string
  readonly rate: number
  readonly at: Instant
}

export const rateCoder: Coder<Rate> = Coder.json(
  z.object({ currency: z.string(), rate: z.number(), at: z.number().int().transform(Instant.ofMillis) }),
)
