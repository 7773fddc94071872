// Ways to disturb servers without losing one for good, each with the sign that it had its effect: a round without it shows nothing.
import type { NatsConnection } from '@nats-io/nats-core'
import type { RunningCluster, RunningServer } from 'jetbeam/testing/nats-server'
import type { TcpProxy } from '../support/tcp-proxy.ts'
import { cutScan } from './cut-scan.ts'
import type { Feed } from './feed.ts'
import type { PipelineName } from './kills.ts'
import { followerLags, leaderStops, queueLeaderLags, rollingRestart } from './lagging-replica.ts'
import { olderStore } from './older-store.ts'
import { consumerPaused } from './paused-consumer.ts'
import type { Victim } from './victim.ts'

export type Disturbance =
  'followerStops' | 'leaderStops' | 'followerRestarts' | 'rollingRestart' | 'cutScan' | 'olderStore' | 'consumerPaused'

/** Attempts until one has an effect. */
export const attempts = 4

/** Those of a cluster, or those of a single server. */
export const disturbancesOf = (pipeline: PipelineName, servers: 1 | 3): ReadonlyArray<Disturbance> => {
  if (pipeline === 'lateRelay') return []
  const paused = pipeline === 'queue' ? (['consumerPaused'] as const) : []
  return servers === 1
    ? ['cutScan', 'olderStore', ...paused]
    : ['followerStops', 'leaderStops', 'followerRestarts', 'rollingRestart', ...paused]
}

export interface Disturbed {
  readonly kind: Disturbance
  /** Whether it had the effect that it was to have. */
  readonly bitten: boolean
}

export interface DisturbedPlace {
  readonly pipeline: PipelineName
  /** null: a single server. */
  readonly cluster: RunningCluster | null
  /** The single server; one of the cluster. */
  readonly server: RunningServer
  /** Between the pipeline and a single server. */
  readonly proxy: TcpProxy | null
  /** The feed's connection. */
  readonly nc: NatsConnection
  readonly feed: Feed
  readonly victim: Victim
  /** From 0 up to 1. */
  readonly random: () => number
  readonly note: (what: string) => void
}

export const disturb = async (kind: Disturbance, place: DisturbedPlace): Promise<Disturbed> => ({
  kind,
  bitten: await effectOf(kind, place),
})

const effectOf = (kind: Disturbance, place: DisturbedPlace): Promise<boolean> => {
  const lags = place.pipeline === 'queue' ? queueLeaderLags : followerLags
  switch (kind) {
    case 'followerStops':
      return lags(place, 'stop')
    case 'followerRestarts':
      return lags(place, 'kill')
    case 'leaderStops':
      return leaderStops(place)
    case 'rollingRestart':
      return rollingRestart(place)
    case 'cutScan':
      return cutScan(place)
    case 'olderStore':
      return olderStore(place)
    case 'consumerPaused':
      return consumerPaused(place)
  }
}

const names: Readonly<Record<Disturbance, string>> = {
  followerStops: 'a follower that is stopped (SIGSTOP) and wakes',
  leaderStops: 'a leader that is stopped (SIGSTOP) and wakes',
  followerRestarts: 'a follower that restarts and catches up',
  rollingRestart: 'a rolling restart',
  cutScan: 'a cut inside a scan or listing',
  olderStore: 'a server that comes back with an older store',
  consumerPaused: 'a paused consumer',
}

/** Figures as a line has them: `2 of 3 with a rolling restart`, of which only the first count. */
export const describeDisturbed = (disturbed: ReadonlyArray<Disturbed>): string =>
  (Object.keys(names) as ReadonlyArray<Disturbance>) // of a constant: it has no other keys
    .map(kind => [disturbed.filter(each => each.kind === kind), names[kind]] as const)
    .filter(([tried]) => tried.length > 0)
    .map(([tried, name]) => `${tried.filter(({ bitten }) => bitten).length} of ${tried.length} with ${name}`)
    .join(', ')
