// The name that users write: a collection's type, and the module of its element-wise verbs.
import type { PCollection as Collection } from '../graph/pcollection.ts'
import { deadLetter } from './dead-letter.ts'
import { filter } from './filter.ts'
import { filterMap } from './filter-map.ts'
import { flatMap } from './flat-map.ts'
import { ignore } from './ignore.ts'
import { keyBy } from './key-by.ts'
import { keys } from './keys.ts'
import { map } from './map.ts'
import { mapAsync, mapTaskEither, tryMapAsync } from './map-async.ts'
import { mapKeys } from './map-keys.ts'
import { mapValues } from './map-values.ts'
import { flatMapWith, mapWith } from './map-with.ts'
import { orFail } from './or-fail.ts'
import { separate } from './separate.ts'
import { tee } from './tee.ts'
import { tryFilter } from './try-filter.ts'
import { tryFilterMap } from './try-filter-map.ts'
import { tryFlatMap } from './try-flat-map.ts'
import { tryKeyBy, tryMapKeys, tryMapValues } from './try-key-by.ts'
import { tryMap } from './try-map.ts'
import { tryFlatMapWith, tryMapWith } from './try-map-with.ts'
import { values } from './values.ts'
import { withCoder } from './with-coder.ts'
import { withTimestamps } from './with-timestamps.ts'

/**
 * A node's output in the graph: immutable, and nothing runs when it is made. Keeping it in a variable shares it; calling the function
 * that made it again makes another (Beam's PCollection).
 */
export type PCollection<A> = Collection<A>

/**
 * The element-wise verbs, data last (Beam's MapElements, FlatMapElements, Filter, Keys, Values and the like; side inputs; dead letters).
 *
 * @example
 * pipe(orders, PCollection.filter(order => order.total > 0), PCollection.map(order => order.id))
 */
export const PCollection = Object.freeze({
  /** Each element through `f`, synchronous and pure. What it throws ends the run; a promise is an error that names `mapAsync`. */
  map,
  /** Each element into all that `f` gives for it: an array, a generator, any iterable. */
  flatMap,
  /** The elements for which `p` holds; a type guard narrows their type. */
  filter,
  /** What `f` gives as Some; a None is dropped. */
  filterMap,
  /** Each element with the key that `f` gives it. Keys are compared by their encoding, so a tuple or a record works as one. */
  keyBy,
  /** The key of each pair. */
  keys,
  /** The value of each pair. */
  values,
  /** Each pair with its value through `f`; keys, and their coder, stay. */
  mapValues,
  /** Each pair with its key through `f`; the new keys have the default coder. */
  mapKeys,
  /** Gives each element the timestamp that `f` reads from it. It belongs before Window.into. */
  withTimestamps,
  /** Says how the elements are encoded wherever they must be; the default coder takes any plain data. */
  withCoder,
  /** Each element through `f` with side inputs: what other collections hold in its window. */
  mapWith,
  /** As `mapWith`, into all that `f` gives. */
  flatMapWith,
  /** As `map`, but what throws becomes a Left with the element, the error and its stack. */
  tryMap,
  /** As `flatMap`, but what throws becomes a Left: all of an element's outputs, or its failure. */
  tryFlatMap,
  /** As `filter`, but an element for which `p` throws becomes a Left. */
  tryFilter,
  /** As `filterMap`, but what throws becomes a Left; a None is dropped. */
  tryFilterMap,
  /** As `keyBy`, but an element whose key cannot be told becomes a Left. */
  tryKeyBy,
  /** As `mapValues`, but a pair whose value `f` throws for becomes a Left. */
  tryMapValues,
  /** As `mapKeys`, but a pair whose key `f` throws for becomes a Left. */
  tryMapKeys,
  /** As `mapWith`, but what throws becomes a Left. */
  tryMapWith,
  /** As `flatMapWith`, but what throws becomes a Left: all of an element's outputs, or its failure. */
  tryFlatMapWith,
  /** Bounded concurrency (16), a timeout (30 s), order kept unless `ordered: false`. What rejects after the last attempt ends the run. */
  mapAsync,
  /** As `mapAsync`, but what rejects after the last attempt becomes a Left. */
  tryMapAsync,
  /** As `mapAsync` with a typed error, which flows on. */
  mapTaskEither,
  /** Lefts and Rights as two collections; both must be used, or ignored. */
  separate,
  /** Sends the Lefts into `sink` and goes on with the Rights. */
  deadLetter,
  /** A Left ends the run with its error; the Rights go on. */
  orFail,
  /** Runs `branch` beside the main path: whoever keeps the result keeps the branch. */
  tee,
  /** Says that an output is dropped on purpose; a leaf. */
  ignore,
})
