// Where an element is in event time, as part of its value.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import type { Windowed } from '../model/pane.ts'

/**
 * Makes window, pane and timestamp part of the value (Beam's Reify): ask for it only where you read it, since it costs an object an
 * element. An element of several windows comes out once for each.
 *
 * @example
 * const perMinute = pipe(views, Window.into(FixedWindows.of(minutes(1))), PCollection.keyBy(view => view.page), Count.perKey)
 * pipe(perMinute, Reify.windowed, PCollection.map(({ value: [page, n], window }) => [page, n, window.start])) // => ['/', 1, 0], ['/b', 1, 0], ['/', 1, 60_000]
 * pipe(perMinute, Reify.windowedValues, PCollection.mapValues(({ pane }) => pane.timing)) // => ['/', 'onTime'], ['/b', 'onTime'], ['/', 'onTime']
 */
export const Reify = Object.freeze({
  /** { value, timestamp, window, pane } in place of the value. */
  windowed: <A>(pc: PCollection<A>): PCollection<Windowed<A>> =>
    apply({ _tag: 'ReifyWindowed', of: 'element' }, [pc], { kind: 'Reify.windowed' }),
  /** The same in place of a pair's value (Beam's Reify.windowsInValue); keys, and their coder, stay. */
  windowedValues: <K, V>(pc: PCollection<KV<K, V>>): PCollection<KV<K, Windowed<V>>> => reifyValues(pc, 'Reify.windowedValues'),
})

/** As Reify.windowedValues, under another transform's name. */
export const reifyValues = <K, V>(pc: PCollection<KV<K, V>>, kind: string): PCollection<KV<K, Windowed<V>>> =>
  apply({ _tag: 'ReifyWindowed', of: 'value' }, [pc], { kind })
