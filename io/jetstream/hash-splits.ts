// A read that is split by the hash of its subjects: each split reads the stream, and keeps the messages whose subject is its own.
import type { Split } from '../../sdk/splittable/source.ts'
import type { SplitDetail } from './split-detail.ts'
import type { SubjectMatcher } from './subject-filter.ts'
import type { SubjectRange } from './subject-splits.ts'

/** One of `parts`, by what it reads of a subject; plain data in checkpoints. */
export interface HashPart {
  readonly part: number
  readonly parts: number
  /** Which tokens count, from 1; none: the whole subject. */
  readonly tokens: ReadonlyArray<number>
}

export const splitsByHash = (
  parts: number,
  tokens: ReadonlyArray<number>,
  range: SubjectRange,
  detail: SplitDetail,
): ReadonlyArray<Split> =>
  Array.from({ length: parts }, (_, part) => ({
    id: `hash-${part}`,
    range,
    count: null,
    detail: { ...detail, hash: { part, parts, tokens } },
    // Two ranges of it would be read side by side, and the order of a subject lost.
    divisible: false,
  }))

/** Subjects whose part is remembered: a stream has mostly few, or each only once. */
const mostRemembered = 4_096

export const matcherOfPart = ({ part, parts, tokens }: HashPart): SubjectMatcher => {
  const known = new Map<string, boolean>()
  return subject => {
    const before = known.get(subject)
    if (before !== undefined) return before
    if (known.size >= mostRemembered) known.clear()
    const isOwn = partOf(subject, parts, tokens) === part
    known.set(subject, isOwn)
    return isOwn
  }
}

/** Fixed for ever: positions in checkpoints are those of the messages of a part. A token that a subject has not is empty. */
export const partOf = (subject: string, parts: number, tokens: ReadonlyArray<number>): number => {
  const all = subject.split('.')
  const hashed = tokens.length === 0 ? subject : tokens.map(token => all[token - 1] ?? '').join('.')
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(hashed)) hash = Math.imul(hash ^ byte, 0x01000193)
  // The low bits of FNV-1a alone are uneven for short texts.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return ((hash ^ (hash >>> 13)) >>> 0) % parts
}
