// The coder that every collection has unless it is given another.
import type { Coder } from './coder.ts'
import { coderOf } from './stream.ts'
import { readStructural, readWholeStructural } from './structural-read.ts'
import { writeStructural, writeWholeStructural } from './structural-write.ts'

const structuralCoder = coderOf<unknown>('jetbeam:coder:structural:v1', true, {
  write: writeStructural,
  read: readStructural,
  outer: { write: writeWholeStructural, read: readWholeStructural },
})

/** One coder for all types: what comes back is equal to what went in, and so has its type. */
export const structural = <A>(): Coder<A> => structuralCoder as Coder<A>

/** Whether grouping by a coder is grouping by structural equality. */
export const isStructural = (coder: unknown): boolean => coder === structuralCoder
