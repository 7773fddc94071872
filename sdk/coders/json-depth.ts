// How deep a JSON text nests, before it is parsed: nearly every message is told by its length or by how few brackets it has.

/** Whether more than `limit` objects and arrays are open at once somewhere. Of a text that is no JSON it may say anything. */
export const isTooDeep = (text: string, limit: number): boolean =>
  // Each level needs two brackets.
  text.length > 2 * limit && hasMany(text, limit) && scan(text, limit)

/** Native searches, and no more of them than there are levels. */
const hasMany = (text: string, limit: number): boolean => {
  let found = 0
  for (const bracket of ['[', '{'])
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) if (++found > limit) return true
  return false
}

const quote = 0x22
const backslash = 0x5c

const scan = (text: string, limit: number): boolean => {
  let open = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) {
      i = stringEnd(text, i)
      if (i < 0) return false
    } else if (code === 0x5b || code === 0x7b) {
      if (++open > limit) return true
    } else if (code === 0x5d || code === 0x7d) open--
  }
  return false
}

/** Where the string that begins at `from` closes; -1: nowhere. */
const stringEnd = (text: string, from: number): number => {
  let end = text.indexOf('"', from + 1)
  // A quotation mark behind an odd number of backslashes is part of the string; these are counted once each.
  for (let before = from; end >= 0; before = end, end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (end - 1 - slashes > before && text.charCodeAt(end - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return end
  }
  return -1
}
