// What functions of a program without types give for an element: it is refused by name, with what it should be.
import { assert } from 'chai'
import { Create, Decoder, Encoder } from 'jetbeam'
import { KvIO, KvPut, JetStreamIO, NatsIO } from 'jetbeam/io/jetstream'
import { type PDone, outputIn } from '../../../sdk/graph/pcollection.ts'
import { emptyOutputs } from '../../../sdk/graph/sink.ts'
import { StreamMessage } from '../../../io/jetstream/message.ts'

/** A program that no compiler has seen may give anything. */
const untyped = (value: unknown): never => value as never

const encoded = ({ node: { transform } }: PDone, value: unknown = 'v') => {
  if (transform._tag !== 'Write') return assert.fail('it is no write')
  const out = emptyOutputs()
  transform.sink.encode(untyped(value), out)
  return out
}
const to = { stream: 'S', subject: 's', coder: Encoder.text() } as const
const write = (o: object): PDone => JetStreamIO.write<string>({ ...to, ...o })(Create.of(['v']))
const publish = (o: object): PDone => NatsIO.publish<string>({ ...to, ...o })(Create.of(['v']))
const bytes = new Uint8Array([1])

describe('What a function gives for an element', () => {
  it('is refused as headers that are no record of arrays of texts', () => {
    const given = (headers: unknown) => () => encoded(write({ headers: () => headers }))
    assert.throws(given({ trace: 'abc' }), /^JetStreamIO\.write\(S\): the value of the header trace is a string\. .*\{ trace: \['abc'\] \}/)
    assert.throws(given({ n: ['1', 5] }), /the value of the header n is an array of other things than texts/)
    assert.throws(given(['x']), /the headers of this element are an array/)
    assert.throws(given(new Map([['trace', ['abc']]])), /the headers of this element are a Map/)
    assert.throws(given(null), /the headers of this element are null/)
    assert.throws(() => encoded(publish({ headers: () => 'x' })), /^NatsIO\.publish\(s\): the headers of this element are a string/)
    assert.deepEqual(encoded(write({ headers: () => ({ trace: ['abc'], other: undefined }) })).headers, [{ trace: ['abc'], other: [] }])
    assert.deepEqual(encoded(write({ headers: () => undefined })).headers, [null])
    assert.throws(() => write({ headers: { trace: ['abc'] } }), /JetStreamIO\.write\(S\): headers: it is an object\. Give it a function/)
  })

  it('is refused as a subject that is no text', () => {
    for (const subject of [undefined, 5, ['a']])
      for (const verb of [write, publish])
        assert.throws(
          () => encoded(verb({ subject: () => subject })),
          /: subject gave (undefined|a number|an array) for this element\. A subject is a text/,
        )
    const messages = JetStreamIO.writeMessages({ stream: 'S', coder: Encoder.text() })(Create.of([]))
    assert.throws(() => encoded(messages, { value: 'v' }), /^JetStreamIO\.writeMessages\(S\): subject gave undefined/)
  })

  it('is refused as a payload that is no bytes', () => {
    const given = (made: unknown) => ({ coder: { urn: 'mine', encode: () => made } })
    for (const made of [undefined, 'text', [1, 2, 300], new Float64Array(1), new ArrayBuffer(5), Promise.resolve(bytes)])
      for (const verb of [write, publish])
        assert.throws(() => encoded(verb(given(made))), /\(S\)|\(s\): coder: encode gave .* for this element\. It gives bytes/)
    const kv = KvIO.write<string>({ bucket: 'B', coder: { urn: 'mine', encode: () => untyped('text') } })(Create.of([KvPut.of('k', 'v')]))
    assert.throws(() => encoded(kv, KvPut.of('k', 'v')), /^KvIO\.write\(B\): coder: encode gave a string/)
    assert.deepEqual(encoded(write(given(Buffer.from(bytes)))).bytes, 1)
  })

  it('is refused as what a decoder gives that is no Either', () => {
    const raw = new StreamMessage('S', { subject: 's' }, bytes, 1, 0)
    const decode = (made: unknown) => {
      const { transform } = outputIn(JetStreamIO.read({ stream: 'S', coder: { urn: 'mine', decode: () => untyped(made) } })).node
      return transform._tag === 'Read' ? (transform.decode as (raw: unknown) => unknown)(raw) : assert.fail('it is no read')
    }
    assert.throws(() => decode(undefined), /^JetStreamIO\.read\(S\): coder: decode gave undefined for this element\. It gives an Either/)
    assert.throws(() => decode(5), /decode gave a number/)
    assert.throws(() => decode(Promise.resolve(5)), /decode gave a promise/)
  })

  it('and options that are none', () => {
    assert.throws(() => JetStreamIO.read(untyped(undefined)), /^JetStreamIO\.read takes options by name, and was given undefined\. Write/)
    assert.throws(() => JetStreamIO.write(untyped('S')), /^JetStreamIO\.write takes options by name, and was given a string/)
    assert.throws(() => JetStreamIO.read({ stream: 'S', coder: Decoder.text, timestamp: untyped('at') }), /timestamp: it is a string\./)
    assert.throws(() => Decoder.json(untyped(undefined)), TypeError, /takes a guard or a Standard Schema, and was given undefined/)
    assert.throws(() => Decoder.json(untyped({ a: 1 })), TypeError, /a record with the properties a, which is neither/)
  })
})
