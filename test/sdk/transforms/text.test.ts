// Regex and ToString.
import { assert } from 'chai'
import { Create, type PCollection, Regex, ToString, pipe } from '../../../sdk/index.ts'
import { containsInAnyOrder, PAssert, TestPipeline } from '../../../runners/direct/testing.ts'

const gives = <A>(texts: ReadonlyArray<string>, transform: (pc: PCollection<string>) => PCollection<A>, expected: ReadonlyArray<A>) =>
  pipe(Create.of(texts), transform, PAssert.that(containsInAnyOrder(expected)), TestPipeline.run())

describe('Regex', () => {
  it('matches whole texts, whatever ^ and $ mean to the expression', async () => {
    await gives(['abc', 'xabc', 'abcx', 'ab'], Regex.matches(/a(b|bc)c?/), ['abc', 'ab'])
    await gives(['a', 'a\nb'], Regex.matches(/^a$/m), ['a'])
    await gives(['a1', 'b2', 'c'], Regex.matches(/([ab])(\d)/, 2), ['1', '2'])
    await gives(['a1', 'c'], Regex.matches(/(?<letter>[a-z])\d?/, 'letter'), ['a', 'c'])
  })
  it('gives two groups as key and value, and drops a match without them', async () => {
    await gives(['a1', 'b'], Regex.matchesKV(/([a-z])(\d)?/, 1, 2), [['a', '1']])
    await gives(['say a1 and b2', '-'], Regex.findKV(/(?<k>[a-z])(?<v>\d)/, 'k', 'v'), [['a', '1']])
  })
  it('gives all groups of a whole match, null for one that took no part', () =>
    gives(['ab', 'a', 'x'], Regex.allMatches(/(a)(b)?/), [
      ['ab', 'a', 'b'],
      ['a', 'a', null],
    ]))
  it('finds a part, or all of them, with no memory of the text before', async () => {
    await gives(['xay', 'a', 'b'], Regex.find(/a/g), ['a', 'a'])
    await gives(['a1b2', '-'], Regex.find(/([a-z])(\d)/, 2), ['1'])
    await gives(['a1b2', '-'], Regex.findAll(/\d/), [['1', '2'], []])
  })
  it('replaces the first match, or all of them, with groups', async () => {
    await gives(['aa', 'b'], Regex.replaceFirst(/a/g, 'x'), ['xa', 'b'])
    await gives(['a1a2'], Regex.replaceAll(/a(\d)/, '<$1>'), ['<1><2>'])
  })
  it('splits, without empty texts unless they are asked for, and without what its groups match', async () => {
    await gives(['a  b c', ' '], Regex.split(/(\s)/), ['a', 'b', 'c'])
    await gives(['a,,b', ''], Regex.split(/,/, { keepEmpty: true }), ['a', '', 'b', ''])
    await gives(['abc'], Regex.split(/(?:)/), ['a', 'b', 'c'])
  })
  it('refuses a group that the expression does not have', () => {
    assert.throws(() => Regex.find(/(a)/, 2), RangeError, 'Regex.find: the expression /(a)/ has no group 2')
    assert.throws(() => Regex.matchesKV(/(?<k>a)(b)/, 'k', 'v'), RangeError, /no group v/)
  })
})

describe('ToString', () => {
  it('gives text of elements, pairs and iterables', async () => {
    const date = new Date(0)
    const values: ReadonlyArray<unknown> = ['a', 1, null, true, 5n, date, { a: [1] }]
    await pipe(
      Create.of(values),
      ToString.elements,
      PAssert.that(containsInAnyOrder(['a', '1', 'null', 'true', '5', '1970-01-01T00:00:00.000Z', '{"a":[1]}'])),
      TestPipeline.run(),
    )
    await pipe(Create.of([['a', 1] as const]), ToString.kvs(), PAssert.that(containsInAnyOrder(['a,1'])), TestPipeline.run())
    await pipe(Create.of([['a', 1] as const]), ToString.kvs(': '), PAssert.that(containsInAnyOrder(['a: 1'])), TestPipeline.run())
    await pipe(Create.of([[1, 2], []]), ToString.iterables(' '), PAssert.that(containsInAnyOrder(['1 2', ''])), TestPipeline.run())
  })
})
