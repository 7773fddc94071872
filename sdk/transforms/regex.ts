// Text by regular expressions.
import { none, type Option, some } from 'fp-ts/lib/Option.js'
import type { Transform } from '../graph/node.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'

type Group = number | string

/** A copy without a memory: a RegExp with `g` or `y` goes on where its last call stopped. */
const stateless = (regex: RegExp): RegExp => new RegExp(regex.source, regex.flags.replaceAll(/[gy]/g, ''))
const global = (regex: RegExp): RegExp => new RegExp(regex.source, `${regex.flags.replaceAll(/[gy]/g, '')}g`)
/** Of the whole text, whatever `m` makes of ^ and $. */
const whole = (regex: RegExp): RegExp => new RegExp(`(?<![\\s\\S])(?:${regex.source})(?![\\s\\S])`, regex.flags.replaceAll(/[gy]/g, ''))

/** Throws a RangeError for a group that the expression does not have: each text would be dropped without a word. */
const requireGroups = (verb: string, regex: RegExp, ...groups: ReadonlyArray<Group>): void => {
  const found = new RegExp(`${regex.source}|`, regex.flags).exec('')
  for (const group of groups) {
    if (found === null || !(typeof group === 'number' ? group in found : group in (found.groups ?? {})))
      throw new RangeError(`Regex.${verb}: the expression ${String(regex)} has no group ${group}`)
  }
}

/** null for a group that took no part in the match. */
const groupOf = (match: RegExpExecArray, group: Group): string | null =>
  (typeof group === 'number' ? match[group] : match.groups?.[group]) ?? null

const one = (verb: string, regex: RegExp, group: Group, compiled: RegExp) => {
  requireGroups(verb, regex, group)
  return filterMap(verb, (text): Option<string> => {
    const match = compiled.exec(text)
    const found = match === null ? null : groupOf(match, group)
    return found === null ? none : some(found)
  })
}

const pairOf = (verb: string, regex: RegExp, key: Group, value: Group, compiled: RegExp) => {
  requireGroups(verb, regex, key, value)
  return filterMap(verb, (text): Option<KV<string, string>> => {
    const match = compiled.exec(text)
    if (match === null) return none
    const [k, v] = [groupOf(match, key), groupOf(match, value)]
    return k === null || v === null ? none : some([k, v])
  })
}

const step = <B>(verb: string, transform: Transform): ((pc: PCollection<string>) => PCollection<B>) => {
  return pc => apply<B>(transform, [pc], { kind: `Regex.${verb}` })
}
const filterMap = <B>(verb: string, f: (text: string) => Option<B>) => step<B>(verb, { _tag: 'FilterMap', f })

/**
 * Texts by a regular expression (Beam's Regex): `matches` asks the whole text, `find` looks for a part of it; what does not match is
 * dropped. Each gives the whole match, or the group that is asked for, by number or name; a match without that group is dropped too. The
 * flags `g` and `y` have no meaning here. Throws a RangeError for a group that the expression does not have.
 *
 * @example
 * pipe(lines, Regex.findKV(/(?<level>[A-Z]+) (?<text>.*)/, 'level', 'text')) // => ['INFO', 'started'], ['WARN', 'slow']
 * pipe(lines, Regex.find(/[a-z]+/)) // => 'started', 'slow'
 * pipe(lines, Regex.findAll(/[A-Z]/)) // => ['I', 'N', 'F', 'O'], ['W', 'A', 'R', 'N']
 * pipe(lines, Regex.matches(/WARN (.*)/, 1)) // => 'slow'
 * pipe(lines, Regex.matchesKV(/WARN (.)(.*)/, 1, 2)) // => ['s', 'low']
 * pipe(lines, Regex.allMatches(/WARN( !)? (.*)/)) // => ['WARN slow', null, 'slow']
 * pipe(lines, Regex.replaceAll(/[A-Z]/, '.')) // => '.... started', '.... slow'
 * pipe(lines, Regex.replaceFirst(/([A-Z]+)/, '[$1]')) // => '[INFO] started', '[WARN] slow'
 * pipe(lines, Regex.split(/ /)) // => 'INFO', 'started', 'WARN', 'slow'
 */
export const Regex = Object.freeze({
  /** Of texts that match as a whole: the match, or one of its groups. */
  matches: (regex: RegExp, group: Group = 0) => one('matches', regex, group, whole(regex)),
  /** Of texts that match as a whole: two groups as key and value. */
  matchesKV: (regex: RegExp, key: Group, value: Group) => pairOf('matchesKV', regex, key, value, whole(regex)),
  /** Of texts that match as a whole: the match and all its groups; null for a group that took no part. */
  allMatches: (regex: RegExp) => {
    const compiled = whole(regex)
    return filterMap('allMatches', (text): Option<ReadonlyArray<string | null>> => {
      const match = compiled.exec(text)
      return match === null ? none : some(Array.from(match, (group: string | undefined) => group ?? null))
    })
  },
  /** The first part of a text that matches, or one of its groups. */
  find: (regex: RegExp, group: Group = 0) => one('find', regex, group, stateless(regex)),
  /** Of the first part of a text that matches: two groups as key and value. */
  findKV: (regex: RegExp, key: Group, value: Group) => pairOf('findKV', regex, key, value, stateless(regex)),
  /** Every part of a text that matches, as one array; an empty one where none does (as Beam's find_all in Python). */
  findAll: (regex: RegExp) => {
    const compiled = global(regex)
    return step<ReadonlyArray<string>>('findAll', {
      _tag: 'Map',
      f: (text: string) => Array.from(text.matchAll(compiled), ([match]) => match),
    })
  },
  /** Every match replaced; `$1` and `$<name>` in the replacement are groups. */
  replaceAll: (regex: RegExp, replacement: string) => {
    const compiled = global(regex)
    return step<string>('replaceAll', { _tag: 'Map', f: (text: string) => text.replace(compiled, replacement) })
  },
  /** The first match replaced. */
  replaceFirst: (regex: RegExp, replacement: string) => {
    const compiled = stateless(regex)
    return step<string>('replaceFirst', { _tag: 'Map', f: (text: string) => text.replace(compiled, replacement) })
  },
  /** What lies between matches, each an element of its own; empty texts are left out unless `keepEmpty`. */
  split: (regex: RegExp, o?: { readonly keepEmpty?: boolean | undefined }) => {
    const compiled = between(global(regex))
    const { keepEmpty = false } = o ?? {}
    return step<string>('split', {
      _tag: 'FlatMap',
      f: (text: string) => (keepEmpty ? compiled(text) : compiled(text).filter(part => part !== '')),
    })
  },
})

/** String.split puts what groups matched between the parts: they are no parts. */
const between =
  (regex: RegExp) =>
  (text: string): ReadonlyArray<string> => {
    const parts: string[] = []
    let from = 0
    for (const match of text.matchAll(regex)) {
      // An empty match at either end parts nothing.
      if (match[0] === '' && (match.index === 0 || match.index === text.length)) continue
      parts.push(text.slice(from, match.index))
      from = match.index + match[0].length
    }
    return [...parts, text.slice(from)]
  }
