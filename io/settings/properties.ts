// Properties files, as Java reads and writes them: a key and a value on a line, `#` and `!` before remarks, a backslash at the end of a
// line that goes on, escapes.
import { listText } from './kinds.ts'
import type { Shown } from './schema.ts'

/** In the file's order; a key may be there twice. */
export const parseProperties = (text: string): ReadonlyArray<readonly [string, string]> => logicalLines(text).map(entryIn)

const logicalLines = (text: string): ReadonlyArray<string> => {
  const lines: string[] = []
  let begun: string | null = null
  for (const natural of text.split(/\r\n|\r|\n/)) {
    const line = natural.replace(/^[ \t\f]+/, '')
    if (begun === null && /^(?:[#!]|$)/.test(line)) continue
    const goesOn = endsOpen(line)
    const whole: string = (begun ?? '') + (goesOn ? line.slice(0, -1) : line)
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

const entryIn = (line: string): readonly [string, string] => {
  const key = /^(?:\\[\s\S]|[^\\=:\s])*/.exec(line)?.[0] ?? ''
  const value = line.slice(key.length).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')
  return [unescaped(key), unescaped(value)]
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
