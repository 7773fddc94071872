// A test's own connection to servers that it kills.
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'

/** For a server that dies while it greets its client, a client waits as long as a connection may take: 20 s unless told. */
const greetingMs = 2_500
const answerMs = 1_000
const pauseMs = 50

/** Comes back soon after its servers do, however often they are killed. `servers`: addresses with commas between. */
export const steadyConnection = (servers: string): Promise<NatsConnection> =>
  connect({
    servers: servers.split(','),
    noAsyncTraces: true,
    timeout: greetingMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: pauseMs,
    waitOnFirstConnect: true,
  })

/** Until JetStream answers: what is sent while a connection is cut is lost, and its request waits for nothing. */
export const whenBack = async (nc: NatsConnection): Promise<void> => {
  for (;;)
    try {
      await jetstreamManager(nc, { timeout: answerMs })
      return
    } catch (error) {
      if (nc.isClosed()) throw error
      await new Promise(resolve => setTimeout(resolve, pauseMs))
    }
}
