// The consumers that readers and scans use: nameless to users, without acks, in memory, and forgotten by the server when unused.
import { AckPolicy, type ConsumerConfig, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream'
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

export const consumerFrom = (sequence: number, filters: ReadonlyArray<string>, headersOnly: boolean): Partial<ConsumerConfig> => ({
  ...ephemeral(),
  deliver_policy: DeliverPolicy.StartSequence,
  opt_start_seq: sequence,
  ...(headersOnly ? { headers_only: true } : {}),
  ...(filters.length === 1 && filters[0] !== undefined
    ? { filter_subject: filters[0] }
    : filters.length > 1
      ? { filter_subjects: [...filters] }
      : {}),
})

export const consumerFromTime = (time: number): Partial<ConsumerConfig> => ({
  ...ephemeral(),
  deliver_policy: DeliverPolicy.StartTime,
  opt_start_time: new Date(time).toISOString(),
})

export const consumerOfLast = (filter: string): Partial<ConsumerConfig> => ({
  ...ephemeral(),
  deliver_policy: DeliverPolicy.LastPerSubject,
  filter_subject: filter,
  headers_only: true,
})

/** Without waiting for an answer that may never come: what is not heard is forgotten after a minute. */
export const forgetConsumer = (link: Link, stream: string, consumer: string): void => {
  if (link.isConnected()) link.nc.publish(`${link.apiPrefix}.CONSUMER.DELETE.${stream}.${consumer}`)
}
