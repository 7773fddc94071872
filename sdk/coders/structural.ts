// The coder that every collection has unless it is given another.
import type { Coder } from './coder.ts'
import { coderOf } from './stream.ts'
import { readStructural, readWholeStructural } from './structural-read.ts'
import { writeInOrder, writeStructural, writeWholeInOrder, writeWholeStructural } from './structural-write.ts'

const structuralCoder = coderOf<unknown>('jetbeam:coder:structural:v1', true, {
  write: writeStructural,
  read: readStructural,
  outer: { write: writeWholeStructural, read: readWholeStructural },
})

/** One coder for all types: what comes back is equal to what went in, and so has its type. */
export const structural = <A>(): Coder<A> => structuralCoder as Coder<A>

const inOrder = coderOf<unknown>('jetbeam:coder:structural:v1', false, {
  write: writeInOrder,
  read: readStructural,
  outer: { write: writeWholeInOrder, read: readWholeStructural },
})

/**
 * What values have on their way between threads and in checkpoints: the structural format, in which records keep the order of their
 * properties. Not for keys, for equal ones may have different bytes.
 */
export const valueCoder = <A>(): Coder<A> => inOrder as Coder<A>

/** The coder of values that were given this one: the canonical order is for keys alone. */
export const valueCoderOf = <A>(coder: Coder<A>): Coder<A> => (isStructural(coder) ? valueCoder<A>() : coder)

/** Whether grouping by a coder is grouping by structural equality. */
export const isStructural = (coder: unknown): boolean => coder === structuralCoder
