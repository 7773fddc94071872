import { assert } from 'chai'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import type { Coder as CoderOf } from '../../../sdk/coders/coder.ts'
import { ByteReader, ByteWriter, Coder, attempt, intervalWindow, pane, streamOf, windowedValue } from '../../../sdk/coders/index.ts'
import { IntervalWindow } from '../../../sdk/model/window.ts'
import { GlobalWindow, Instant, NO_FIRING, bytesOf, left, refusal, right } from './support.ts'

const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ minLength: 19, maxLength: 300 }))
const whole = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.maxSafeInteger())
const time = fc
  .oneof(
    fc.maxSafeInteger(),
    fc.integer(),
    fc.constantFrom<number>(Instant.min, Instant.max, -9_223_372_036_854_410, 9_223_372_036_000_000),
  )
  .map(Instant.ofMillis)
const window = fc.oneof(
  fc
    .tuple(time, time)
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => (a < b ? IntervalWindow.of(a, b) : IntervalWindow.of(b, a))),
  fc.constant(GlobalWindow),
)

/** A coder that a user might write, with nothing of ours inside. */
const handWritten: CoderOf<string> = {
  urn: 'test:reversed',
  deterministic: true,
  encode: value => bytesOf([...value].reverse().join('')),
  decode: bytes => E.right([...new TextDecoder().decode(bytes)].reverse().join('')),
}

const person = Coder.struct({
  name: Coder.string,
  age: Coder.varint,
  tags: Coder.iterable(Coder.string),
  nick: Coder.nullable(handWritten),
})
const personValue = fc.record({
  name: text,
  age: whole,
  tags: fc.array(text, { maxLength: 4 }),
  nick: fc.option(fc.string({ unit: 'grapheme' })),
})
const paneValue = fc.oneof(
  fc.record({
    timing: fc.constant('early' as const),
    index: fc.nat(),
    nonSpeculativeIndex: fc.constant(-1),
    isFirst: fc.boolean(),
    isLast: fc.boolean(),
  }),
  fc.record({
    timing: fc.constantFrom('onTime' as const, 'late' as const),
    index: fc.nat(),
    nonSpeculativeIndex: fc.nat(),
    isFirst: fc.boolean(),
    isLast: fc.boolean(),
  }),
  fc.constant(NO_FIRING),
)

type Law = <R>(check: <A>(coder: CoderOf<A>, value: fc.Arbitrary<A>) => R) => R
const law =
  <A>(coder: CoderOf<A>, value: fc.Arbitrary<A>): Law =>
  check =>
    check(coder, value)

const laws: Readonly<Record<string, Law>> = {
  bytes: law(Coder.bytes, fc.uint8Array({ maxLength: 200 })),
  string: law(Coder.string, text),
  varint: law(Coder.varint, whole),
  double: law(
    Coder.double,
    fc.double().map(n => n + 0),
  ),
  boolean: law(Coder.boolean, fc.boolean()),
  instant: law(Coder.instant, time),
  nullable: law(Coder.nullable(Coder.string), fc.option(text)),
  option: law(Coder.option(Coder.varint), fc.option(whole).map(O.fromNullable)),
  either: law(
    Coder.either(Coder.string, Coder.varint),
    fc.oneof(
      text.map(l => E.left(l) as E.Either<string, number>),
      whole.map(r => E.right(r) as E.Either<string, number>),
    ),
  ),
  kv: law(Coder.kv(Coder.string, Coder.kv(Coder.varint, Coder.bytes)), fc.tuple(text, fc.tuple(whole, fc.uint8Array()))),
  iterable: law(Coder.iterable(Coder.iterable(Coder.string)), fc.array(fc.array(text, { maxLength: 4 }), { maxLength: 4 })),
  struct: law(person, personValue),
  imap: law(
    Coder.imap(
      (s: string): E.Either<string, readonly [string]> => E.right([s]),
      ([s]: readonly [string]) => s,
    )(Coder.string),
    fc.tuple(text),
  ),
  'a hand-written coder': law(handWritten, fc.string({ unit: 'grapheme' })),
  'a pair of hand-written coders': law(
    Coder.kv(handWritten, handWritten),
    fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })),
  ),
  'interval windows': law(
    intervalWindow,
    window.map(({ start, end }) => ({ start, end })),
  ),
  panes: law(pane, paneValue),
  'windowed values': law(
    windowedValue(Coder.string, intervalWindow),
    fc.record({
      value: text,
      timestamp: time,
      windows: fc.array(
        window.map(({ start, end }) => ({ start, end })),
        { maxLength: 3 },
      ),
      pane: paneValue,
    }),
  ),
}

describe('Every coder', () => {
  for (const [name, run] of Object.entries(laws)) {
    it(`gives back what it was given: ${name}`, () =>
      run((coder, value) => fc.assert(fc.property(value, v => assert.deepEqual(right(coder.decode(coder.encode(v))), v)))))

    it(`is found again among other values in one buffer: ${name}`, () =>
      run((coder, value) =>
        fc.assert(
          fc.property(fc.array(value, { maxLength: 5 }), vs => {
            const stream = streamOf(coder)
            const w = new ByteWriter(1)
            for (const v of vs) stream.write(v, w)
            const r = new ByteReader(Buffer.from(w.finish()))
            for (const v of vs) assert.deepEqual(stream.read(r), v)
            assert.strictEqual(r.remaining, 0)
          }),
          { numRuns: 30 },
        ),
      ))

    it(`says what is wrong with bytes of no meaning and never throws: ${name}`, () =>
      run((coder, value) =>
        fc.assert(
          fc.property(fc.uint8Array({ maxLength: 60 }), value, fc.nat(), (random, v, n) => {
            const encoded = coder.encode(v)
            for (const bytes of [random, encoded.subarray(0, n % (encoded.length + 1))])
              assert.include(['Left', 'Right'], coder.decode(bytes)._tag)
            const nested = Coder.kv(coder, Coder.varint)
            const whole = nested.encode([v, 1])
            const short = attempt(whole, () => streamOf(nested).read(new ByteReader(whole, 0, n % whole.length)))
            assert.strictEqual(short._tag, 'Left', 'a cut value')
          }),
        ),
      ))
  }

  it('refuses bytes that are left over', () => {
    assert.include(left(Coder.varint.decode(Uint8Array.of(1, 2))).reason, '1 bytes are left over')
  })

  it('leaves what it returned alone when it encodes again', () => {
    const first = Coder.string.encode('one')
    Coder.string.encode('two')
    assert.deepEqual(first, bytesOf('one'))
  })

  it('gives bytes of their own, of a Buffer too', () => {
    const source = Buffer.from('abc')
    const decoded = right(Coder.bytes.decode(source))
    source[0] = 0
    assert.deepEqual(decoded, bytesOf('abc'))
    assert.strictEqual(Object.getPrototypeOf(decoded), Uint8Array.prototype)
  })
})

describe('Coders of single values', () => {
  it('refuse a fraction or a number beyond 2^53 as a varint, and say what to use', () => {
    assert.match(refusal(() => Coder.varint.encode(1.5)).message, /the number 1\.5.*Coder\.double/)
    refusal(() => Coder.varint.encode(2 ** 53))
    assert.include(left(Coder.varint.decode(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 127))).reason, '9223372036854775807')
  })

  it('refuse a varint of more than 64 bits', () => {
    assert.include(left(Coder.varint.decode(new Uint8Array(11).fill(255))).reason, '64 bits')
    left(Coder.varint.decode(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 255, 2)))
  })

  it('write every NaN, however it was computed, as the same bytes', () => {
    const odd = new Float64Array(new BigUint64Array([0xfff8_0000_0000_0001n]).buffer)[0] ?? 0
    assert.deepEqual(Coder.double.encode(odd), Coder.double.encode(NaN))
  })

  it('refuse text with half a surrogate pair, which UTF-8 would change', () => {
    refusal(() => Coder.string.encode('\ud800'))
    refusal(() => Coder.string.encode(`${'long '.repeat(20)}\udc00`))
  })

  it('refuse bytes that are no UTF-8, and keep a byte order mark', () => {
    assert.include(left(Coder.string.decode(Uint8Array.of(0xc3))).reason, 'UTF-8')
    assert.strictEqual(right(Coder.string.decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))), '\ufeffa')
  })

  it('refuse timestamps beyond the ends of time', () => {
    left(Coder.instant.decode(new Uint8Array(8)))
    left(Coder.instant.decode(new Uint8Array(8).fill(255)))
  })

  it('order the bytes of instants as time is ordered', () => {
    fc.assert(
      fc.property(time, time, (a, b) => {
        const order = Buffer.compare(Coder.instant.encode(a), Coder.instant.encode(b))
        assert.strictEqual(order, Math.sign(a - b))
      }),
    )
  })
})

describe('Coders made of coders', () => {
  it('name the path of what could not be written', () => {
    const error = refusal(() => Coder.kv(Coder.string, person).encode(['k', { name: 'n', age: 1, tags: ['a', 1 as never], nick: null }]))
    assert.deepEqual(error.path, [1, 'tags', 1])
    assert.match(error.message, /^cannot encode \$\[1\]\.tags\[1\]: the number 1, where a string belongs\./)
  })

  it('name the path of what could not be read', () => {
    const bytes = person.encode({ name: 'n', age: 1, tags: ['é'], nick: null })
    bytes[bytes.indexOf(0xc3)] = 0xff
    assert.deepEqual(left(person.decode(bytes)).path, ['tags', 0])
  })

  it('write a struct the same whatever the order of its declaration and of the value', () => {
    const other = Coder.struct({ b: Coder.string, a: Coder.varint })
    const one = Coder.struct({ a: Coder.varint, b: Coder.string })
    assert.deepEqual(one.encode({ a: 1, b: 'x' }), other.encode({ b: 'x', a: 1 }))
    assert.strictEqual(one.urn, other.urn)
  })

  it('are deterministic where their parts are', () => {
    const loose: CoderOf<string> = { ...handWritten, deterministic: false }
    assert.isTrue(Coder.kv(Coder.string, Coder.varint).deterministic)
    for (const coder of [
      Coder.kv(loose, Coder.string),
      Coder.nullable(loose),
      Coder.iterable(loose),
      Coder.struct({ a: loose }),
      Coder.option(loose),
    ])
      assert.isFalse(coder.deterministic)
  })

  it('turn a refusal, or an exception, of imap into a Left', () => {
    const positive = Coder.imap(
      (n: number): E.Either<string, number> => (n > 0 ? E.right(n) : E.left('not positive')),
      (n: number) => n,
    )(Coder.varint)
    assert.strictEqual(left(positive.decode(Uint8Array.of(0))).reason, 'not positive')
    const throwing = Coder.imap(
      (): E.Either<string, number> => {
        throw new Error('oops')
      },
      (n: number) => n,
    )(Coder.varint)
    assert.include(left(throwing.decode(Uint8Array.of(0))).reason, 'oops')
  })

  it('do not let four forged bytes fill the memory', () => {
    left(Coder.iterable(Coder.struct({})).decode(Uint8Array.of(127, 255, 255, 255)))
  })

  it('bound elements that take no bytes across all chunks of a sequence, read or written', () => {
    const empties = Coder.iterable(Coder.struct({}))
    const chunks = (count: number): Uint8Array => Uint8Array.from([255, 255, 255, 255, ...Array.from({ length: count }, () => 16), 0])
    assert.lengthOf(right(empties.decode(chunks(4))), 64)
    assert.match(left(empties.decode(chunks(5))).reason, /more than 64 elements that take no bytes/)
    assert.match(left(Coder.iterable(empties).decode(Uint8Array.from([0, 0, 0, 1, ...chunks(5)]))).reason, /more than 64/)
    const values = (count: number): ReadonlyArray<Readonly<Record<string, never>>> => Array.from({ length: count }, () => ({}))
    assert.deepEqual(right(empties.decode(empties.encode(values(64)))), values(64))
    assert.match(refusal(() => empties.encode(values(65))).message, /more than 64 elements that take no bytes/)
  })
  it('keep a user’s coder working that encodes with ours inside', () => {
    const inner: CoderOf<string> = {
      urn: 'test:inner',
      deterministic: true,
      encode: s => Coder.string.encode(s.toUpperCase()),
      decode: Coder.string.decode,
    }
    assert.deepEqual(right(Coder.kv(inner, Coder.string).decode(Coder.kv(inner, Coder.string).encode(['a', 'b']))), ['A', 'b'])
  })
})
