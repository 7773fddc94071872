// Subject filters: whether one matches a subject, whether two could match the same one, and a matcher that is fast for many messages.
import type { Refusal } from '../settings/schema.ts'
import { JetStreamIOError } from './errors.ts'
import { refusedFilter } from './subject.ts'

const isWild = (filter: string): boolean => filter.split('.').some(t => t === '*' || t === '>')

/** Whether `filter` selects `subject`. */
export const matches = (filter: string, subject: string): boolean => matchTokens(filter.split('.'), subject.split('.'))

const matchTokens = (filter: ReadonlyArray<string>, tokens: ReadonlyArray<string>): boolean => {
  for (let i = 0; i < filter.length; i++) {
    if (filter[i] === '>') return tokens.length > i
    if (i >= tokens.length || (filter[i] !== '*' && filter[i] !== tokens[i])) return false
  }
  return filter.length === tokens.length
}

/** Whether some subject is selected by both. */
export const overlaps = (a: string, b: string): boolean => overlapTokens(a.split('.'), b.split('.'))

const overlapTokens = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): boolean => {
  for (let i = 0; ; i++) {
    const [l, r] = [left[i], right[i]]
    if (l === undefined || r === undefined) return l === r
    if (l === '>' || r === '>') return true
    if (l !== '*' && r !== '*' && l !== r) return false
  }
}

/** Whether `outer` selects all that `inner` does. */
export const covers = (outer: string, inner: string): boolean => {
  const [o, n] = [outer.split('.'), inner.split('.')]
  for (let i = 0; i < o.length; i++) {
    if (o[i] === '>') return n.length > i
    if (n[i] === undefined || n[i] === '>') return false
    if (o[i] !== '*' && o[i] !== n[i]) return false
  }
  return o.length === n.length
}

/** Each is compared with all others. */
const mostWild = 1_000

/**
 * Why these cannot select messages together, or null: one is not valid (InvalidSubject), or two overlap (OverlappingSubjects): which of
 * the two a message came by would be undefined, and the server refuses them as well.
 */
export const refusalOfFilters = (filters: ReadonlyArray<string>): Refusal | null => {
  const literals = new Set<string>()
  const all: { readonly filter: string; readonly tokens: ReadonlyArray<string> }[] = []
  const wild: typeof all = []
  for (const filter of filters) {
    const refused = refusedFilter(filter)
    if (refused !== null) return { tag: 'InvalidSubject', reason: `${JSON.stringify(filter)} cannot select messages: ${refused}` }
    const one = { filter, tokens: filter.split('.') }
    // Two without wildcards overlap where they are the same: only those with some are compared with all.
    const other = literals.has(filter)
      ? filter
      : (isWild(filter) ? all : wild).find(earlier => overlapTokens(earlier.tokens, one.tokens))?.filter
    if (isWild(filter)) wild.push(one)
    else literals.add(filter)
    all.push(one)
    if (wild.length > mostWild)
      return { tag: 'InvalidOptions', reason: `more than ${mostWild} subjects have wildcards: name fewer, or one that takes in several` }
    if (other !== undefined)
      return {
        tag: 'OverlappingSubjects',
        reason: `the subjects ${JSON.stringify(other)} and ${JSON.stringify(filter)} overlap. Leave out the narrower one, or make them disjoint`,
      }
  }
  return null
}

/** Throws for what is refused. */
export const requireFilters = (filters: ReadonlyArray<string>, label: string): void => {
  const refusal = refusalOfFilters(filters)
  if (refusal !== null) throw new JetStreamIOError(refusal.tag, `${label}: ${refusal.reason}.`)
}

export type SubjectMatcher = (subject: string) => boolean

/** A matcher for all of `filters` together; null where they select whatever lies in a stream of `streamSubjects`. */
export const matcherOf = (filters: ReadonlyArray<string>, streamSubjects: ReadonlyArray<string>): SubjectMatcher | null => {
  if (filters.length === 0 || filters.includes('>')) return null
  if (streamSubjects.length > 0 && streamSubjects.every(s => filters.some(f => covers(f, s)))) return null
  const literals = new Set(filters.filter(f => !isWild(f)))
  // `a.b.>` is most of what is written: a prefix comparison needs no tokens.
  const prefixes = filters.filter(f => f.endsWith('.>') && !isWild(f.slice(0, -2))).map(f => f.slice(0, -1))
  const rest = filters.filter(f => isWild(f) && !(f.endsWith('.>') && !isWild(f.slice(0, -2)))).map(f => f.split('.'))
  return subject => {
    if (literals.has(subject)) return true
    for (const prefix of prefixes) if (subject.length > prefix.length && subject.startsWith(prefix)) return true
    if (rest.length === 0) return false
    const tokens = subject.split('.')
    return rest.some(filter => matchTokens(filter, tokens))
  }
}
