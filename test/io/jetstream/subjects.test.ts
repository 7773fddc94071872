// Subjects and filters: pure rules, some of them against a slow twin.
import { assert } from 'chai'
import fc from 'fast-check'
import { subject } from '../../../io/jetstream/index.ts'
import { refusedFilter, refusedSubject } from '../../../io/jetstream/subject.ts'
import { covers, matcherOf, matches, overlaps, requireFilters } from '../../../io/jetstream/subject-filter.ts'

const token = fc.constantFrom('a', 'b', 'c')
const subjects = fc.array(token, { minLength: 1, maxLength: 4 }).map(t => t.join('.'))
const filters = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', 'c', '*'), { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([t, tail]) => [...t, ...(tail ? ['>'] : [])].join('.'))
const asRegExp = (filter: string): RegExp => new RegExp(`^${filter.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace(/>$/, '.+')}$`)

/** All subjects of up to five tokens over three letters: enough to witness any overlap of the filters above. */
const universe = [...Array(5).keys()]
  .reduce<string[][]>((all, i) => [...all, (all[i] ?? ['']).flatMap(s => ['a', 'b', 'c'].map(t => (s === '' ? t : `${s}.${t}`)))], [['']])
  .slice(1)
  .flat()

describe('subject', () => {
  it('encodes what would be a level, a wildcard or a space inside a token', () => {
    assert.equal(subject`totals.${'a.b'}.${7}`, 'totals.a%2Eb.7')
    assert.equal(subject`x.${'*'}.${'>'}.${' \n'}.${'100%'}`, 'x.%2A.%3E.%20%0A.100%25')
    assert.equal(decodeURIComponent(subject`${'a b.ü%'}`), 'a b.ü%')
  })

  it('makes of any text one token that can be published to and decoded again', () =>
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), text => {
        const made = subject`t.${text}`
        assert.isNull(refusedSubject(made))
        assert.lengthOf(made.split('.'), 2)
        assert.equal(decodeURIComponent(made.slice(2)), text)
      }),
    ))

  it('refuses an empty token', () => assert.throws(() => subject`a.${''}`, /empty/))

  it('says why nothing can be published to it', () => {
    for (const bad of ['', 'a..b', '.a', 'a.', 'a.*', '>', 'a b', 'a\r\nb']) assert.isString(refusedSubject(bad), bad)
    for (const good of ['a', 'a.b', 'a*', 'x>y.z']) assert.isNull(refusedSubject(good), good)
    assert.isString(refusedFilter('a.>.b'))
    assert.isNull(refusedFilter('a.*.>'))
  })
})

describe('Subject filters', () => {
  it('match what a regular expression would', () =>
    fc.assert(fc.property(filters, subjects, (f, s) => assert.equal(matches(f, s), asRegExp(f).test(s)))))

  it('select together what each of them selects', () =>
    fc.assert(
      fc.property(fc.array(filters, { minLength: 1, maxLength: 3 }), subjects, (fs, s) => {
        const matcher = matcherOf(fs, ['>'])
        assert.equal(
          matcher === null ? true : matcher(s),
          fs.some(f => matches(f, s)),
        )
      }),
    ))

  it('overlap where some subject is selected by both, and cover where all are', () =>
    fc.assert(
      fc.property(filters, filters, (f, g) => {
        assert.equal(
          overlaps(f, g),
          universe.some(s => matches(f, s) && matches(g, s)),
        )
        if (covers(f, g)) assert.isTrue(universe.every(s => !matches(g, s) || matches(f, s)))
      }),
      { numRuns: 60 },
    ))

  it('are refused where they overlap, with both named', () => {
    assert.throws(() => requireFilters(['a.>', 'b', 'a.x'], 'read'), /"a\.>" and "a\.x" overlap/)
    requireFilters(['a.*', 'b.>'], 'read')
  })

  it('are not applied where they select the whole stream', () => {
    assert.isNull(matcherOf(['a.>', 'b'], ['a.x', 'b']))
    assert.isNotNull(matcherOf(['a.>'], ['a.x', 'b']))
  })
})
