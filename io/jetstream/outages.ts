// Outages in the log: a connection that is lost, and that is back, once however many sources and sinks share it.
import type { NatsConnection } from '@nats-io/nats-core'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { SharedConnection } from '../nats/pool.ts'

type Log = HostContext['log']

// The first one still registered writes the lines.
const logs = new WeakMap<NatsConnection, Set<{ readonly log: Log }>>()

/** Logs the outages of a connection. Returns a function that stops it. */
export const logOutages = ({ nc, address, listen }: Pick<SharedConnection, 'nc' | 'address' | 'listen'>, log: Log): (() => void) => {
  const own = { log }
  const all = logs.get(nc) ?? new Set()
  logs.set(nc, all.add(own))
  let lostAt = 0
  const stopListening = listen(event => {
    if (event === 'disconnected') lostAt = Date.now()
    if (all.values().next().value !== own) return
    if (event === 'disconnected') log('warn', `The connection to ${address} was lost: reconnecting`)
    else if (event === 'reconnected') log('info', `The connection to ${address} is back after ${(Date.now() - lostAt) / 1_000} s`)
  })
  return () => {
    stopListening()
    all.delete(own)
  }
}
