// Where element types end: a node carries coders and CombineFns of types that only its verb's signature knew.
import type { Coder } from '../coders/index.ts'
import type { AnyCombineFn, CombineFn } from './combine-fn.ts'

/** Believed from here on: the verb has checked that the collection's elements are of the coder's type. */
export const erasedCoder = <A>(coder: Coder<A>): Coder<unknown> => coder as unknown as Coder<unknown>

/** Believed from here on: the verb has checked that the collection's values are the function's inputs. */
export const erasedCombineFn = <I, A, O>(fn: CombineFn<I, A, O>): AnyCombineFn => fn as unknown as AnyCombineFn
