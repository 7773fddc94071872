// What all readers of streams share: how they come to be served, again and again, how they end, and whom they tell of a change.
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Link } from './connections.ts'
import { JetStreamIOError, asError } from './errors.ts'
import { persistently, sleep, unavailable } from './patience.ts'
import { ticking } from './pull-session.ts'
import { Renewals } from './renewals.ts'
import { RestartBudget } from './restart-budget.ts'

/** Whether something is still being read; failed: it cannot be. */
export type ReaderEnd = { readonly _tag: 'open' } | { readonly _tag: 'complete' } | { readonly _tag: 'failed'; readonly error: Error }

export interface LifePlace {
  readonly link: Link
  readonly context: HostContext
  /** For messages: who reads. */
  readonly label: string
  /** Who else may read on at the same moment; nobody unless given. */
  readonly renewals?: Renewals | undefined
}

export interface LifeHooks {
  /** One attempt to be served. What it rejects with is tried again, but for a JetStreamIOError. */
  readonly attach: () => Promise<void>
  /** It was attached. */
  readonly attached: () => void
  readonly onDisconnected: () => void
  /** Once in a while, while it is served. */
  readonly tick: () => void
  /** Nothing has come, twice. */
  readonly inVain: () => void
  /** At its end. */
  readonly release: () => void
}

/** The reader, once it is served; what cannot be is closed. */
export const begun = async <R extends { readonly start: () => Promise<void>; readonly close: () => Promise<void> }>(
  reader: R,
): Promise<R> => {
  try {
    await reader.start()
  } catch (error) {
    await reader.close()
    throw error
  }
  return reader
}

export class ReaderLife {
  end: ReaderEnd = { _tag: 'open' }
  attaching = false
  /** How often it was doubted, and served anew. */
  renewed = 0
  readonly closing = new AbortController()
  private readonly o: LifePlace
  private readonly hooks: LifeHooks
  private readonly stopListening: () => void
  private readonly stopTicking: () => void
  private readonly restarts: RestartBudget
  private readonly renewals: Renewals
  private changed: (() => void) | null = null
  private notifying = false

  constructor(o: LifePlace, hooks: LifeHooks) {
    this.o = o
    this.hooks = hooks
    this.stopListening = o.link.listen(event => {
      if (event === 'disconnected') hooks.onDisconnected()
      else if (event === 'reconnected') this.renew('the connection was made anew')
      else this.fail(o.link.whyClosed(o.label))
    })
    this.renewals = o.renewals ?? new Renewals(o.label, o.context.log)
    this.restarts = new RestartBudget(o.link.patienceMs, Date.now())
    this.stopTicking = ticking(() => this.tick())
  }

  /** 1 while the connection is down, else 0. */
  get disconnected(): number {
    return Number(!this.o.link.isConnected())
  }

  get isOpen(): boolean {
    return this.end._tag === 'open'
  }

  get isServed(): boolean {
    return this.isOpen && !this.attaching
  }

  onChange(callback: () => void): void {
    this.changed = callback
  }

  /** One microtask after a frame's first message: whoever polls then gets the whole frame. */
  notify(): void {
    if (this.notifying || this.changed === null) return
    this.notifying = true
    queueMicrotask(() => {
      this.notifying = false
      this.changed?.()
    })
  }

  private tick(): void {
    const { link, label } = this.o
    const now = Date.now()
    this.restarts.look(now)
    if (!this.isServed) return
    const away = link.awaySince()
    if (away === null) return this.hooks.tick()
    // It comes back by itself, and tells.
    if (now - away > link.patienceMs) this.fail(unavailable(label, link.patienceMs, new Error(`not connected to ${link.address}`)))
  }

  /** Something came, or there is a consumer that has nothing to send. */
  fruitful(): void {
    this.restarts.progress()
  }

  /** The server said that nothing is there. */
  caughtUp(at: number): void {
    this.restarts.caughtUp(at)
  }

  renew(reason: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (!this.isServed) return
    this.renewed++
    this.renewals.add({ reason, ...fields })
    void this.attach()
  }

  async attach(): Promise<void> {
    if (this.attaching) return
    this.attaching = true
    try {
      const { label, link } = this.o
      const pause = this.restarts.next(Date.now())
      if (pause === null)
        throw new JetStreamIOError(
          'ReaderStalled',
          `${label}: for ${link.patienceMs / 1000} s it began again and again, and nothing came, though the server says that something is there. Look at the server's log.`,
        )
      if (pause > 0) {
        this.hooks.inVain()
        await sleep(pause, this.closing.signal)
      }
      await persistently({ what: label, signal: this.closing.signal, link }, this.hooks.attach)
    } catch (error) {
      this.fail(asError(error))
    } finally {
      this.attaching = false
    }
    this.hooks.attached()
  }

  /** Rejects with what it has failed with. */
  async begin(): Promise<void> {
    await this.attach()
    if (this.end._tag === 'failed') throw this.end.error
  }

  complete(): void {
    this.endAs({ _tag: 'complete' })
  }

  fail(error: Error): void {
    this.endAs({ _tag: 'failed', error })
  }

  /** Even one that had received everything. */
  failLate(error: Error): void {
    if (this.end._tag === 'complete') this.end = { _tag: 'open' }
    this.fail(error)
  }

  close(): void {
    this.changed = null
    this.closing.abort()
    if (this.isOpen) this.endAs({ _tag: 'complete' })
    else this.release()
  }

  private endAs(end: ReaderEnd): void {
    if (!this.isOpen) return
    this.end = end
    this.release()
    this.notify()
  }

  private release(): void {
    this.stopTicking()
    this.stopListening()
    this.hooks.release()
  }
}
