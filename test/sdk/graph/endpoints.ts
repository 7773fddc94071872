// A source and a sink that are never connected: what a graph sees of them.
import type { Sink } from '../../../sdk/graph/sink.ts'
import { apply, leaf, type PCollection, type PDone } from '../../../sdk/graph/pcollection.ts'
import type { Source } from '../../../sdk/splittable/source.ts'

const neverConnected = (): Promise<never> => Promise.reject(new Error('a graph does not connect anything'))

export const read = <A>(
  stream: string,
  o: { readonly isBounded?: boolean; readonly name?: string; readonly outOfOrdernessMs?: number } = {},
): PCollection<A> => {
  const source: Source = {
    urn: 'test:read:v1',
    label: `read(${stream})`,
    isBounded: o.isBounded ?? false,
    identity: { stream },
    replayable: true,
    connect: neverConnected,
  }
  const watermark = { _tag: 'WatermarkPolicy', outOfOrdernessMs: o.outOfOrdernessMs ?? 0, idleAfterMs: null } as const
  return apply<A>({ _tag: 'Read', source, decode: (raw: A) => raw, timestamp: () => 0, movesWatermark: null, watermark }, [], {
    kind: source.label,
    name: o.name ?? null,
  })
}

export const write =
  (stream: string, o: { readonly name?: string } = {}) =>
  (pc: PCollection<unknown>): PDone => {
    const sink: Sink = {
      urn: 'test:write:v1',
      label: `write(${stream})`,
      identity: { stream },
      delivery: 'exactlyOnce',
      immediate: true,
      parallel: false,
      needsDurableCheckpoints: false,
      encode: () => undefined,
      connect: neverConnected,
    }
    return leaf({ _tag: 'Write', sink }, pc, { kind: sink.label, name: o.name ?? null })
  }
