import { assert } from 'chai'
import fc from 'fast-check'
import type * as Ei from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { z } from 'zod'
import type { DecodeError, StandardSchema } from '../../../sdk/coders/index.ts'
import { ByteReader, ByteWriter, Coder, Decoder, Encoder, streamOf } from '../../../sdk/coders/index.ts'
import { minutes } from '../../../sdk/model/time.ts'
import { Instant, bytesOf, left, refusal, right } from './support.ts'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

describe('Encoder.json', () => {
  const encode = (value: unknown): string => text(Encoder.json<unknown>().encode(value))

  it('writes what JSON.stringify writes', () => {
    fc.assert(fc.property(fc.jsonValue(), value => assert.strictEqual(encode(value), JSON.stringify(value))))
  })

  it('takes branded numbers, optional properties, options, dates and class instances', () => {
    class Point {
      readonly x = 1
    }
    assert.strictEqual(
      encode({ at: Instant.ofMillis(5), for: minutes(1), note: undefined, o: O.some(1) }),
      '{"at":5,"for":60000,"o":{"_tag":"Some","value":1}}',
    )
    assert.strictEqual(encode([new Date(0), new Point()]), '["1970-01-01T00:00:00.000Z",{"x":1}]')
  })

  it('refuses what JSON would lose without a word, with the path', () => {
    const cases: ReadonlyArray<readonly [unknown, string]> = [
      [undefined, '$'],
      [() => 1, '$'],
      [{ a: { b: () => 1 } }, '$.a.b'],
      [{ a: 1n }, '$.a'],
      [{ a: [1, NaN] }, '$.a[1]'],
      [[Infinity], '$[0]'],
      [[undefined], '$[0]'],
      [{ m: new Map([[1, 2]]) }, '$.m'],
      [{ s: new Set([1]) }, '$.s'],
      [{ s: Symbol('x') }, '$.s'],
      [{ e: new Error('lost') }, '$.e'],
      [{ p: Promise.resolve(1) }, '$.p'],
      [{ b: new Uint8Array(2) }, '$.b'],
      [{ d: new Date(NaN) }, '$.d'],
      [{ n: { toJSON: () => NaN } }, '$.n'],
    ]
    for (const [value, path] of cases) assert.include(refusal(() => encode(value)).message, `cannot encode ${path}: `)
  })

  it('refuses a cycle instead of running out of stack', () => {
    const a: Record<string, unknown> = {}
    a['b'] = [a]
    assert.match(refusal(() => encode(a)).message, /\$\.b\[0\]: a cycle: it is \$ again/)
  })

  it('writes half a surrogate pair as an escape, which loses nothing', () => {
    assert.strictEqual(encode('\ud800'), '"\\ud800"')
  })
})

describe('Decoder.json', () => {
  const click = z.object({ page: z.string(), at: z.number().transform(Instant.ofMillis), count: z.number().default(1) })

  it('validates with any Standard Schema, transforms and defaults included', () => {
    const decoder = Decoder.json(click)
    const decoded: Ei.Either<DecodeError, { page: string; at: Instant; count: number }> = decoder.decode(bytesOf('{"page":"/","at":5}'))
    assert.deepEqual(right(decoded), { page: '/', at: Instant.ofMillis(5), count: 1 })
  })

  it('says where and why a value is refused', () => {
    const raw = bytesOf('{"items":[{"n":1},{"n":"x"}],"id":2}')
    const error = left(Decoder.json(z.object({ items: z.array(z.object({ n: z.number() })), id: z.string() })).decode(raw))
    assert.deepEqual(error.path, ['items', 1, 'n'])
    assert.match(error.reason, /\$\.items\[1\]\.n: .*number.*; \$\.id: .*string/i)
    assert.strictEqual(error.raw, raw)
  })

  it('validates with a guard', () => {
    const decoder = Decoder.json((u): u is string => typeof u === 'string')
    assert.strictEqual(right(decoder.decode(bytesOf('"a"'))), 'a')
    assert.include(left(decoder.decode(bytesOf('1'))).reason, 'guard')
  })

  it('gives a Left for text that is no JSON, bytes that are no UTF-8, and a validator that throws', () => {
    const anything = Decoder.json((_): _ is unknown => true)
    assert.include(left(anything.decode(bytesOf('{'))).reason, 'not JSON')
    assert.include(left(anything.decode(Uint8Array.of(0x22, 0xff, 0x22))).reason, 'UTF-8')
    const throwing = Decoder.json((u): u is string => (u as { readonly a: { readonly b: string } }).a.b === '')
    assert.include(left(throwing.decode(bytesOf('1'))).reason, 'the validator threw')
    fc.assert(fc.property(fc.uint8Array(), bytes => assert.include(['Left', 'Right'], anything.decode(bytes)._tag)))
  })

  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

  it('refuses what nests deeper than could be written again, wherever it is deep', () => {
    const anything = Decoder.json(z.unknown())
    assert.match(left(anything.decode(bytesOf(nested(501)))).reason, /^JSON nested deeper than 500 levels/)
    for (const deep of [
      `{"a":"\\\\","b":${nested(500)}}`,
      `["${'['.repeat(2_000)}\\"",${nested(500)}]`,
      '{"a":'.repeat(501) + '1' + '}'.repeat(501),
    ])
      assert.match(left(anything.decode(bytesOf(deep))).reason, /nested deeper/)
    for (const flat of [nested(500), `["${'['.repeat(2_000)}\\""]`, `[${Array.from({ length: 2_000 }, () => '[{}]').join(',')}]`])
      assert.deepEqual(right(anything.decode(bytesOf(flat))), JSON.parse(flat))
  })

  it('gives no value that a pipeline could not put into a checkpoint, wrapped as it wraps elements', () => {
    const value = right(Decoder.json(z.unknown()).decode(bytesOf(nested(500))))
    const coder = Coder.structural<unknown>()
    const wrapped = { _tag: 'Right', right: ['key', [{ value }]] }
    assert.deepEqual(right(coder.decode(coder.encode(wrapped))), wrapped)
    const w = new ByteWriter()
    streamOf(coder).write([[[[wrapped]]]], w)
    assert.deepEqual(streamOf(coder).read(new ByteReader(w.finish())), [[[[wrapped]]]])
  })

  it('does not quote a text that is no JSON', () => {
    for (const broken of ['{"password":"s3cret', '{"password":s3cret}', 's3cret', '["s3cret" x', '{"a":"s3\ncret"}'])
      assert.notMatch(left(Decoder.json(z.any()).decode(bytesOf(broken))).reason, /s3|cret/)
  })

  it('says of a schema that it overflowed the stack, and not that it is asynchronous', () => {
    const overflow = (): never => overflow()
    const recursive: StandardSchema<unknown, unknown> = {
      '~standard': { version: 1, vendor: 'test', validate: value => (Array.isArray(value) ? overflow() : { value }) },
    }
    assert.match(left(Decoder.json(recursive).decode(bytesOf(nested(300)))).reason, /overflowed the stack.* 300 levels/)
    assert.match(
      left(Decoder.json((value): value is 1 => (value === 1 ? true : overflow())).decode(bytesOf('[1]'))).reason,
      /overflowed the stack/,
    )
    // As zod does: whatever was thrown, it begins again with promises.
    const retrying: typeof recursive = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: value => (Array.isArray(value) ? Promise.reject(new RangeError('stack')) : { value }),
      },
    }
    const decoder = Decoder.json(retrying)
    assert.match(
      left(decoder.decode(bytesOf(nested(300)))).reason,
      /overflowed the stack on a value that nests 300 levels deep, or it is asynchronous/,
    )
    assert.strictEqual(right(decoder.decode(bytesOf('1'))), 1)
    assert.match(left(decoder.decode(bytesOf(nested(300)))).reason, /overflowed the stack: the value nests 300 levels deep/)
  })

  it('refuses an asynchronous schema by name, and leaves no rejection behind', async () => {
    const late = z.string().refine(async () => Promise.reject(new Error('late')))
    assert.match(left(Decoder.json(late).decode(bytesOf('"a"'))).reason, /asynchronous.*mapAsync/)
    await new Promise(resolve => setImmediate(resolve))
  })

  it('takes a schema written by hand, with path segments as objects', () => {
    const schema: StandardSchema<unknown, number> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: value => (typeof value === 'number' ? { value } : { issues: [{ message: 'no', path: [{ key: 'a' }, 0] }] }),
      },
    }
    assert.strictEqual(right(Decoder.json(schema).decode(bytesOf('3'))), 3)
    assert.deepEqual(left(Decoder.json(schema).decode(bytesOf('""'))).path, ['a', 0])
  })

  it('passes over a byte order mark', () => {
    assert.strictEqual(right(Decoder.json((u): u is number => typeof u === 'number').decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31))), 1)
  })
})

describe('Coder.json', () => {
  it('goes both ways, and nests', () => {
    const coder = Coder.json(z.object({ from: z.number(), to: z.number().nullable() }))
    const pair = Coder.kv(coder, coder)
    const value = [
      { from: 1, to: null },
      { from: 2, to: 3 },
    ] as const
    assert.deepEqual(right(pair.decode(pair.encode(value))), value)
    assert.isFalse(coder.deterministic)
  })

  it('takes no schema that cannot read back what it gives', () => {
    // @ts-expect-error a Date goes out as text: it cannot be read back by the same schema
    Coder.json(z.object({ at: z.string().transform(s => new Date(s)) }))
  })

  it('refuses what JSON would lose', () => {
    refusal(() => Coder.json((u): u is number => typeof u === 'number').encode(NaN))
  })
})

describe('Text and bytes at the edge', () => {
  it('are strict UTF-8, and the same bytes in memory of their own', () => {
    assert.strictEqual(right(Decoder.text.decode(Encoder.text().encode('é'))), 'é')
    left(Decoder.text.decode(Uint8Array.of(0xff)))
    refusal(() => Encoder.text().encode('\ud800'))
    const bytes = Uint8Array.of(1)
    assert.deepStrictEqual(right(Decoder.bytes.decode(bytes)), bytes)
    assert.notStrictEqual(right(Decoder.bytes.decode(bytes)), bytes)
  })
})
