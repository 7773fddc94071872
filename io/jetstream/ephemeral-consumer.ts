// The consumers that readers and scans use: nameless to users, without acks, in memory, and forgotten by the server when unused.
import { AckPolicy, type ConsumerConfig, DeliverPolicy, ReplayPolicy, type StreamInfo } from '@nats-io/jetstream'
import { nuid } from '@nats-io/nats-core'
import type { Link } from './connections.ts'

export const nanos = (ms: number): number => ms * 1_000_000

const inactiveMs = 60_000

const ephemeral = (): Partial<ConsumerConfig> => ({
  name: `jetbeam_${nuid.next()}`,
  ack_policy: AckPolicy.None,
  replay_policy: ReplayPolicy.Instant,
  inactive_threshold: nanos(inactiveMs),
  mem_storage: true,
  num_replicas: 1,
})

/** A name that operators know, for what is a position of its own in any case. */
export interface NamedPosition {
  readonly name: string
  readonly description: string
  /** null: never. */
  readonly inactiveMs: number | null
}

const named = ({ name, description, inactiveMs }: NamedPosition): Partial<ConsumerConfig> => ({
  durable_name: name,
  description,
  ack_policy: AckPolicy.None,
  replay_policy: ReplayPolicy.Instant,
  ...(inactiveMs === null ? {} : { inactive_threshold: nanos(inactiveMs) }),
})

export const consumerFrom = (
  sequence: number,
  filters: ReadonlyArray<string>,
  headersOnly: boolean,
  durable: NamedPosition | null = null,
): Partial<ConsumerConfig> => ({
  ...(durable === null ? ephemeral() : named(durable)),
  deliver_policy: DeliverPolicy.StartSequence,
  opt_start_seq: sequence,
  ...(headersOnly ? { headers_only: true } : {}),
  ...(filters.length === 1 && filters[0] !== undefined
    ? { filter_subject: filters[0] }
    : filters.length > 1
      ? { filter_subjects: [...filters] }
      : {}),
})

export const consumerOfLast = (filter: string): Partial<ConsumerConfig> => ({
  ...ephemeral(),
  deliver_policy: DeliverPolicy.LastPerSubject,
  filter_subject: filter,
  headers_only: true,
})

/** As this stream allows its consumers to be (consumer_limits). */
export const withinLimits = (
  { config: { consumer_limits: limits } }: StreamInfo,
  config: Partial<ConsumerConfig>,
): Partial<ConsumerConfig> => {
  const { inactive_threshold: most = 0 } = limits ?? {}
  const asked = config.inactive_threshold
  return most > 0 && asked !== undefined && asked > most ? { ...config, inactive_threshold: most } : config
}

/** Without waiting for an answer that may never come: what is not heard is forgotten after a minute. */
export const forgetConsumer = (link: Link, stream: string, consumer: string): void => {
  if (link.isConnected()) link.nc.publish(`${link.apiPrefix}.CONSUMER.DELETE.${stream}.${consumer}`)
}
