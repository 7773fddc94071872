// A node's description as plain data: what is compared between processes and versions. Functions have none, so they are left out.
import type { Coder } from '../coders/index.ts'
import type { WindowingStrategy } from '../model/windowing-strategy.ts'
import type { Transform } from './node.ts'

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [name: string]: Json }

/** Sorted by name, without what is undefined or a function; instants, bytes and the like in the form JSON gives them. */
export const plainOf = (value: unknown): Json => {
  // Inside an array, what JSON has no word for is null. What JSON gave back is Json.
  const [plain = null] = JSON.parse(JSON.stringify([value])) as ReadonlyArray<Json>
  return sorted(plain)
}

const sorted = (json: Json): Json => {
  if (json === null || typeof json !== 'object') return json
  if (isArray(json)) return json.map(sorted)
  return Object.fromEntries(
    Object.keys(json)
      .sort()
      .map(name => [name, sorted(json[name] ?? null)]),
  )
}

// Array.isArray does not narrow readonly arrays.
const isArray = (json: Json): json is ReadonlyArray<Json> => Array.isArray(json)

export const plainStrategy = ({ windowFn, ...rest }: WindowingStrategy): Json =>
  plainOf({ ...rest, windowFn: { urn: windowFn.urn, ...windowFn.kind } })

export const urnOf = (coder: Coder<never> | Coder<unknown> | null | undefined): string | null => coder?.urn ?? null

/** What distinguishes a transform from another of its tag, as far as data can say it. */
export const plainTransform = (transform: Transform): Json => {
  switch (transform._tag) {
    case 'Create':
      return plainOf({ elements: transform.elements.length, coder: urnOf(transform.coder) })
    case 'Read': {
      const { urn, identity, isBounded } = transform.source
      return plainOf({ urn, identity, isBounded, watermark: transform.watermark })
    }
    case 'Write': {
      const { urn, identity, delivery } = transform.sink
      return plainOf({ urn, identity, delivery })
    }
    case 'KeyBy':
    case 'WithCoder':
      return plainOf({ coder: urnOf(transform.coder) })
    case 'CombinePerKey':
      return plainOf({ coder: urnOf(transform.fn.coder), withDefault: transform.withDefault })
    case 'MapAsync': {
      const { onRejected, ordered } = transform
      return plainOf({ onRejected, ordered })
    }
    case 'Partition':
      return plainOf({ names: transform.names })
    case 'WithTimestamps':
      return plainOf({ allowedSkewMs: transform.allowedSkewMs })
    case 'Stateful': {
      const { state, timers } = transform.spec
      return plainOf({
        state: Object.entries(state).map(([name, { kind, coder, keyCoder }]) => ({
          name,
          kind,
          coder: urnOf(coder),
          keyCoder: urnOf(keyCoder),
        })),
        timers: Object.entries(timers).map(([name, { domain, family }]) => ({ name, domain, family })),
      })
    }
    case 'Sided':
      return plainOf({ sides: transform.sides.map(({ name, view }) => ({ name, view: view._tag })) })
    case 'Splittable': {
      const { restriction, watermark, isBounded } = transform.fn
      return plainOf({ coder: urnOf(restriction.coder), watermark: watermark.urn, isBounded })
    }
    case 'Map':
    case 'FlatMap':
    case 'Filter':
    case 'FilterMap':
    case 'MapValues':
    case 'MapKeys':
    case 'Keys':
    case 'Values':
    case 'TryMap':
    case 'Separate':
    case 'OrFail':
    case 'WindowInto':
    case 'WithStrategy':
    case 'ReifyWindowed':
    case 'Bundled':
    case 'MapWith':
    case 'FlatMapWith':
    case 'WithoutSides':
    case 'Reshuffle':
    case 'GroupByKey':
    case 'Flatten':
    case 'Along':
    case 'Ignore':
    case 'Assert':
      return null
  }
}
