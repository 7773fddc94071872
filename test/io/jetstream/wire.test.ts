// What is read off the wire by hand, and the names of outputs.
import { assert } from 'chai'
import { DeliveryNumbers, numbersStart } from '../../../io/jetstream/ack-reply.ts'
import { StoredIds, idPrefix, outputId, shortHash } from '../../../io/jetstream/output-ids.ts'
import { checkedHeaders, WireHeaders } from '../../../io/jetstream/outgoing-headers.ts'
import { ackStart, parsePubAck, storedSequence } from '../../../io/jetstream/pub-ack.ts'
import { InFlight } from '../../../io/jetstream/in-flight.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('A delivered message’s reply subject', () => {
  it('gives the numbers of both of its forms', () => {
    for (const reply of [
      '$JS.ACK.S.C.1.1234567.89.1767225600123456789.42',
      '$JS.ACK.hub.acc.S.C.1.1234567.89.1767225600123456789.42',
      '$JS.ACK.hub.acc.S.C.1.1234567.89.1767225600123456789.42.rnd',
    ]) {
      const numbers = new DeliveryNumbers()
      numbers.read(reply, numbersStart(reply))
      assert.deepEqual(
        [numbers.streamSequence, numbers.consumerSequence, numbers.publishedAt, numbers.pending],
        [1_234_567, 89, 1_767_225_600_123, 42],
      )
    }
  })
})

describe('A publish acknowledgment', () => {
  const start = ackStart('TOTALS')
  it('is good by its bytes alone', () => {
    assert.equal(storedSequence(bytes('{"stream":"TOTALS", "seq":12}'), start), 12)
    assert.equal(storedSequence(bytes('{"stream":"TOTALS","domain":"hub","seq":9007199254}'), start), 9_007_199_254)
  })
  it('is looked at closely when it is anything else', () => {
    for (const text of [
      '{"stream":"TOTALS","seq":12,"duplicate":true}',
      '{"stream":"TOTALS2","seq":12}',
      '{"error":{"code":503,"err_code":10008,"description":"no"},"stream":"TOTALS","seq":0}',
      '',
    ])
      assert.equal(storedSequence(bytes(text), start), -1, text)
    assert.deepEqual(parsePubAck(bytes('{"stream":"S","seq":12,"duplicate":true}')), {
      _tag: 'stored',
      sequence: 12,
      duplicate: true,
      stream: 'S',
    })
    assert.deepEqual(parsePubAck(bytes('{"error":{"code":503,"err_code":10008,"description":"no"}}')), {
      _tag: 'refused',
      code: 503,
      errorCode: 10_008,
      description: 'no',
    })
  })
})

describe('Output ids', () => {
  const prefix = idPrefix('run 1.x', 'sink#1')
  it('hold no dots but those between their parts', () =>
    assert.match(outputId(prefix, shortHash('g'), 7, 3), /^[\w-]+\.[\w-]+\.[\w-]+\.7\.3$/))
  it('are found again, many of a position too, and only those', () => {
    const ids = new StoredIds(prefix)
    for (const ordinal of [0, 30, 31, 500]) assert.isTrue(ids.add(outputId(prefix, 'g', 9, ordinal)))
    assert.isFalse(ids.add(outputId(idPrefix('run-2', 'sink#1'), 'g', 1, 0)))
    assert.isFalse(ids.add('somebody-elses'))
    for (const ordinal of [0, 30, 31, 500]) assert.isTrue(ids.has('g', 9, ordinal))
    for (const ordinal of [1, 29, 32]) assert.isFalse(ids.has('g', 9, ordinal))
    ids.passed('g', 8)
    assert.isFalse(ids.isEmpty)
    // All outputs of a position come together.
    ids.passed('g', 9)
    assert.isTrue(ids.isEmpty)
  })
})

describe('Outgoing headers', () => {
  it('lose what would steer the server, and keep the rest', () => {
    const steering = [
      'Nats-Expected-Last-Sequence',
      'nats-batch-id',
      'Nats-Rollup',
      'Nats-TTL',
      'Nats-Schedule',
      'Nats-Stream',
      'Nats-Incr',
    ]
    const headers = { 'X-A': ['1', '2'], ...Object.fromEntries(steering.map(name => [name, ['1']])), 'Nats-Msg-Id': ['mine'] }
    assert.deepEqual(checkedHeaders(headers, true, 'write'), { 'X-A': ['1', '2'] })
    assert.deepEqual(checkedHeaders(headers, false, 'write'), { 'X-A': ['1', '2'], 'Nats-Msg-Id': ['mine'] })
    assert.equal(
      Buffer.from(new WireHeaders().of({ 'X-A': ['1'] }, 'id')?.encode() ?? []).toString(),
      'NATS/1.0\r\nX-A: 1\r\nNats-Msg-Id: id\r\n\r\n',
    )
  })
  it('are refused where they would break the protocol', () => {
    assert.throws(() => checkedHeaders({ 'a b': ['1'] }, true, 'write'), /name a header/)
    assert.throws(() => checkedHeaders({ a: ['1\r\nb: 2'] }, true, 'write'), /line break/)
  })
})

describe('Messages in flight', () => {
  it('are let go of in any order and counted from the oldest', () => {
    const flight = new InFlight(4)
    for (let i = 0; i < 4; i++) flight.add('s', new Uint8Array(10), null, `${i}`, i, 0)
    assert.isTrue(flight.acknowledge(2))
    assert.isFalse(flight.acknowledge(2), 'a second acknowledgment is none')
    assert.deepEqual([flight.tail, flight.size, flight.bytes], [0, 4, 30])
    flight.acknowledge(0)
    flight.acknowledge(1)
    assert.deepEqual([flight.tail, flight.size, flight.bytes], [3, 1, 10])
    assert.equal(flight.add('s', new Uint8Array(1), null, '4', 4, 0), 4)
    assert.isFalse(flight.acknowledge(0), 'the slot belongs to another message by now')
    assert.equal(flight.id(4), '4')
  })
})
