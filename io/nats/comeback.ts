// How long a client waits before it tries a server again, as its connection goes on failing.
import type { NatsConnection } from '@nats-io/nats-core'
import { doublingMs } from './backoff.ts'

export interface Waits {
  readonly firstMs: number
  readonly longestMs: number
  /** At most so much more. */
  readonly jitterMs: number
}

export interface Comeback {
  readonly delay: () => number
  readonly follow: (nc: NatsConnection) => Promise<void>
}

/** The client asks `delay` more than once an attempt: the answer changes with the attempts that `follow` sees. */
export const comeback = ({ firstMs, longestMs, jitterMs }: Waits): Comeback => {
  let attempts = 0
  let pause = firstMs
  const stand = (n: number): void => {
    attempts = n
    pause = doublingMs(Math.max(0, n - 1), firstMs, longestMs) + Math.random() * jitterMs
  }
  stand(0)
  return {
    delay: (): number => pause,
    follow: async (nc: NatsConnection): Promise<void> => {
      for await (const { type } of nc.status()) {
        if (type === 'reconnecting') stand(attempts + 1)
        else if (type === 'reconnect') stand(0)
        else if (type === 'close') return
      }
    },
  }
}
