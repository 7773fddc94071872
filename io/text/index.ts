// jetbeam/io/text: everything a user of it names.
export { TextIO, type TextWriteOptions } from './text-io.ts'
export { type TextFailure, TextIOError } from './errors.ts'
