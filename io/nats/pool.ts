// The connections of this process or worker thread: one for each lane and settings, shared and counted by all who name them. One stays as
// long as anybody holds it, so what a reader leaves behind it (an acknowledgment, a consumer to forget) still has a way out; the last to
// let go drains it. A connection that was handed in is shared in the same way and left open.
import { type NatsConnection, PermissionViolationError } from '@nats-io/nats-core'
import type { HostContext } from '../../sdk/model/bindings.ts'
import { shownServers } from './address.ts'
import { dial } from './dial.ts'
import { ConnectionProblem, type Refused } from './problem.ts'
import { type ConnectionSettings, type ConnectionSpecifics, resolveConnection } from './settings.ts'

/** Acknowledgments of what is written would wait behind all that was asked for to read: each has a connection of its own. */
export type Lane = 'read' | 'write' | 'checkpoint'

export type ConnectionEvent = 'disconnected' | 'reconnected' | 'closed'

/** A connection of this process or worker thread, and how many hold it. */
export interface OpenConnection {
  /** Where it leads. */
  readonly address: string
  /** What it carries; 'any': it was handed in. */
  readonly lane: Lane | 'any'
  /** How many sources, sinks and checkpoint stores hold it: from 1. */
  readonly users: number
  /** False while it looks for a server. */
  readonly isConnected: boolean
}

/** A share of a connection. */
export interface SharedConnection {
  readonly nc: NatsConnection
  /** Where it leads, for messages. */
  readonly address: string
  readonly settings: ConnectionSpecifics
  readonly isConnected: () => boolean
  /** Since when it is not connected, in milliseconds of this machine's clock; null while it is. */
  readonly awaySince: () => number | null
  /** Gives what ends the listening. */
  readonly listen: (listener: (event: ConnectionEvent) => void) => () => void
  /** Calls back when the server says, beside its answers, that something is not allowed. Gives what ends it. */
  readonly onRefused: (listener: (refused: Refused) => void) => () => void
  /** Why it was closed; null: because somebody closed it, or not at all. */
  readonly closedBy: () => Error | null
  /** Drains and closes the connection if nobody else holds it and it is ours. */
  readonly release: () => Promise<void>
}

/** How long the last to let go waits for what is still on its way out. */
const drainMs = 2_000

class Watched {
  readonly nc: NatsConnection
  readonly listeners = new Set<(event: ConnectionEvent) => void>()
  readonly refusals = new Set<(refused: Refused) => void>()
  awaySince: number | null = null
  closedBy: Error | null = null

  constructor(nc: NatsConnection) {
    this.nc = nc
    void this.follow()
  }

  get isConnected(): boolean {
    return this.awaySince === null && !this.nc.isClosed()
  }

  private tell(event: ConnectionEvent): void {
    this.awaySince = event === 'reconnected' ? null : (this.awaySince ?? Date.now())
    for (const listener of [...this.listeners]) listener(event)
  }

  private async follow(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === 'error' && status.error instanceof PermissionViolationError)
        for (const listener of [...this.refusals]) listener(status.error)
      else if (status.type === 'disconnect') this.tell('disconnected')
      else if (status.type === 'reconnect') this.tell('reconnected')
      else if (status.type === 'close') break
    }
    this.closedBy = (await this.nc.closed()) ?? null
    this.tell('closed')
  }
}

interface Lease {
  readonly address: string
  readonly lane: OpenConnection['lane']
  readonly opening: Promise<Watched>
  opened: Watched | null
  users: number
}

// Process-wide by intent: they hold no behaviour. By settings, so that ten sinks of one pipeline, or of two, are one connection.
const leases = new Map<string | NatsConnection, Lease>()
// One that was handed in may come again, in the next run: it is watched once.
const watching = new WeakMap<NatsConnection, Watched>()

/** Connects, or joins who already did. Rejects with a ConnectionProblem. */
export const share = async (binding: HostContext['binding'], name: string | undefined, lane: Lane): Promise<SharedConnection> => {
  const target = resolveConnection(binding, name)
  if (!('servers' in target) && target.isClosed())
    throw new ConnectionProblem(
      'CannotConnect',
      'JetStreamIO.existingConnection: the connection was closed. Hand in one that is open until the run has ended.',
    )
  return 'servers' in target
    ? join(JSON.stringify({ target, lane }), target, () => newLease(shownServers(target.servers), lane, dialled(target)), drained)
    : join(
        target,
        settingsOf(target),
        () => newLease(shownServers([target.getServer()]), 'any', Promise.resolve(watchedOnce(target))),
        leftOpen,
      )
}

/** What is open in this process or worker thread. */
export const openConnections = (): ReadonlyArray<OpenConnection> =>
  [...leases.values()].map(({ address, lane, users, opened }) => ({ address, lane, users, isConnected: opened?.isConnected ?? false }))

const join = async (
  key: string | NatsConnection,
  settings: ConnectionSpecifics,
  make: () => Lease,
  end: (watched: Watched) => Promise<void>,
): Promise<SharedConnection> => {
  const open = leases.get(key)
  // Those who hold one that closed for good learn of it; whoever comes now needs another.
  const lease = open === undefined || open.opened?.nc.isClosed() === true ? make() : open
  leases.set(key, lease)
  lease.users++
  let released = false
  const release = async (): Promise<void> => {
    if (released) return
    released = true
    lease.users--
    if (lease.users > 0) return
    if (leases.get(key) === lease) leases.delete(key)
    if (lease.opened !== null) await end(lease.opened)
  }
  try {
    const watched = await lease.opening
    lease.opened = watched
    return {
      nc: watched.nc,
      address: lease.address,
      settings,
      isConnected: () => watched.isConnected,
      awaySince: () => watched.awaySince,
      closedBy: () => watched.closedBy,
      listen: listener => {
        watched.listeners.add(listener)
        return () => watched.listeners.delete(listener)
      },
      onRefused: listener => {
        watched.refusals.add(listener)
        return () => watched.refusals.delete(listener)
      },
      release,
    }
  } catch (error) {
    await release()
    throw error
  }
}

const newLease = (address: string, lane: Lease['lane'], opening: Promise<Watched>): Lease => ({
  address,
  lane,
  opening,
  opened: null,
  users: 0,
})

const dialled = async (settings: ConnectionSettings): Promise<Watched> => new Watched(await dial(settings))

/** Both families of clients keep what they were made with, though their types do not say so. */
const settingsOf = (nc: NatsConnection & { readonly options?: unknown }): ConnectionSpecifics => {
  const { options } = nc
  return typeof options === 'object' && options !== null && 'inboxPrefix' in options && typeof options.inboxPrefix === 'string'
    ? { inboxPrefix: options.inboxPrefix }
    : {}
}

const watchedOnce = (nc: NatsConnection): Watched => {
  const watched = watching.get(nc) ?? new Watched(nc)
  watching.set(nc, watched)
  return watched
}

const leftOpen = (): Promise<void> => Promise.resolve()

/** `close` alone would forget what the client has not yet given to its socket. Without a server there is nobody to wait for. */
const drained = async ({ nc, isConnected }: Watched): Promise<void> => {
  if (isConnected) await atMost(drainMs, nc.drain())
  await nc.close()
}

const atMost = (ms: number, work: Promise<void>): Promise<void> =>
  new Promise(resolve => {
    const timer = setTimeout(resolve, ms)
    const end = (): void => {
      clearTimeout(timer)
      resolve()
    }
    work.then(end, end)
  })
