// A source that a test fills while it is read, and a sink that remembers what reached it: real ends in memory.
import { apply, leaf, type PCollection, type PDone } from '../../../sdk/graph/pcollection.ts'
import type { ConnectedSink, OutputBatch, Sink } from '../../../sdk/graph/sink.ts'
import type { Source } from '../../../sdk/splittable/source.ts'

export interface Item {
  readonly key: string
  readonly n: number
  readonly at: number
}

/** Kept by position, so that it can be read again from anywhere. */
export class Feed {
  readonly #items: Item[] = []
  readonly #listeners = new Set<() => void>()
  #ended = false
  readonly #saysIdle: boolean
  readonly #replayable: boolean
  failWith: Error | null = null
  /** The next to connect is turned away. */
  isAway = false

  /** `saysIdle`: when everything was read, as a server does that has nothing pending. `replayable`: unless told otherwise, it is. */
  constructor(o: { readonly saysIdle?: boolean; readonly replayable?: boolean } = {}) {
    this.#saysIdle = o.saysIdle ?? false
    this.#replayable = o.replayable ?? true
  }

  push(...items: ReadonlyArray<Item>): this {
    this.#items.push(...items)
    return this.#tell()
  }

  end(): this {
    this.#ended = true
    return this.#tell()
  }

  fail(error: Error): this {
    this.failWith = error
    return this.#tell()
  }

  #tell(): this {
    for (const listener of this.#listeners) listener()
    return this
  }

  read(name = 'feed'): PCollection<Item> {
    const items = this.#items
    const source: Source<Item> = {
      urn: 'test:feed',
      label: name,
      isBounded: false,
      identity: { name },
      replayable: this.#replayable,
      connect: () => {
        if (this.isAway) {
          this.isAway = false
          return Promise.reject(new Error('the feed is away'))
        }
        return Promise.resolve({
          resolve: () => Promise.resolve([{ id: '0', range: { from: 0, to: null }, count: null, detail: null }]),
          open: (_, progress) => {
            let next = progress.last === null ? 0 : progress.last + 1
            let heard: (() => void) | null = null
            return Promise.resolve({
              poll: (most: number) => {
                const values = items.slice(next, next + most)
                if (values.length === 0) return null
                const positions = values.map((_, i) => next + i)
                next += values.length
                return { values, positions, bytes: values.length, note: null }
              },
              status: () => {
                if (this.failWith !== null) return { _tag: 'failed', error: this.failWith } as const
                if (next < items.length) return { _tag: 'reading' } as const
                if (this.#ended) return { _tag: 'done' } as const
                return this.#saysIdle ? ({ _tag: 'idle', since: Date.now() } as const) : ({ _tag: 'reading' } as const)
              },
              lag: () => items.length - next,
              onChange: (callback: () => void) => {
                if (heard !== null) this.#listeners.delete(heard)
                heard = callback
                this.#listeners.add(callback)
              },
              truncate: () => undefined,
              close: () => {
                if (heard !== null) this.#listeners.delete(heard)
                return Promise.resolve()
              },
            })
          },
          guarantee: () => 'held in memory',
          close: () => Promise.resolve(),
        })
      },
    }
    const watermark = { _tag: 'WatermarkPolicy', outOfOrdernessMs: 0, idleAfterMs: null } as const
    return apply<Item>(
      { _tag: 'Read', source, decode: (item: Item) => item, timestamp: (item: Item) => item.at, movesWatermark: null, watermark },
      [],
      { kind: 'feed', name },
    )
  }
}

/** What a sink has published, by name: it outlives the runs that write to it. */
export class Journal {
  readonly #rows = new Map<string, string>()
  onCommit: (() => Promise<void>) | null = null

  values(): ReadonlyArray<unknown> {
    return [...this.#rows.values()].map(text => JSON.parse(text) as unknown)
  }

  write(name = 'journal', o: { readonly immediate?: boolean } = {}): (pc: PCollection<unknown>) => PDone {
    const encode = (value: unknown, out: OutputBatch): void => {
      out.destinations.push(name)
      out.headers.push(null)
      out.payloads.push(new TextEncoder().encode(JSON.stringify(value)))
    }
    const keep = (id: (row: number) => string, outputs: OutputBatch): void =>
      outputs.payloads.forEach((payload, i) => {
        if (!this.#rows.has(id(i))) this.#rows.set(id(i), new TextDecoder().decode(payload))
      })
    const connected: ConnectedSink = {
      protocol: null,
      guarantee: 'kept in memory, by name',
      publish: (origin, outputs) => keep(i => `${origin} ${outputs.positions[i]} ${outputs.ordinals[i]}`, outputs),
      congested: () => false,
      onReady: () => undefined,
      failure: () => null,
      flush: () => Promise.resolve(null),
      commit: async ({ shard, generation, epoch }, outputs) => {
        await this.onCommit?.()
        keep(i => `${shard} ${generation} ${epoch} ${i}`, outputs)
      },
      close: () => Promise.resolve(),
      metrics: () => ({ rows: this.#rows.size }),
    }
    const sink: Sink<unknown> = {
      urn: 'test:journal',
      label: name,
      identity: { name },
      delivery: 'exactlyOnce',
      immediate: o.immediate ?? true,
      parallel: false,
      needsDurableCheckpoints: false,
      encode,
      connect: () => Promise.resolve(connected),
    }
    return pc => leaf({ _tag: 'Write', sink }, pc, { kind: 'journal', name })
  }
}

/** Until it holds; a test's own time limit ends it otherwise. */
export const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 2))
}
