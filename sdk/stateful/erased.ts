// A stateful DoFn with its types erased: what a graph node carries and the engine runs. The verb that made it has checked them.
import type { Coder } from '../coders/index.ts'

/** The kinds of state that a stateful DoFn can declare. */
export type StateKind = 'value' | 'bag' | 'combining' | 'map' | 'set' | 'orderedList'

/** How one cell of state is kept: plain data, but for coders and functions. */
export interface ErasedState {
  readonly kind: StateKind
  /** Of what the cell holds: a value, an element, an accumulator, a map's values. */
  readonly coder: Coder<unknown>
  /** Of a map's keys; null elsewhere. */
  readonly keyCoder: Coder<unknown> | null
  /** Of a value: what is read where nothing was written. */
  readonly initial: unknown
  /** Of a value without an initial one: it is read as an Option. */
  readonly optional: boolean
  /** Of a combining cell. */
  readonly combine: Combining | null
}

/** A CombineFn with its types erased. */
export interface Combining {
  readonly create: () => unknown
  readonly add: (accumulator: unknown, input: unknown) => unknown
  readonly merge: (a: unknown, b: unknown) => unknown
  readonly extract: (accumulator: unknown) => unknown
}

export type ErasedTimer = {
  readonly domain: 'eventTime' | 'processingTime'
  /** Any number of timers, told apart by a tag. */
  readonly family: boolean
}

type Handler = (event: never, cells: never) => unknown

export interface ErasedStateful {
  readonly state: Readonly<Record<string, ErasedState>>
  readonly timers: Readonly<Record<string, ErasedTimer>>
  readonly process: Handler
  readonly onTimer: Readonly<Record<string, Handler>>
  readonly onWindowExpiration: Handler | null
}
