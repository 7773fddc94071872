// Secrets inside free text: logins in addresses, keys and tokens of known shapes, `password=…`, and values that this process has resolved.
// Every pass is linear: it moves forward over the text and never looks at a character from more than a bounded number of places.

export const shown = '[redacted]'

/** Names of fields whose values are secret. */
const secretName =
  /pass(?:word|wd|phrase)?s?$|pwd$|secret|token$|seed$|credentials?$|authorization|cookie|api[_-]?key$|access[_-]?key$|private[_-]?key$|bearer|^jwt$|^nkey$|^auth$/i
const longestName = 256

/** Whether a field of this name holds a secret. */
export const isSecretName = (name: string): boolean => secretName.test(name.length > longestName ? name.slice(-longestName) : name)

// ---- values

/** A plain word, such as the password of a development server, would take that word out of every message. */
const isWord = (text: string): boolean => /^[A-Za-z]?[a-z]*$/.test(text)
const shortestValue = 8
const mostValues = 256
const values = new Set<string>()

/**
 * Secrets that this thread has resolved, such as a password from a file: from here on no text shows them, whatever surrounds them. Values of
 * fewer than eight characters and plain words are left to the other rules.
 */
export const rememberSecret = (value: string): void => {
  if (value.length < shortestValue || isWord(value) || values.size >= mostValues) return
  values.add(value)
  const encoded = /\p{Surrogate}/u.test(value) ? value : encodeURIComponent(value)
  if (encoded !== value) values.add(encoded)
}

const withoutValues = (text: string): string => {
  let rest = text
  for (const value of values) if (rest.includes(value)) rest = rest.replaceAll(value, shown)
  return rest
}

// ---- addresses

const isSpace = (code: number): boolean => code <= 0x20 || code === 0x7f || code === 0xa0
const isQuote = (code: number): boolean => code === 0x22 || code === 0x27 || code === 0x60
const separators = new Set(Array.from(',;|([{=&?"\'`<', c => c.charCodeAt(0)))
const closers = new Set(Array.from(',;:.)]}>"\'`\\', c => c.charCodeAt(0)))

const isSchemeCharacter = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) ||
  (code >= 0x41 && code <= 0x5a) ||
  (code >= 0x30 && code <= 0x39) ||
  code === 0x2b ||
  code === 0x2e ||
  code === 0x2d

/** Where the scheme before `://` at `at` begins; not before `from`. */
const schemeStart = (text: string, at: number, from: number): number => {
  let start = at
  while (start > from && isSchemeCharacter(text.charCodeAt(start - 1))) start--
  return start
}

/** Where an address that begins at `from` ends: at a space, at a quotation mark that closes, or before the next address of a list. */
const addressEnd = (text: string, from: number): number => {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isSpace(code) || code === 0x3c || code === 0x3e) return i
    if (isQuote(code) && (i + 1 === text.length || isSpace(text.charCodeAt(i + 1)) || closers.has(text.charCodeAt(i + 1)))) return i
    if (code === 0x3a && text.startsWith('://', i)) {
      const scheme = schemeStart(text, i, from)
      if (scheme > from && scheme < i && separators.has(text.charCodeAt(scheme - 1))) return scheme - 1
    }
  }
  return text.length
}

/** URLs whose authority ends at the first slash, and whose paths hold an @ now and then. Brokers' addresses have no paths. */
const hasPaths = (scheme: string): boolean => /^(?:https?|file|node|data|git|ssh|webpack|npm)$/i.test(scheme)

/** Where the login of the address in text[from, end) ends: its last @; `from` where there is none. */
const loginEnd = (text: string, from: number, end: number, scheme: string): number => {
  if (text.charCodeAt(from) === 0x2f) return from
  const at = text.lastIndexOf('@', end - 1)
  if (at < from) return from
  if (!hasPaths(scheme)) return at
  let slash = from
  while (slash < end && !'/?#'.includes(text.charAt(slash))) slash++
  if (slash > at) return at
  const authority = text.slice(from, slash)
  // A password with a slash in it, written out.
  const colon = authority.lastIndexOf(':')
  const isPort = colon < 0 || /^\d{0,5}$/.test(authority.slice(colon + 1))
  if (!isPort || authority.includes('@')) return authority.includes('@') && isPort ? from + authority.lastIndexOf('@') : at
  return from
}

/** `isCut`: the text went on, and its last address may have a login whose end is not here. */
const withoutLogins = (text: string, isCut: boolean): string => {
  let found = text.indexOf('://')
  if (found < 0) return text
  let result = ''
  let done = 0
  while (found >= 0) {
    const from = found + 3
    const end = addressEnd(text, from)
    const scheme = text.slice(schemeStart(text, found, Math.max(done, found - 32)), found)
    const login = isCut && end === text.length && scheme !== 'file' ? end : loginEnd(text, from, end, scheme)
    if (login > from) {
      result += text.slice(done, from) + shown
      done = login
    }
    found = text.indexOf('://', Math.max(end, from))
  }
  return result + text.slice(done)
}

/** `user:password@host:4222`, without a scheme. */
const withoutBareLogins = (text: string): string => {
  if (!text.includes('@')) return text
  let result = ''
  let done = 0
  let start = 0
  let hasColon = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isSpace(code) || isQuote(code) || code === 0x2c || code === 0x28) {
      start = i + 1
      hasColon = false
    } else if (code === 0x3a) {
      // An address with a scheme has been looked at.
      if (text.startsWith('//', i + 1)) start = text.length
      else hasColon ||= i > start
    } else if (code === 0x40 && hasColon && start < i && text.charCodeAt(i - 1) !== 0x2f && hostAndPort.test(text.slice(i + 1, i + 256))) {
      result += text.slice(done, Math.max(done, start)) + shown
      done = i
    }
  }
  return result + text.slice(done)
}
const hostAndPort = /^(?:[\w.-]{1,200}|\[[\da-f:.%]{1,60}\]):\d{1,5}(?!\d)/i

// ---- keys and tokens

/** Seeds of nkeys. */
const seed = /\bS[UAONCX][A-Z2-7]{56}\b/g

const isTokenCharacter = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x5f

const tokenEnd = (text: string, from: number): number => {
  let end = from
  while (end < text.length && isTokenCharacter(text.charCodeAt(end))) end++
  return end
}

/** JWTs begin with the encoding of `{"`, and have three parts. */
const withoutJwts = (text: string, isCut: boolean): string => {
  let found = text.indexOf('eyJ')
  let result = ''
  let done = 0
  while (found >= 0) {
    const first = tokenEnd(text, found)
    const second = text.charCodeAt(first) === 0x2e ? tokenEnd(text, first + 1) : first
    const third = second > first + 1 && text.charCodeAt(second) === 0x2e ? tokenEnd(text, second + 1) : second
    const isToken = first - found >= 11 && (third > second || (isCut && Math.max(first, second) === text.length))
    if (isToken) {
      result += text.slice(done, found) + shown
      done = third
    }
    // What begins later in the same part ends where this one has.
    found = text.indexOf('eyJ', isToken ? third : first)
  }
  return done === 0 ? text : result + text.slice(done)
}

/** Of a PEM or .creds file: to the end of its block, or of the text. */
const withoutKeyBlocks = (text: string): string => {
  let found = text.indexOf('-----BEGIN ')
  let result = ''
  let done = 0
  while (found >= 0) {
    const label = text.slice(found + 11, found + 75)
    const isKey = label.includes('PRIVATE KEY') || label.includes('SEED') || label.includes('JWT')
    const finish = isKey ? text.indexOf('-----END ', found) : -1
    const end = finish < 0 ? text.length : Math.min(text.length, (text.indexOf('-----', finish + 9) + 1 || text.length) + 4)
    if (isKey) {
      result += text.slice(done, found) + shown
      done = end
    }
    found = text.indexOf('-----BEGIN ', isKey ? end : found + 11)
  }
  return done === 0 ? text : result + text.slice(done)
}

// ---- `password=…`

const assigned =
  /(?:pass(?:word|wd|phrase)s?|pwd|secrets?|token|seed|credentials?|authorization|cookie|api[_-]?key|access[_-]?key|private[_-]?key|bearer)(?![\w-])/gi
const scheme = /(?:bearer|basic|digest|negotiate) /iy
const valueEnds = new Set(Array.from(',;&)}]"\'`', c => c.charCodeAt(0)))

const skip = (text: string, from: number, codes: (code: number) => boolean, most: number): number => {
  let i = from
  while (i < text.length && i - from < most && codes(text.charCodeAt(i))) i++
  return i
}
const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** A reference to a secret, and what stands for one. */
const hiddenAlready = ['${', shown, '(hidden)']

/** Where the value of the name that ends at `from` begins and ends; null where no value follows that a secret could be. */
const assignedValue = (text: string, from: number, isBearer: boolean): readonly [from: number, to: number] | null => {
  const behindName = skip(text, from, code => isQuote(code) || code === 0x5c, 2)
  const behindBlank = skip(text, behindName, isBlank, 2)
  const sign = text.charAt(behindBlank)
  const isAssigned = sign === '=' || sign === ':'
  if (!isAssigned && !(isBearer && behindBlank > from)) return null
  let at = isAssigned ? skip(text, behindBlank + 1, isBlank, 2) : behindBlank
  at = skip(text, at, code => code === 0x5b || code === 0x5c || isBlank(code), 3)
  const quote = text.charCodeAt(at)
  const isQuoted = isQuote(quote)
  if (isQuoted) at++
  scheme.lastIndex = at
  if (scheme.test(text)) at = scheme.lastIndex
  if (hiddenAlready.some(beginning => text.startsWith(beginning, at))) return null
  let end = at
  if (isQuoted) while (end < text.length && (text.charCodeAt(end) !== quote || text.charCodeAt(end - 1) === 0x5c)) end++
  else while (end < text.length && !isSpace(text.charCodeAt(end)) && !valueEnds.has(text.charCodeAt(end))) end++
  if (end === at) return null
  // `token: it is empty` is a sentence.
  if (sign !== '=' && !isQuoted && isProse(text.slice(at, end), text.charAt(end))) return null
  return [at, end]
}

const longestWord = 64

const isProse = (value: string, next: string): boolean =>
  value.length <= longestWord && (isWord(value.replace(/[.:!?]$/, '')) || (next === ' ' && !/\d/.test(value)))

const withoutAssigned = (text: string): string => {
  let result = ''
  let done = 0
  for (const { 0: name, index } of text.matchAll(assigned)) {
    if (index < done) continue
    const value = assignedValue(text, index + name.length, /^bearer$/i.test(name))
    if (value === null) continue
    result += text.slice(done, value[0]) + shown
    done = value[1]
  }
  return done === 0 ? text : result + text.slice(done)
}

/** Without limit to its length. */
export const withoutSecretsIn = (text: string, isCut = false): string => {
  if (text.length < 4) return text
  const plain = withoutJwts(withoutKeyBlocks(withoutValues(text)).replace(seed, shown), isCut)
  return withoutAssigned(withoutBareLogins(withoutLogins(plain, isCut)))
}

/** In characters: what a log shows of one text. */
export const longestText = 16_384

/** At most {@link longestText} characters, and a note of how many are left out. */
export const redactedText = (text: string): string => {
  if (text.length <= longestText) return withoutSecretsIn(text)
  return `${withoutSecretsIn(text.slice(0, longestText), true)}… (${text.length - longestText} more characters)`
}
