// Several keyed collections, brought together by key.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'

type Keyed = PCollection<KV<unknown, unknown>>
type ValuesOf<P> = P extends PCollection<KV<unknown, infer V>> ? ReadonlyArray<V> : never

/**
 * Each key of a window with the values that each input has for it, by the input's name, in no order; an input that has none for a key
 * gives an empty array (Beam's CoGroupByKey). Keys are equal if their encodings are, and of one type in all inputs. Windows and triggers
 * work as in GroupByKey; inputs that are windowed differently are refused when the pipeline is built. Throws a RangeError for no input.
 *
 * @example
 * const byId = pipe(orders, PCollection.keyBy(order => order.id))
 * const byOrder = pipe(payments, PCollection.keyBy(payment => payment.orderId))
 * const both = CoGroupByKey.of({ orders: byId, payments: byOrder })
 * pipe(both, PCollection.filter(([, { orders, payments }]) => orders.length > payments.length), PCollection.keys) // => 'o2', 'o4'
 */
export const CoGroupByKey = Object.freeze({
  /** Each key with all inputs' values for it, by the inputs' names. */
  of: <K, const R extends Readonly<Record<string, Keyed>>>(
    inputs: R & { readonly [name: string]: PCollection<KV<K, unknown>> },
  ): PCollection<KV<K, { readonly [N in keyof R]: ValuesOf<R[N]> }>> => coGroup(inputs, 'CoGroupByKey'),
})

/** As CoGroupByKey.of, under another transform's name; the values are believed to be what its signature says. */
export const coGroup = <O>(inputs: Readonly<Record<string, Keyed>>, kind: string): PCollection<O> => {
  const names = Object.keys(inputs)
  if (names.length === 0) throw new RangeError(`${kind}: there are no collections to bring together`)
  const tagged = names.map((name, at) =>
    apply({ _tag: 'MapValues', f: (value: unknown) => [at, value] }, [inputs[name] as Keyed], { kind: `${kind}.${name}` }),
  )
  const together = apply({ _tag: 'Flatten', like: 'all' }, tagged, { kind: `${kind}.together` })
  const grouped = apply({ _tag: 'GroupByKey' }, [together], { kind })
  return apply({ _tag: 'MapValues', f: apart(names) }, [grouped], { kind: `${kind}.apart` })
}

const apart =
  (names: ReadonlyArray<string>) =>
  (tagged: ReadonlyArray<readonly [at: number, value: unknown]>): Readonly<Record<string, ReadonlyArray<unknown>>> => {
    const values = names.map((): unknown[] => [])
    for (const [at, value] of tagged) values[at]?.push(value)
    return Object.fromEntries(names.map((name, at) => [name, values[at] ?? []]))
  }
