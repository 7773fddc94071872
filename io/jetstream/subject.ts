// Subjects: what a valid one is, and how a token that comes from data cannot become a wildcard or a level of its own.
import { JetStreamIOError } from './errors.ts'
import { refuseGiven } from './given-value.ts'
import { isMarker } from './marker-subject.ts'

const percentEncoded = (c: string): string => {
  let text = ''
  for (const byte of new TextEncoder().encode(c)) text += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  return text
}

// What separates or is matched (. * >), what the protocol cannot carry (spaces, controls, half a character), and the escape itself.
const unsafe = /[\s\p{Cc}\p{Cs}.*>%]/gu

const encodeToken = (token: string | number): string => {
  const text = String(token)
  if (text === '')
    throw new JetStreamIOError(
      'InvalidSubject',
      'subject`…`: a token is empty, and a subject has no empty tokens. Leave the token out, or put a word in its place.',
    )
  return text.replace(unsafe, percentEncoded)
}

/**
 * A subject from literal text and tokens. Inside a token, what would be a wildcard, a dot, a space, a control character or a percent
 * sign is percent-encoded: data never adds a level or a wildcard. `decodeURIComponent` gives the token back, with U+FFFD for each lone
 * surrogate, which has no UTF-8.
 *
 * Throws a JetStreamIOError (InvalidSubject) for an empty token: with `onRejected`, a write sends such an element there.
 *
 * @example
 * subject`totals.${'/a b.html'}` // => 'totals./a%20b%2Ehtml'
 */
export const subject = (literals: TemplateStringsArray, ...tokens: ReadonlyArray<string | number>): string => {
  let text = literals[0] ?? ''
  for (let i = 0; i < tokens.length; i++) text += encodeToken(tokens[i] ?? '') + (literals[i + 1] ?? '')
  return text
}

/**
 * In bytes. A server reads 4,096 of a command, with the subject, the subject for its acknowledgment and two numbers, and hangs up at the next
 * one: the same message would be sent again and again.
 */
const longest = 3_900

const dot = 0x2e
const star = 0x2a
const greater = 0x3e

/** Why nothing can be published to it, or null. One pass: it is asked for every element of a sink with a computed subject. */
export const refusedSubject = (text: string): string | null => {
  let tokenStart = 0
  let hasSurrogates = false
  for (let i = 0; i <= text.length; i++) {
    const c = i === text.length ? dot : text.charCodeAt(i)
    if (c >= 0xd800 && c <= 0xdfff) hasSurrogates = true
    if (c <= 0x20 || c === 0x7f) return 'it holds a space or a control character'
    if (c !== dot) continue
    if (i === tokenStart) return text === '' ? 'it is empty' : 'it has an empty token'
    if (i === tokenStart + 1) {
      const only = text.charCodeAt(tokenStart)
      if (only === star || only === greater) return `it has the wildcard ${text.charAt(tokenStart)}`
    }
    tokenStart = i + 1
  }
  if (text.length > longest / 3 && Buffer.byteLength(text) > longest) return `it is longer than ${longest} bytes`
  return hasSurrogates && /\p{Surrogate}/u.test(text) ? 'it holds half a character (a lone surrogate)' : null
}

/** Why it cannot select messages, or null: as a subject, but with wildcards; `>` only at the end. */
export const refusedFilter = (text: string): string | null => {
  const tokens = text.split('.')
  const plain = refusedSubject(tokens.map(t => (t === '*' || t === '>' ? 'x' : t)).join('.'))
  if (plain !== null) return plain
  return tokens.slice(0, -1).includes('>') ? 'it has > before its end' : null
}

/** What is said about one that is refused. */
export const refusalText = (text: string, refused: string): string =>
  `cannot publish to the subject ${JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)}: ${refused}. Build subjects of data with the subject\`…\` tag, which encodes such characters`

/** Throws InvalidSubject, naming what was to be published to where. */
export const requireSubject = (text: string, label: string): void => refuse(text, refusedSubject(text), label)

const dollar = 0x24

/** The same of a subject that data has made: it must neither tell the server to delete a stream, nor be passed over by who reads. */
export const requireDataSubject = (text: string, label: string): void => {
  if (typeof text !== 'string') return refuseGiven(label, 'subject', text, 'A subject is a text, such as subject`orders.${order.id}`.')
  const isServers = text.charCodeAt(0) === dollar && /^\$(JS|SYS)\./.test(text)
  refuse(text, isServers ? 'it is one of the server itself' : isMarker(text) ? 'it is one of a marker' : refusedSubject(text), label)
}

const refuse = (text: string, refused: string | null, label: string): void => {
  if (refused !== null) throw new JetStreamIOError('InvalidSubject', `${label} ${refusalText(text, refused)}.`)
}
