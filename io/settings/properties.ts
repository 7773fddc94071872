// Properties files, as Java reads and writes them: a key and a value on a line, `#` and `!` before remarks, a backslash at the end of a
// line that goes on, escapes.
import { listText } from './kinds.ts'
import type { Shown } from './schema.ts'

interface Entry {
  readonly key: string
  readonly value: string
  /** Where it begins; the first is 1. */
  readonly line: number
}

/** In the file's order; a key may be there twice. */
export const parseProperties = (text: string): ReadonlyArray<Entry> => logicalLines(text).map(entryIn)

interface Line {
  readonly text: string
  readonly line: number
}

const logicalLines = (text: string): ReadonlyArray<Line> => {
  const lines: Line[] = []
  let begun: Line | null = null
  for (const [i, natural] of text.split(/\r\n|\r|\n/).entries()) {
    const line = natural.replace(/^[ \t\f]+/, '')
    if (begun === null && /^(?:[#!]|$)/.test(line)) continue
    const goesOn = endsOpen(line)
    const whole: Line = { text: (begun?.text ?? '') + (goesOn ? line.slice(0, -1) : line), line: begun?.line ?? i + 1 }
    begun = goesOn ? whole : null
    if (!goesOn) lines.push(whole)
  }
  return begun === null ? lines : [...lines, begun]
}

/** With an odd number of backslashes: counted from the end, since an expression would look at each row of them from each of its places. */
const endsOpen = (line: string): boolean => {
  let end = line.length
  while (line[end - 1] === '\\') end--
  return (line.length - end) % 2 === 1
}

const entryIn = ({ text, line }: Line): Entry => {
  const key = /^(?:\\[\s\S]|[^\\=:\s])*/.exec(text)?.[0] ?? ''
  const value = text.slice(key.length).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')
  return { key: unescaped(key), value: unescaped(value), line }
}

const letters: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' }

const unescaped = (text: string): string =>
  text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|([\s\S]?))/g, (_, code: string | undefined, letter: string | undefined) =>
    code === undefined ? (letters[letter ?? ''] ?? letter ?? '') : String.fromCharCode(parseInt(code, 16)),
  )

/** Values are one line each: a schema takes no others. */
export const propertiesText = (entries: ReadonlyArray<readonly [string, Shown]>): string =>
  entries.map(([key, value]) => `${key}=${escaped(typeof value === 'object' ? listText(value) : String(value))}\n`).join('')

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replace(/^[\s]/, space => `\\${space}`)
