// Keys that a JSON text has twice in one object: JSON.parse takes the last of them without a word. One pass, however long or deep the text.

const token = /"(?:[^"\\]|\\.)*"|[[\]{}:,]/g

/** Where the second one stands, in a text that JSON.parse takes; null where no key is repeated. */
export const repeatedKeyIn = (text: string): number | null => {
  const open: Array<Set<string> | null> = []
  let before = ''
  for (const { 0: found, index } of text.matchAll(token)) {
    const keys = open.at(-1)
    if (found === '{') open.push(new Set())
    else if (found === '[') open.push(null)
    else if (found === '}' || found === ']') open.pop()
    else if (found.startsWith('"') && keys instanceof Set && (before === '{' || before === ',')) {
      const key: unknown = JSON.parse(found)
      if (keys.has(String(key))) return index
      keys.add(String(key))
    }
    before = found
  }
  return null
}
