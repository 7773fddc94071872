// What a function reads of a side input: the value that a view makes of a pane, or the error that reading it throws.
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { groupingKey, type GroupingKey } from '../../../sdk/coders/index.ts'
import { type Lookup, type Multilookup, SideInputError } from '../../../sdk/model/side-input.ts'
import { type BoundedWindow, showWindow } from '../../../sdk/model/window.ts'
import { showElement } from '../../harness/errors.ts'
import type { SideSpec } from '../../plan/stage.ts'
import { isNever } from '../exhaustive.ts'

/** A Left is what reading throws, made where it is read. */
export type Readable = E.Either<() => unknown, unknown>

type Pair = readonly [key: unknown, value: unknown]

/** `pane`: all elements of the window, as its newest firing gave them. */
export const readableOf = (side: SideSpec, pane: ReadonlyArray<unknown>, window: BoundedWindow): Readable => {
  try {
    return readable(side, pane, window)
  } catch (error) {
    // A key that has no encoding: whoever looks into the map is told.
    return E.left(() => error)
  }
}

const readable = ({ name, view, keyCoder }: SideSpec, pane: ReadonlyArray<unknown>, window: BoundedWindow): Readable => {
  const fail = (kind: SideInputError['kind'], what: string): Readable =>
    E.left(
      () => new SideInputError(kind, name, `the side input ${JSON.stringify(name)} ${what} in ${showWindow(window)}. ${remedies[kind]}`),
    )
  switch (view._tag) {
    case 'Singleton':
      if (pane.length > 1) return fail('several', `has ${pane.length} elements`)
      if (pane.length === 1) return E.right(pane[0])
      return view.orElse === null ? fail('empty', 'has no element') : E.right(view.orElse.value)
    case 'List':
    case 'Iterable':
      return E.right(Object.freeze(pane))
    // The verbs that make these views have checked that their elements are pairs.
    case 'Map': {
      const keyOf = groupingKey(keyCoder)
      const values = new Map<GroupingKey, O.Option<unknown>>()
      for (const [key, value] of pane as ReadonlyArray<Pair>) {
        const id = keyOf(key)
        if (values.has(id)) return fail('duplicateKey', `has the key ${showElement(key)} twice`)
        values.set(id, O.some(value))
      }
      return E.right(lookupIn(values, keyOf))
    }
    case 'Multimap': {
      const keyOf = groupingKey(keyCoder)
      const values = new Map<GroupingKey, unknown[]>()
      for (const [key, value] of pane as ReadonlyArray<Pair>) {
        const id = keyOf(key)
        const known = values.get(id)
        if (known === undefined) values.set(id, [value])
        else known.push(value)
      }
      for (const all of values.values()) Object.freeze(all)
      const lookup: Multilookup<unknown, unknown> = { get: key => values.get(keyOf(key)) ?? nothing, has: key => values.has(keyOf(key)) }
      return E.right(Object.freeze(lookup))
    }
    case 'Signal':
      return E.right(undefined)
    case 'Table':
    case 'Index':
      throw new Error(`the side input ${name} is made of changes, and was given a pane`)
    default:
      return isNever(view)
  }
}

export const nothing: ReadonlyArray<never> = Object.freeze([])

export const lookupIn = (
  values: ReadonlyMap<GroupingKey, O.Option<unknown>>,
  keyOf: (key: unknown) => GroupingKey,
): Lookup<unknown, unknown> =>
  Object.freeze({ get: (key: unknown) => values.get(keyOf(key)) ?? O.none, has: (key: unknown) => values.has(keyOf(key)) })

const remedies: Readonly<Record<SideInputError['kind'], string>> = {
  empty: 'View.asSingletonOr gives a value where there is none',
  several: 'Combine its collection into one element first, or use View.asList',
  duplicateKey:
    'Use View.asMultimap, or combine the values of each key first; a changelog, and what fires more than once, belongs into View.asTable',
  notReady: 'Read it where an element is processed',
}
