// What a read's settings say of its consumers.
import type { ConsumerSettings } from './durable-consumer.ts'
import type { ReadSettings } from './verb-options.ts'
import { sourceSchema } from './jetstream-keys.ts'

/** null: it reads by position. */
export const consumerOf = ({ consumer, acknowledge, ...settings }: ReadSettings): ConsumerSettings | null => {
  const { ackWait, maxAckPending } = sourceSchema.keys
  return consumer === undefined || acknowledge?._tag !== 'onCheckpoint'
    ? null
    : {
        consumer,
        ackWaitMs: settings.ackWait ?? ackWait.fallback,
        maxAckPending: settings.maxAckPending ?? maxAckPending.fallback,
        inactiveMs: settings.inactiveThreshold ?? null,
      }
}
