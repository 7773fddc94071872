// Outputs that are sent once, and nobody asks whether they arrived: what may be lost on the way is counted and told.
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { OutputBatch } from '../../sdk/graph/sink.ts'
import type { Refused } from '../nats/problem.ts'
import type { Link } from './connections.ts'
import { errorText, notPermitted } from './errors.ts'
import { WireHeaders } from './outgoing-headers.ts'
import { publishRejected } from './publish-rejected.ts'
import { persistently } from './patience.ts'
import { endOfBatch, type Window } from './publisher-options.ts'

export interface SendPlace {
  readonly link: Link
  readonly label: string
  readonly context: Pick<HostContext, 'log' | 'signal' | 'lease'>
  readonly window: Window
}

export class SendOnce {
  readonly #o: SendPlace
  readonly #wire = new WireHeaders()

  constructor(o: SendPlace) {
    this.#o = o
  }

  /** Gives how many the server has read. Rejects with PublishRejected for a row that no server would take, NotPermitted for one that this user may not publish, and where no server is there. */
  async send(outputs: OutputBatch): Promise<number> {
    const { link } = this.#o
    const refusals: Refused[] = []
    const stop = link.onRefused(refused => {
      if (refused.operation === 'publish' && outputs.destinations.includes(refused.subject)) refusals.push(refused)
    })
    try {
      return await this.#sendAll(outputs, refusals)
    } finally {
      stop()
    }
  }

  async #sendAll(outputs: OutputBatch, refusals: ReadonlyArray<Refused>): Promise<number> {
    const { link, label, context, window } = this.#o
    let arrived = 0
    for (let from = 0; from < outputs.payloads.length;) {
      const to = endOfBatch(outputs, from, window.messages, window.bytes)
      await this.#connected()
      for (let i = from; i < to; i++) this.#publish(outputs, i)
      try {
        await link.nc.flush()
        // What the server refuses comes before its answer to this, and is passed on a little later.
        await new Promise<void>(resolve => setImmediate(resolve))
        arrived += to - from
      } catch (error) {
        if (link.nc.isClosed()) throw link.whyClosed(label)
        context.log('warn', `${label}: outputs may be lost`, { count: to - from, reason: errorText(error) })
      }
      const [refused] = refusals
      if (refused !== undefined) throw notPermitted(label, refused)
      from = to
    }
    return arrived
  }

  #publish({ destinations, payloads, headers }: OutputBatch, i: number): void {
    const { link, label } = this.#o
    const [subject = '', payload = new Uint8Array(0)] = [destinations[i], payloads[i]]
    const own = this.#wire.of(headers[i] ?? null, null)
    try {
      link.nc.publish(subject, payload, own === null ? {} : { headers: own })
    } catch (error) {
      if (link.nc.isClosed()) throw link.whyClosed(label)
      throw publishRejected(label, { subject, payload }, link.nc.info, error)
    }
  }

  /** Without a server the client would keep all it is given. */
  #connected(): Promise<void> {
    const { link, label, context } = this.#o
    return persistently({ what: label, signal: context.signal, link, lease: context.lease }, () => {
      if (link.isConnected()) return Promise.resolve()
      throw link.nc.isClosed() ? link.whyClosed(label) : new Error(`not connected to ${link.address}`)
    })
  }
}
