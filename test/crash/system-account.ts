// What only the system account of a cluster reports: which server leads JetStream, and which servers the pipeline is connected to.
import { connect } from '@nats-io/transport-node'
import type { RunningCluster } from 'jetbeam/testing/nats-server'
import { until } from './stream-state.ts'

/** For a cluster whose tests ask its system account; clients without a user have the other account. */
export const withSystemAccount = {
  accounts: {
    SYS: { users: [{ user: 'system', password: 'system' }] },
    APP: { jetstream: 'enabled', users: [{ user: 'app', password: 'app' }] },
  },
  system_account: 'SYS',
  no_auth_user: 'app',
} as const

interface Answer {
  readonly server: { readonly name: string }
  readonly data: {
    readonly meta_cluster?: { readonly leader?: string }
    readonly connections?: ReadonlyArray<{ readonly name?: string }>
  }
}

export interface Roles {
  readonly metaLeader: string
  /** Connections of the pipeline, by server. */
  readonly connections: ReadonlyMap<string, number>
}

/** How Jetbeam names its connections. */
const connectionName = 'jetbeam'
const answersMs = 2_000

/** A server that has just come back may not be asked yet. */
export const rolesIn = (cluster: RunningCluster): Promise<Roles> =>
  until('the roles of the servers', () => askRoles(cluster).catch(() => null))

const askRoles = async (cluster: RunningCluster): Promise<Roles> => {
  const nc = await connect({ servers: cluster.url.split(','), user: 'system', pass: 'system' })
  try {
    const ask = async (what: string): Promise<ReadonlyArray<Answer>> => {
      const answers: Answer[] = []
      const options = { maxMessages: cluster.servers.length, maxWait: answersMs, strategy: 'count' } as const
      for await (const message of await nc.requestMany(`$SYS.REQ.SERVER.PING.${what}`, '{}', options)) answers.push(message.json<Answer>())
      return answers
    }
    const [jetStream, connections] = await Promise.all([ask('JSZ'), ask('CONNZ')])
    return {
      metaLeader: jetStream.find(({ data }) => (data.meta_cluster?.leader ?? '') !== '')?.data.meta_cluster?.leader ?? '',
      connections: new Map(
        connections.map(({ server, data }) => [server.name, (data.connections ?? []).filter(({ name }) => name === connectionName).length]),
      ),
    }
  } finally {
    await nc.close()
  }
}

/** Moves the leadership of JetStream to one of the other servers. */
export const stepDownMeta = async (cluster: RunningCluster, preferred: string): Promise<void> => {
  const nc = await connect({ servers: cluster.url.split(','), user: 'system', pass: 'system' })
  try {
    await nc.request('$JS.API.META.LEADER.STEPDOWN', JSON.stringify({ placement: { preferred } }), { timeout: answersMs }).catch(() => null)
  } finally {
    await nc.close()
  }
}
