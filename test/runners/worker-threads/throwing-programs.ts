// Pipelines in which a method that nobody expects to throw does: a reader's, a sink's, an empty accumulator's, an error's own message.
import * as z from 'zod'
import {
  Combine,
  CombineFn,
  Create,
  PCollection,
  Pipeline,
  pipe,
  Splittable,
  Instant,
  type Source,
  type SplitReader,
} from '../../../sdk/index.ts'
import { leaf, type PCollection as Elements, type PDone } from '../../../sdk/graph/pcollection.ts'
import type { ConnectedSink, OutputBatch, Sink } from '../../../sdk/graph/sink.ts'
import { numberSource } from '../../support/number-source.ts'

export const readerMethods = ['poll', 'status', 'lag', 'lagMs', 'metrics', 'close'] as const
export const sinkMethods = ['publish', 'congested', 'failure', 'flush', 'metrics', 'close'] as const

const broken = (what: string) => (): never => {
  throw new Error(`${what} is broken`)
}

const sourceWith = (method: (typeof readerMethods)[number]): Source<number> => {
  // Only a reader that is done is closed in a run that ends well; the others are asked until they throw.
  const isBounded = method === 'close'
  const source = numberSource({ label: 'numbers', isBounded, rangesOf: () => [{ from: 0, to: isBounded ? 10 : null }] })
  return {
    ...source,
    connect: async context => {
      const connected = await source.connect(context)
      const open = async (...opening: Parameters<typeof connected.open>): Promise<SplitReader<number>> => ({
        ...(await connected.open(...opening)),
        [method]: broken(method),
      })
      return { ...connected, open }
    },
  }
}

export const brokenReader = Pipeline.define(import.meta, 'broken-reader', z.object({ method: z.enum(readerMethods) }), ({ method }) =>
  pipe(
    Splittable.source({ source: sourceWith(method), decode: (n: number) => n, timestamp: () => Instant.ofMillis(0) }),
    PCollection.ignore,
  ),
)

const sinkWith = (method: (typeof sinkMethods)[number]): Sink<number> => ({
  urn: 'test:broken',
  label: 'broken',
  identity: {},
  delivery: 'atLeastOnce',
  immediate: true,
  parallel: true,
  needsDurableCheckpoints: false,
  encode: (_: number, out: OutputBatch) => {
    out.destinations.push('x')
    out.headers.push(null)
    out.payloads.push(new Uint8Array(1))
    out.bytes += 1
  },
  connect: async (): Promise<ConnectedSink> => ({
    protocol: null,
    guarantee: 'at least once',
    publish: () => undefined,
    congested: () => false,
    onReady: () => undefined,
    failure: () => null,
    flush: async () => null,
    commit: async () => undefined,
    close: async () => undefined,
    metrics: () => ({}),
    [method]: broken(method),
  }),
})

export const brokenSink = Pipeline.define(import.meta, 'broken-sink', z.object({ method: z.enum(sinkMethods) }), ({ method }) =>
  pipe(
    Create.of([1, 2, 3]),
    (pc: Elements<number>): PDone => leaf({ _tag: 'Write', sink: sinkWith(method) as Sink }, pc, { kind: 'write', name: 'broken' }), // as JetStreamIO.write does
  ),
)

const sum = (create: () => number) =>
  CombineFn.of({ create, add: (a: number, b: number) => a + b, merge: (a: number, b: number) => a + b, extract: (a: number) => a })
export const brokenCreate = Pipeline.define(import.meta, 'broken-create', z.object({ empty: z.boolean() }), ({ empty }) =>
  pipe(empty ? Create.of<number>([]) : Create.of([1, 2]), Combine.globally(sum(broken('create'))), PCollection.ignore),
)

class Unreadable extends Error {
  override get message(): string {
    throw new TypeError('no message for you')
  }
}
/** Typed as what it stands for: a program without types may throw anything. */
const revoked = (): Error => {
  const { proxy, revoke } = Proxy.revocable(new Error('revoked'), {})
  revoke()
  return proxy
}
export const unreadable = Pipeline.define(import.meta, 'unreadable', z.object({ what: z.enum(['message', 'proxy']) }), ({ what }) =>
  pipe(
    Create.of([1, 2]),
    PCollection.map((): number => {
      throw what === 'message' ? new Unreadable() : revoked()
    }),
    PCollection.ignore,
  ),
)

export const fine = Pipeline.define(import.meta, 'fine', () => pipe(Create.of([1, 2, 3]), PCollection.ignore))
