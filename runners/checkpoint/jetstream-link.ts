// A connection to the server that keeps checkpoints. Every question is asked again while the server is away, and for so long only.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { headers as makeHeaders } from '@nats-io/nats-core'
import { apiTimeoutMs } from '../../io/nats/dial.ts'
import { type SharedConnection, share } from '../../io/nats/pool.ts'
import { type BindingLookup, apiPrefixOf } from '../../io/nats/settings.ts'
import { PublishRefused, ServerAway, isTransient, storeError } from './jetstream-error.ts'

export interface LinkOptions {
  readonly binding: BindingLookup
  readonly connection: string | undefined
  readonly stream: string
  /** Which connection of the process. Default: that of checkpoints. */
  readonly lane?: 'checkpoint' | 'write' | undefined
  /** For how long a server may be away before what was asked for fails. */
  readonly patienceMs: number
}

export interface Link {
  readonly stream: string
  /** For messages. */
  readonly address: string
  readonly jsm: JetStreamManager
  /** In bytes: what one message may have. */
  readonly maxPayload: number
  readonly patienceMs: number
  /** Once; rejects with a PublishRefused, or with what `isTransient` knows. Gives the message's sequence. */
  readonly publish: (subject: string, payload: Uint8Array, expectedLast?: number) => Promise<number>
  /** Once, and not beyond a loss of the connection. */
  readonly once: <A>(attempt: () => Promise<A>) => Promise<A>
  /** Again and again while the server is away; rejects with a CheckpointError. `doing` completes "could not …". */
  readonly patiently: <A>(doing: string, attempt: () => Promise<A>, budgetMs?: number) => Promise<A>
  /** At most so many pieces are on their way at once, of all that this connection carries: `enter` waits for room. */
  readonly window: { readonly enter: () => Promise<void>; readonly leave: () => void }
  readonly close: () => Promise<void>
}

const piecesOnTheirWay = 16
/** A piece of 128 KiB takes its time on a slow line. */
const publishTimeoutMs = 10_000
const longestPauseMs = 1_000

export const placeOf = (link: Pick<Link, 'stream' | 'address'>): string => `the stream ${link.stream} at ${link.address}`

/** Rejects with a CheckpointError. */
export const connectLink = async ({ binding, connection, stream, lane = 'checkpoint', patienceMs }: LinkOptions): Promise<Link> => {
  const shared = await share(binding, connection, lane).catch((error: unknown) => {
    throw storeError('reach the server', `the stream ${stream}`, error)
  })
  const { nc, address, settings } = shared
  const jsm = await jetstreamManager(nc, { timeout: apiTimeoutMs, checkAPI: false, apiPrefix: apiPrefixOf(settings) })
  const watch = watchConnection(shared)
  const once = <A>(attempt: () => Promise<A>): Promise<A> => watch.whileConnected(attempt)
  return {
    stream,
    address,
    jsm,
    maxPayload: nc.info?.max_payload ?? 1_048_576,
    patienceMs,
    once,
    publish: (subject, payload, expectedLast) =>
      once(async () => {
        const headers = makeHeaders()
        headers.set('Nats-Expected-Stream', stream)
        if (expectedLast !== undefined) headers.set('Nats-Expected-Last-Subject-Sequence', String(expectedLast))
        const { data } = await nc.request(subject, payload, { headers, timeout: Math.min(publishTimeoutMs, patienceMs) })
        return sequenceIn(data)
      }),
    patiently: async (doing, attempt, budgetMs = patienceMs) => {
      const since = performance.now()
      for (let n = 0; ; n++) {
        try {
          return await once(attempt)
        } catch (error) {
          if (!isTransient(error) || performance.now() - since > budgetMs) throw storeError(doing, placeOf({ stream, address }), error)
          await pauseBefore(n)
        }
      }
    },
    window: windowOf(piecesOnTheirWay),
    close: async () => {
      watch.stop()
      await shared.release()
    },
  }
}

/** With growing pauses: after attempt `n`, counted from 0. */
export const pauseBefore = (n: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, Math.min(longestPauseMs, 25 * 2 ** Math.min(n, 10))))

const sequenceIn = (answer: Uint8Array): number => {
  const { error, seq } = JSON.parse(new TextDecoder().decode(answer)) as {
    readonly seq?: number
    readonly error?: { readonly code?: number; readonly err_code?: number; readonly description?: string }
  }
  if (error !== undefined) throw new PublishRefused(error.code ?? 0, error.err_code ?? 0, error.description ?? 'no reason given')
  if (seq === undefined) throw new PublishRefused(0, 0, 'the answer has no sequence')
  return seq
}

/** A request whose connection is cut is never answered: it fails when the connection does. */
const watchConnection = ({ nc, address, isConnected, listen }: SharedConnection) => {
  const waiting = new Set<(error: Error) => void>()
  let away = !isConnected()
  const stop = listen(event => {
    away = event !== 'reconnected'
    if (away) for (const reject of [...waiting]) reject(new ServerAway(`the connection to ${address} was lost`))
  })
  return {
    stop,
    whileConnected: <A>(attempt: () => Promise<A>): Promise<A> => {
      // What is published now would be sent whenever the server is back.
      if (away && !nc.isClosed()) return Promise.reject(new ServerAway(`there is no connection to ${address}`))
      return new Promise((resolve, reject) => {
        waiting.add(reject)
        attempt()
          .then(resolve, reject)
          .finally(() => waiting.delete(reject))
      })
    },
  }
}

const windowOf = (size: number): Link['window'] => {
  let free = size
  const queue: Array<() => void> = []
  return {
    enter: async () => {
      if (free > 0) free--
      else await new Promise<void>(resolve => queue.push(resolve))
    },
    leave: () => {
      const next = queue.shift()
      if (next === undefined) free++
      else next()
    },
  }
}
