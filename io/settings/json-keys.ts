// Keys that a JSON text has twice in one object: JSON.parse takes the last of them without a word. One pass, however long or deep the text.

export interface RepeatedKey {
  /** Its name behind those of the keys around it. */
  readonly path: ReadonlyArray<string>
  /** Where the second one begins. */
  readonly at: number
}

interface Opened {
  /** null: an array. */
  readonly keys: Set<string> | null
  last: string | null
}

const token = /"(?:[^"\\]|\\.)*"|[[\]{}:,]/g

/** The first, in a text that JSON.parse takes; null where no key is repeated. */
export const repeatedKeyIn = (text: string): RepeatedKey | null => {
  const open: Opened[] = []
  let before = ''
  for (const { 0: found, index } of text.matchAll(token)) {
    const object = open.at(-1)
    if (found === '{') open.push({ keys: new Set(), last: null })
    else if (found === '[') open.push({ keys: null, last: null })
    else if (found === '}' || found === ']') open.pop()
    else if (found.startsWith('"') && object !== undefined && object.keys !== null && (before === '{' || before === ',')) {
      object.last = String(JSON.parse(found))
      if (object.keys.has(object.last)) return { path: open.flatMap(({ last }) => last ?? []), at: index }
      object.keys.add(object.last)
    }
    before = found
  }
  return null
}
