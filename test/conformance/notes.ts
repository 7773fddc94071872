// What a pipeline's functions note in whatever thread they run: lines of a file, for where they leave nothing in any output.
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Threads share a process, and so its number. */
const fileOf = (name: string): string => join(tmpdir(), `jetbeam-conformance-${process.pid}-${name}`)

/** Under a name that no other pipeline of the suite uses. */
export const note = (name: string, line: string): void => appendFileSync(fileOf(name), `${line}\n`)

/** In the order in which they were noted. */
export const notesOf = (name: string): ReadonlyArray<string> =>
  existsSync(fileOf(name)) ? readFileSync(fileOf(name), 'utf8').trimEnd().split('\n') : []

export const forgetNotes = (name: string): void => rmSync(fileOf(name), { force: true })
