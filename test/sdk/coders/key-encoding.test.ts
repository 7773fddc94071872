import { assert } from 'chai'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import type { Coder as CoderOf } from '../../../sdk/coders/coder.ts'
import { Coder, groupingKey, hashKeyBytes, keyGroupOf } from '../../../sdk/coders/index.ts'
import { murmur3 } from '../../../sdk/coders/murmur3.ts'
import { data, reordered } from './arbitraries.ts'
import { bytesOf, refusal } from './support.ts'

const sameValueZero = (a: unknown, b: unknown): boolean => a === b || (a !== a && b !== b)

describe('Grouping by a key', () => {
  it('is equality of encoded keys', () => {
    const keyOf = groupingKey<unknown>(null)
    const coder = Coder.structural<unknown>()
    const likely = fc.oneof(
      data,
      fc.constantFrom('', '1', 1, 1n, true, null, undefined, '\u0000', '\u0000\u0041a', '\u0000\u0081', [1], { a: 1 }),
    )
    fc.assert(
      fc.property(likely, likely, (a, b) => {
        const equal = Buffer.compare(coder.encode(a), coder.encode(b)) === 0
        assert.strictEqual(sameValueZero(keyOf(a), keyOf(b)), equal)
        assert.isTrue(sameValueZero(keyOf(a), keyOf(reordered(a))))
      }),
      { numRuns: 1000 },
    )
  })

  it('takes -0 for 0 and every NaN for the same, as a Map does', () => {
    const keyOf = groupingKey<unknown>(null)
    const groups = new Map([-0, 0, NaN, 0 / 0].map(n => [keyOf(n), n]))
    assert.strictEqual(groups.size, 2)
    assert.strictEqual(keyOf([-0]), keyOf([0]))
  })

  it('leaves strings and numbers as they are', () => {
    for (const keyOf of [groupingKey<unknown>(null), groupingKey(Coder.structural<unknown>())])
      for (const key of ['page', '', 1, 1.5, 10n, true, null, undefined]) assert.strictEqual(keyOf(key), key)
    assert.strictEqual(groupingKey(Coder.string)('page'), 'page')
    assert.strictEqual(groupingKey(Coder.varint)(1), 1)
  })

  it('goes by the bytes of any other coder', () => {
    const caseless = Coder.imap(
      (s: string) => E.right(s),
      (s: string) => s.toLowerCase(),
    )(Coder.string)
    const keyOf = groupingKey(caseless)
    assert.strictEqual(keyOf('Page'), keyOf('page'))
    assert.notStrictEqual(keyOf('Page'), keyOf('pages'))
    const pair = groupingKey(Coder.kv(Coder.string, Coder.string))
    assert.notStrictEqual(pair(['a', 'bc']), pair(['ab', 'c']))
  })

  it('refuses a coder that is not deterministic, and a key that is no data', () => {
    assert.throws(() => groupingKey(Coder.json((u): u is string => typeof u === 'string')), /not deterministic/)
    refusal(() => groupingKey<unknown>(null)({ a: () => 1 }))
    const loose: CoderOf<string> = { urn: 'x', deterministic: false, encode: bytesOf, decode: Coder.string.decode }
    assert.throws(() => groupingKey(loose), TypeError)
  })
})

describe('The hash of a key', () => {
  it('is MurmurHash3_x86_32, by its published vectors', () => {
    const vectors: ReadonlyArray<readonly [Uint8Array, number, number]> = [
      [Uint8Array.of(), 0, 0],
      [Uint8Array.of(), 1, 0x514e28b7],
      [Uint8Array.of(), 0xffffffff, 0x81f16f39],
      [Uint8Array.of(255, 255, 255, 255), 0, 0x76293b50],
      [Uint8Array.of(0x21, 0x43, 0x65, 0x87), 0, 0xf55b516b],
      [Uint8Array.of(0x21, 0x43, 0x65, 0x87), 0x5082edee, 0x2362f9de],
      [Uint8Array.of(0x21, 0x43, 0x65), 0, 0x7e4a8634],
      [Uint8Array.of(0x21, 0x43), 0, 0xa0f7b07a],
      [Uint8Array.of(0x21), 0, 0x72661cf4],
      [Uint8Array.of(0, 0, 0, 0), 0, 0x2362f9de],
      [Uint8Array.of(0, 0, 0), 0, 0x85f0b427],
      [Uint8Array.of(0, 0), 0, 0x30f4c306],
      [Uint8Array.of(0), 0, 0x514e28b7],
      [bytesOf('aaaa'), 0x9747b28c, 0x5a97808a],
      [bytesOf('Hello, world!'), 0x9747b28c, 0x24884cba],
      [bytesOf('The quick brown fox jumps over the lazy dog'), 0x9747b28c, 0x2fa826cd],
    ]
    for (const [bytes, seed, hash] of vectors) assert.strictEqual(murmur3(bytes, seed), hash)
    assert.strictEqual(hashKeyBytes(Uint8Array.of(0x21)), 0x72661cf4)
  })

  it('spreads keys that differ in one character evenly over 1024 key groups', () => {
    const counts = new Array<number>(1024).fill(0)
    for (let i = 0; i < 102_400; i++) {
      const group = keyGroupOf(Coder.structural<string>().encode(`user-${i}`))
      counts[group] = (counts[group] ?? 0) + 1
    }
    assert.isAbove(Math.min(...counts), 50)
    assert.isBelow(Math.max(...counts), 150)
    assert.strictEqual(keyGroupOf(bytesOf('user-1'), 1), 0)
  })
})
