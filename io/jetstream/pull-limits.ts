// How a consumer may be asked: its limits, its server's among them, against what a read would ask for.
import type { ConsumerInfo } from '@nats-io/jetstream'
import { nanos } from './ephemeral-consumer.ts'
import { JetStreamIOError } from './errors.ts'
import type { PullSettings } from './pull-window.ts'

export interface PullLimits {
  readonly settings: PullSettings
  /** How many requests may wait for an answer. */
  readonly openPulls: number
  /** How large a request may grow, in bytes; null: the consumer has no such limit. */
  readonly mostBytes: number | null
}

/** The server takes no shorter heartbeat, and wants two in a request. */
const shortestHeartbeatMs = 100

/** Keeps to the consumer's limits. Throws UnsuitableConsumer, with the setting and both values, where that is not possible. */
export const pullLimits = ({ name, stream_name, config }: ConsumerInfo, asked: PullSettings, label: string): PullLimits => {
  const refuse = (setting: string, why: string): never => {
    throw new JetStreamIOError(
      'UnsuitableConsumer',
      `${label}: the consumer ${name} of the stream ${stream_name} has ${setting}, and ${why}. Change the consumer, or name another one (consumer), which is made as it must be.`,
    )
  }
  const { max_batch: maxBatch = 0, max_expires: maxExpires = 0, max_bytes: maxBytes = 0, max_waiting: maxWaiting = 0 } = config
  const { priority_policy: policy, priority_groups: groups = [] } = config
  if (groups.length > 0)
    refuse(`priority_groups ${groups.join(', ')} (priority_policy ${policy ?? 'none'})`, 'this read asks as no member of a group')
  const expiresMs = maxExpires > 0 ? Math.min(asked.expiresMs, maxExpires / nanos(1)) : asked.expiresMs
  if (expiresMs < 2 * shortestHeartbeatMs)
    refuse(`max_expires ${expiresMs} ms`, `a request of this read lasts ${2 * shortestHeartbeatMs} ms at least`)
  return {
    settings: {
      batch: maxBatch > 0 ? Math.min(asked.batch, maxBatch) : asked.batch,
      maxBytes: maxBytes > 0 ? Math.min(asked.maxBytes, maxBytes) : asked.maxBytes,
      expiresMs,
      heartbeatMs: Math.min(asked.heartbeatMs, Math.floor(expiresMs / 2)),
    },
    openPulls: maxWaiting > 0 ? maxWaiting : Number.POSITIVE_INFINITY,
    mostBytes: maxBytes > 0 ? maxBytes : null,
  }
}
