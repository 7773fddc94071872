// A task's input channels: the lowest watermark of all, and barriers aligned: what comes behind one waits until all have brought it.
import { Instant } from '../../sdk/model/time.ts'
import type { Message } from './messages.ts'

interface Channel {
  watermark: number
  blocked: boolean
  caughtUp: boolean
  readonly held: Message[]
}

export class Channels {
  readonly #channels = new Map<string, Channel>()
  #epoch: number | null = null
  /** Of no checkpoint up to this one is a barrier waited for. */
  #aborted = -1
  #held = 0

  constructor(names: ReadonlyArray<string>, watermarks: Readonly<Record<string, number>>, caughtUp: ReadonlyArray<string>) {
    for (const name of names)
      this.#channels.set(name, {
        watermark: watermarks[name] ?? Instant.min,
        blocked: false,
        caughtUp: caughtUp.includes(name),
        held: [],
      })
  }

  #get(name: string): Channel {
    const channel = this.#channels.get(name)
    if (channel === undefined) throw new Error(`channels: nothing comes from ${name}`)
    return channel
  }

  /** Keeps the message for later if its channel waits behind a barrier. */
  hold(name: string, message: Message): boolean {
    const channel = this.#get(name)
    if (!channel.blocked) return false
    channel.held.push(message)
    this.#held++
    return true
  }

  advance(name: string, at: number): void {
    const channel = this.#get(name)
    if (at < channel.watermark) throw new Error(`channels: the watermark from ${name} went back from ${channel.watermark} to ${at}`)
    channel.watermark = at
  }

  /** The lowest of these. */
  watermark(names: ReadonlyArray<string>): number {
    let lowest: number = Instant.max
    for (const name of names) lowest = Math.min(lowest, this.#get(name).watermark)
    return lowest
  }

  catchUp(name: string): void {
    this.#get(name).caughtUp = true
  }

  /** Whether all of these have. */
  hasCaughtUp(names: ReadonlyArray<string>): boolean {
    return names.every(name => this.#get(name).caughtUp)
  }

  /** The names of those that have. */
  caughtUp(): ReadonlyArray<string> {
    return [...this.#channels].filter(([, channel]) => channel.caughtUp).map(([name]) => name)
  }

  /** Whether this barrier was the last that was missing; one of a checkpoint that came to nothing may still be on its way. */
  barrier(name: string, epoch: number): boolean {
    if (epoch <= this.#aborted) return false
    if (this.#epoch !== null && this.#epoch !== epoch)
      throw new Error(`channels: barrier ${epoch} from ${name} came during checkpoint ${this.#epoch}`)
    this.#epoch = epoch
    this.#get(name).blocked = true
    for (const channel of this.#channels.values()) if (!channel.blocked) return false
    return true
  }

  /** Opens all channels again; gives what had to wait, in order for each channel. */
  release(): ReadonlyArray<readonly [channel: string, message: Message]> {
    this.#epoch = null
    this.#held = 0
    const waiting: (readonly [string, Message])[] = []
    for (const [name, channel] of this.#channels) {
      channel.blocked = false
      for (const message of channel.held.splice(0)) waiting.push([name, message])
    }
    return waiting
  }

  /** The checkpoint came to nothing, wherever it stands here; gives what had to wait for it. */
  abort(epoch: number): ReturnType<Channels['release']> {
    this.#aborted = epoch
    return this.#epoch === epoch ? this.release() : []
  }

  get heldCount(): number {
    return this.#held
  }

  watermarks(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#channels].map(([name, { watermark }]) => [name, watermark]))
  }
}
