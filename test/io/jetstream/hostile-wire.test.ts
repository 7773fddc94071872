// Bytes that nobody of ours wrote, at everything that reads some: each is understood, or refused by name.
import { MsgHdrsImpl } from '@nats-io/nats-core'
import { Kind, MsgImpl, Parser } from '@nats-io/nats-core/internal'
import { assert } from 'chai'
import * as fc from 'fast-check'
import { emptyOutputs } from '../../../sdk/graph/sink.ts'
import { JetStreamIOError, subject } from '../../../io/jetstream/index.ts'
import { DeliveryNumbers, numbersStart } from '../../../io/jetstream/ack-reply.ts'
import { contentIn } from '../../../io/jetstream/marker.ts'
import { StreamMessage, messageOf } from '../../../io/jetstream/message.ts'
import { infoIn } from '../../../io/jetstream/object-info.ts'
import { checkedHeaders, headerLine, WireHeaders } from '../../../io/jetstream/outgoing-headers.ts'
import { StoredIds, outputId } from '../../../io/jetstream/output-ids.ts'
import { earliest, isPosition, ofStream } from '../../../io/jetstream/position.ts'
import { ackStart, parsePubAck, storedSequence } from '../../../io/jetstream/pub-ack.ts'
import { handedOnIn, triedIn } from '../../../io/jetstream/queue-note.ts'
import { requireDataSubject } from '../../../io/jetstream/subject.ts'
import { inheritTrace } from '../../../io/jetstream/trace-context.ts'
import { headerBlock, headerRecord, oddText } from '../../support/hostile-messages.ts'

const options = { seed: 20_261_130, numRuns: 500 }
const utf8 = new TextEncoder()

/** As the client makes it of what comes from a socket. */
const received = (block: Uint8Array, payload: Uint8Array, on = 'in'): StreamMessage => {
  const messages: MsgImpl[] = []
  const parser = new Parser({
    push: event => {
      if ('kind' in event && event.kind === Kind.MSG && event.msg !== undefined && event.data !== undefined)
        messages.push(new MsgImpl(event.msg, event.data, { publish: () => assert.fail('nobody is to be answered') }))
    },
  })
  const command = `HMSG ${on} 1 $JS.ACK.S.C.1.7.7.1767225600123456789.0 ${block.length} ${block.length + payload.length}\r\n`
  parser.parse(Buffer.concat([utf8.encode(command), block, payload, utf8.encode('\r\n')]))
  const [message = assert.fail('the client took it for no message')] = messages
  return new StreamMessage('S', message, payload, 7, 1_767_225_600_123)
}

/** Anything that JSON can say, often with one of these keys. */
const data = (keys: ReadonlyArray<string>): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom(...keys, '__proto__'), fc.oneof(fc.nat(9), fc.jsonValue(), fc.constantFrom(null, 1e300, -1, 'x')), {
      maxKeys: 8,
    }),
  )
const bytes = (keys: ReadonlyArray<string>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    data(keys).map(value => utf8.encode(JSON.stringify(value))),
  )

/** Throws what is no refusal by name. */
const refusedBy = (work: () => void): JetStreamIOError | null => {
  try {
    work()
    return null
  } catch (error) {
    if (error instanceof JetStreamIOError) return error
    throw error
  }
}

describe('Bytes that nobody of ours wrote', () => {
  it('are headers of a message or refused with a reason, and lead to no trace that is none', () =>
    fc.assert(
      fc.property(headerBlock, fc.uint8Array({ maxLength: 50 }), (block, payload) => {
        const raw = received(block, payload)
        const { headers } = messageOf(raw, raw.payload)
        if (raw.headersRefusal !== null) {
          assert.match(raw.headersRefusal, /^its headers cannot be read: ./)
          assert.isEmpty(headers)
        }
        // What can be read can be written again.
        assert.isNull(refusedBy(() => checkedHeaders(headers, true, 'write')))
        const out = emptyOutputs()
        out.headers.push(null)
        inheritTrace(raw, out, 0)
        for (const [name, [value]] of Object.entries(out.headers[0] ?? {}))
          if (name.toLowerCase() === 'traceparent') assert.match(value ?? '', /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}/)
      }),
      options,
    ))

  it('are an acknowledgment of a stream, or what refused it', () => {
    const start = ackStart('S')
    fc.assert(
      fc.property(bytes(['stream', 'seq', 'error', 'duplicate', 'code']), answer => {
        const ack = parsePubAck(answer)
        if (ack._tag === 'refused') assert.isNotEmpty(ack.description)
        else assert.isNumber(ack.sequence)
        if (storedSequence(answer, start) > 0) assert.equal(ack._tag, 'stored')
      }),
      options,
    )
    const ack = parsePubAck(utf8.encode('+OK'))
    assert.include(ack, { _tag: 'refused', description: 'somebody else than a stream answers to this subject: "+OK"' })
  })

  it('are numbers of a delivery, whatever stands in a reply', () =>
    fc.assert(
      fc.property(fc.oneof(oddText, fc.string({ unit: fc.constantFrom(...'.0123456789$JSACK') })), reply => {
        const numbers = new DeliveryNumbers()
        numbers.read(reply, numbersStart(reply))
        for (const n of [numbers.streamSequence, numbers.consumerSequence, numbers.publishedAt, numbers.pending, numbers.deliveries])
          assert.isAtLeast(n, 0)
      }),
      options,
    ))

  it('are a marker, or the end of a recovery', () => {
    fc.assert(
      fc.property(bytes(['owner', 'reached', 'generation']), content =>
        assert.equal(refusedBy(() => contentIn(content, 's', 'write'))?._tag, 'RecoveryImpossible'),
      ),
      options,
    )
    const marker = { owner: { generation: 1, nonce: 'n' }, reached: { generation: 0, epoch: -1, part: 0, rows: 0, of: 0 } }
    assert.deepEqual(contentIn(utf8.encode(JSON.stringify(marker)), 's', 'write'), marker)
    for (const owner of [null, {}, { generation: '1', nonce: 'n' }])
      assert.isNotNull(refusedBy(() => contentIn(utf8.encode(JSON.stringify({ ...marker, owner })), 's', 'write')))
  })

  it('are a position, or none', () =>
    fc.assert(
      fc.property(fc.array(data(['_tag', 'created', 'lastSequence', 'markers', 'streams']), { maxLength: 3 }), recorded => {
        const [one, known] = [earliest(recorded), recorded.filter(isPosition)]
        assert.isTrue(one === null || isPosition(one) || ofStream(one, 'S') !== one)
        if (isPosition(one)) assert.equal(one.lastSequence, Math.min(...known.map(({ lastSequence }) => lastSequence)))
      }),
      options,
    ))

  it('are what was handed on of a queue, or refused', () =>
    fc.assert(
      fc.property(data(['handedOn', 'stamps', 'trying']), note => {
        assert.isTrue(triedIn(note) === null || Number.isSafeInteger(triedIn(note)))
        refusedBy(() => handedOnIn(note).match(3, 1))
      }),
      options,
    ))

  it('are what a bucket says of an object, or what is wrong with it', () =>
    fc.assert(
      fc.property(bytes(['name', 'nuid', 'size', 'chunks', 'digest', 'deleted']), payload => {
        const info = infoIn('b', received(utf8.encode('NATS/1.0\r\n\r\n'), payload))
        if (info._tag === 'Left') assert.isNotEmpty(info.left)
        else assert.isAtLeast(info.right.size, 0)
      }),
      options,
    ))

  it('name an output only as we write its name', () =>
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'g.0123-e+ x'), maxLength: 8 }), rest => {
        const ids = new StoredIds('run.sink.')
        if (!ids.add(`run.sink.${rest}`)) return
        const [group = '', position = '', ordinal = ''] = rest.split('.')
        assert.equal(outputId('', group, Number(position), Number(ordinal)), rest)
      }),
      options,
    ))
})

describe('What a pipeline makes up', () => {
  it('goes out as a header as it is, or is refused', () =>
    fc.assert(
      fc.property(headerRecord, headers => {
        let kept: ReturnType<typeof checkedHeaders> = null
        const refused = refusedBy(() => (kept = checkedHeaders(headers, true, 'JetStreamIO.write(S)')))
        if (refused !== null) return assert.match(refused.message, /^JetStreamIO\.write\(S\): .*(use printable ASCII|Encode the value)/s)
        const steering = Object.keys(headers).filter(name => /^nats-/i.test(name))
        const sent = MsgHdrsImpl.decode(new WireHeaders().of(kept, 'id')?.encode() ?? new Uint8Array(0))
        const expected = Object.entries(headers).filter(([name, values]) => !steering.includes(name) && values.length > 0)
        // Whoever reads a value takes the blanks around it away.
        assert.deepEqual(
          [...sent],
          [...expected.map(([name, values]) => [name, values.map(value => value.trim())]), ['Nats-Msg-Id', ['id']]],
        )
      }),
      options,
    ))

  it('is one line of whole characters as a reason', () =>
    fc.assert(
      fc.property(fc.oneof(oddText, fc.constant(`${'x'.repeat(999)}\u{1F600}`)), text =>
        assert.isNull(refusedBy(() => checkedHeaders({ 'Jetbeam-Error': [headerLine(text)] }, true, 'write'))),
      ),
      options,
    ))

  it('is a subject that the protocol can carry as it is, or is refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          oddText,
          fc.array(oddText, { maxLength: 4 }).map(tokens => tokens.join('.')),
        ),
        text => {
          const refused = refusedBy(() => requireDataSubject(text, 'JetStreamIO.write(S)'))
          if (refused !== null) return assert.match(refused.message, /^JetStreamIO\.write\(S\) cannot publish to the subject .*subject`…`/s)
          assert.equal(Buffer.from(text).toString(), text)
          assert.notMatch(text, /[ \t\r\n\0]/)
          assert.isFalse(text.split('.').some(token => ['', '*', '>'].includes(token)))
        },
      ),
      options,
    )
    for (const [text, reason] of [
      ['$JS.API.STREAM.DELETE.VIEWS', /one of the server itself/],
      ['$SYS.REQ.SERVER.PING', /one of the server itself/],
      ['out._jetbeam-AAAA', /one of a marker/],
      ['a\u{D800}', /half a character/],
      ['ü'.repeat(1_951), /longer than 3900 bytes/],
    ] as const)
      assert.match(refusedBy(() => requireDataSubject(text, 'write'))?.message ?? '', reason)
    for (const text of ['$KV.flags.a', 'ü'.repeat(1_950), '\u{1F600}']) requireDataSubject(text, 'write')
  })

  it('is one token of a subject, or is refused', () =>
    fc.assert(
      fc.property(oddText, text => {
        let made = ''
        const refused = refusedBy(() => requireDataSubject((made = subject`a.${text}`), 'write'))
        const whole = text.replaceAll(/\p{Surrogate}/gu, '\u{FFFD}')
        if (refused === null) assert.deepEqual([made.split('.').length, decodeURIComponent(made.slice(2))], [2, whole])
        if (text.length < 400 && text !== '') assert.isNull(refused)
      }),
      options,
    ))
})
