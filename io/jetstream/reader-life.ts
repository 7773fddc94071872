// What all readers of streams share: how they come to be served, again and again, how they end, and whom they tell of a change.
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Link } from './connections.ts'
import { JetStreamIOError, asError } from './errors.ts'
import { patienceMs, pauseMs, persistently, sleep } from './patience.ts'
import { ticking } from './pull-session.ts'

/** Whether something is still being read; failed: it cannot be. */
export type ReaderEnd = { readonly _tag: 'open' } | { readonly _tag: 'complete' } | { readonly _tag: 'failed'; readonly error: Error }

export interface LifePlace {
  readonly link: Link
  readonly context: HostContext
  /** For messages: who reads. */
  readonly label: string
}

export interface LifeHooks {
  /** One attempt to be served. What it rejects with is tried again, but for a JetStreamIOError. */
  readonly attach: () => Promise<void>
  /** It was attached. */
  readonly attached: () => void
  readonly onDisconnected: () => void
  /** Once in a while, while it is served. */
  readonly tick: () => void
  /** For how long nothing has come, though something is there. */
  readonly fruitlessMs: () => number
  /** At its end. */
  readonly release: () => void
}

export class ReaderLife {
  end: ReaderEnd = { _tag: 'open' }
  attaching = false
  readonly closing = new AbortController()
  private readonly o: LifePlace
  private readonly hooks: LifeHooks
  private readonly stopListening: () => void
  private readonly stopTicking: () => void
  private fruitless = 0
  private changed: (() => void) | null = null
  private notifying = false

  constructor(o: LifePlace, hooks: LifeHooks) {
    this.o = o
    this.hooks = hooks
    this.stopListening = o.link.listen(event => {
      if (event === 'disconnected') hooks.onDisconnected()
      else if (event === 'reconnected') this.renew('the connection was made anew')
      else
        this.fail(
          new JetStreamIOError(
            'ServerUnavailable',
            `${o.label}: the connection to ${o.link.address} was closed. Start the run again: it goes on from its checkpoint.`,
          ),
        )
    })
    this.stopTicking = ticking(() => {
      if (this.isServed) hooks.tick()
    })
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

  /** Something came, or the server said that nothing is there. */
  fruitful(): void {
    this.fruitless = 0
  }

  renew(reason: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (!this.isServed) return
    this.o.context.log('info', `${this.o.label}: reading on with a new consumer`, { reason, ...fields })
    void this.attach()
  }

  async attach(): Promise<void> {
    if (this.attaching) return
    this.attaching = true
    try {
      if (this.fruitless > 1) await sleep(pauseMs(this.fruitless), this.closing.signal)
      this.fruitless++
      if (this.hooks.fruitlessMs() > patienceMs && this.fruitless > 10)
        throw new JetStreamIOError(
          'ServerUnavailable',
          `${this.o.label}: for ${patienceMs / 1000} s consumers were made and nothing came, though the server says that something is there. Look at the server's log.`,
        )
      await persistently({ what: this.o.label, signal: this.closing.signal }, this.hooks.attach)
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
