import { assert } from 'chai'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import * as Immutable from 'immutable'
import { runInNewContext } from 'node:vm'
import { Coder } from '../../../sdk/coders/index.ts'
import { data, reordered } from './arbitraries.ts'
import { left, refusal, right } from './support.ts'

const coder = Coder.structural<unknown>()
const again = (value: unknown): unknown => right(coder.decode(coder.encode(value)))
const hex = (value: unknown): string => Buffer.from(coder.encode(value)).toString('hex')

describe('The structural coder', () => {
  it('gives back any data', () => {
    fc.assert(
      fc.property(data, value => assert.deepEqual(again(value), value)),
      { numRuns: 500 },
    )
  })

  it('gives equal values equal bytes, whatever the order of properties and entries', () => {
    fc.assert(
      fc.property(data, value => assert.strictEqual(hex(reordered(value)), hex(value))),
      { numRuns: 500 },
    )
  })

  it('gives what it decodes the same bytes again', () => {
    fc.assert(fc.property(data, value => assert.strictEqual(hex(again(value)), hex(value))))
  })

  it('gives different values different bytes', () => {
    const values = [
      undefined,
      null,
      false,
      true,
      0,
      1,
      -1,
      127,
      128,
      0.5,
      2 ** 53,
      NaN,
      0n,
      1n,
      -1n,
      128n,
      '',
      '0',
      '\u0000',
      '\ud800',
      '\ufffd',
      [],
      [undefined],
      {},
      { a: undefined },
      { a: null },
    ]
    const more = [
      new Map(),
      new Map([['a', 1]]),
      new Set(),
      new Set([1]),
      new Date(0),
      new Date(NaN),
      Uint8Array.of(),
      Uint8Array.of(0),
      [[1], 2],
      [1, [2]],
      { a: 1, b: 2 },
      { a: 2, b: 1 },
    ]
    const all = [...values, ...more].map(hex)
    assert.strictEqual(new Set(all).size, all.length)
  })

  it('never throws on bytes of no meaning, and says what is wrong', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => assert.include(['Left', 'Right'], coder.decode(bytes)._tag)),
      { numRuns: 3000 },
    )
    fc.assert(
      fc.property(data, fc.nat(), (value, n) => {
        const bytes = coder.encode(value)
        assert.strictEqual(coder.decode(bytes.subarray(0, n % bytes.length))._tag, 'Left')
      }),
    )
  })

  it('never throws on an encoding with a byte changed', () => {
    fc.assert(
      fc.property(data, fc.nat(), fc.integer({ min: 0, max: 255 }), (value, n, byte) => {
        const bytes = coder.encode(value)
        bytes[n % bytes.length] = byte
        assert.include(['Left', 'Right'], coder.decode(bytes)._tag)
      }),
      { numRuns: 1000 },
    )
  })

  it('refuses bytes that nest without end', () => {
    for (const tag of [0x0b, 0x0d]) left(coder.decode(new Uint8Array(100_000).fill(tag)))
    left(coder.decode(Uint8Array.from({ length: 100_000 }, (_, i) => (i % 2 === 0 ? 0x0d : 0x01))))
  })

  it('has one zero and one NaN', () => {
    assert.strictEqual(hex(-0), hex(0))
    assert.strictEqual(hex([0 / 0]), hex([NaN]))
    assert.isTrue(Object.is(again(-0), 0))
  })

  it('writes bytes that stay the same from release to release', () => {
    assert.strictEqual(
      hex({ b: 'x', a: [1, -1, 300, 0.5, null, undefined, true] }),
      '0e0441614162' + '0d078105' + '00' + '04ac02' + '063fe0000000000000' + '01' + '00' + '03' + '4178',
    )
    assert.strictEqual(
      hex(
        new Map<unknown, unknown>([
          ['b', 1n],
          ['a', new Set([2, 1])],
        ]),
      ),
      '0f02' + '4161' + '10028182' + '4162' + '070101',
    )
    assert.strictEqual(
      hex([new Date(1), Uint8Array.of(7), -256n, '\ud800', 'é'.repeat(32)]),
      '0d05' + '0b81' + '0c0107' + '08020100' + '0a01d800' + '0940' + 'c3a9'.repeat(32),
    )
  })

  it('carries Options and Eithers, Buffers as bytes, and objects of other realms or of no prototype as plain ones', () => {
    for (const value of [O.some(1), O.none, E.left('a'), E.right({ b: 1 })]) assert.deepEqual(again(value), value)
    assert.deepEqual(again(Buffer.from('abc')), new Uint8Array([97, 98, 99]))
    assert.deepEqual(again(runInNewContext('({ a: [1] })')), { a: [1] })
    assert.deepEqual(again(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
    assert.deepEqual(again(Object.assign(new Array<number>(3), { 0: 1, 2: 2 })), [1, undefined, 2])
  })

  it('carries a property named __proto__ as data', () => {
    const value: unknown = JSON.parse('{"__proto__": {"admin": true}, "z": 1}')
    const back = again(value)
    assert.deepEqual(Object.keys(back as object), ['__proto__', 'z'])
    assert.isUndefined((back as { readonly admin?: unknown }).admin)
  })

  it('refuses what is no data, with the path and a way out', () => {
    class Money {
      readonly cents = 1
    }
    const cases: ReadonlyArray<readonly [unknown, string, RegExp]> = [
      [{ order: { when: () => 1 } }, '$.order.when', /a function \(when\)/],
      [{ a: [1, Symbol('s')] }, '$.a[1]', /a symbol \(s\)/],
      [{ price: new Money() }, '$.price', /an instance of Money.*Coder\.imap/],
      [[Promise.resolve(1)], '$[0]', /a Promise.*mapAsync/],
      [{ m: new Map([['k', Immutable.Map()]]) }, '$.m.k', /an instance of/],
      [Immutable.List([1]), '$', /an instance of List/],
      [{ 'odd name': /x/ }, '$["odd name"]', /an instance of RegExp/],
      [new Float64Array(1), '$', /Float64Array/],
      [new (class Pair extends Array<number> {})(2), '$', /array/],
    ]
    for (const [value, path, what] of cases) {
      const error = refusal(() => coder.encode(value))
      assert.include(error.message, `cannot encode ${path}: `)
      assert.match(error.message, what)
    }
  })

  it('refuses a cycle by name, and a value too deep', () => {
    const order: Record<string, unknown> = { id: 1, lines: [{}] }
    order['lines'] = [{ order }]
    assert.match(refusal(() => coder.encode(order)).message, /^cannot encode \$\.lines\[0\]\.order: a cycle: it is \$ again/)
    const held = new Map<string, unknown>()
    held.set('self', held)
    assert.match(refusal(() => coder.encode({ held })).message, /\$\.held\.self: a cycle: it is \$\.held again/)
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    assert.match(refusal(() => coder.encode(deep)).message, /nested deeper than 550 levels/)
  })

  it('does not look for a cycle forever where much is shared', () => {
    let shared: unknown = 1
    for (let i = 0; i < 600; i++) shared = [shared, shared]
    assert.match(refusal(() => coder.encode(shared)).message, /nested deeper than 550 levels/)
  })

  it('takes one object in two places, which is no cycle', () => {
    const shared = { a: 1 }
    assert.deepEqual(again([shared, shared]), [{ a: 1 }, { a: 1 }])
  })

  it('never shows a whole value in an error', () => {
    const error = refusal(() => coder.encode({ ['k'.repeat(5000)]: () => 'secret'.repeat(1000) }))
    assert.isBelow(error.message.length, 300)
  })

  it('reads records of many kinds, and of many names', () => {
    const kinds = Array.from({ length: 2000 }, (_, i) => ({ [`name${i}`]: i, [`other${i % 7}`]: 1 }))
    assert.deepEqual(again(kinds), kinds)
    const wide = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`key${i}`, i]))
    assert.deepEqual(again(wide), wide)
  })
})
