// The records that the programs here are about.
import type { Coder, Instant } from 'jetbeam'

export interface Order {
  readonly id: string
  readonly customer: string
  readonly total: number
  readonly at: Instant
}
export interface Payment {
  readonly orderId: string
  readonly amount: number
  readonly at: Instant
}
export interface View {
  readonly user: string
  readonly page: string
  readonly at: Instant
  readonly millis: number
}
export declare const orderCoder: Coder<Order>
export declare const paymentCoder: Coder<Payment>
export declare const viewCoder: Coder<View>
