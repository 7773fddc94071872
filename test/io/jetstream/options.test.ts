// What is refused while a pipeline is built, and where NATS is taken to be.
import { assert } from 'chai'
import { Decoder, Encoder } from '../../../sdk/coders/index.ts'
import { outputIn } from '../../../sdk/graph/pcollection.ts'
import { emptyOutputs } from '../../../sdk/graph/sink.ts'
import { seconds } from '../../../sdk/model/time.ts'
import { Acknowledge, Delivery, JetStreamIO, Poison, SplitBy, StartAt, StopAt, subject } from '../../../io/jetstream/index.ts'
import { acquire } from '../../../io/jetstream/connections.ts'
import { hostContext, rejection } from '../../support/jetstream-context.ts'

const read = { stream: 'S', coder: Decoder.text } as const

describe('JetStreamIO’s options', () => {
  it('are refused where they cannot work', () => {
    assert.throws(() => JetStreamIO.read({ ...read, stream: 'a.b' }), /not the name of a stream/)
    assert.throws(() => JetStreamIO.read({ ...read, subjects: ['a.*', 'a.b'] }), /overlap/)
    assert.throws(() => JetStreamIO.read({ ...read, splits: 0 }), /whole number from 1/)
    assert.throws(() => StartAt.sequence(0), /whole number from 1/)
    assert.throws(() => StopAt.count(1.5), /whole number from 1/)
    assert.throws(() => JetStreamIO.write({ stream: 'S', subject: 'a.>', coder: Encoder.text() }), /wildcard >.*subject`…`/)
    assert.throws(() => JetStreamIO.connection({ servers: '' }), /no server is named/)
    const made = { stream: 'S', createSubjects: ['b', 'c.*'], coder: Encoder.text() }
    assert.throws(() => JetStreamIO.write({ ...made, subject: 'a' }), /createSubjects: a stream with these would not take the subject a/)
    assert.doesNotThrow(() => JetStreamIO.write({ ...made, subject: 'c.a' }))
  })

  it('of a read that acknowledges go together', () => {
    const queue = { ...read, acknowledge: Acknowledge.onCheckpoint, consumer: 'c' }
    const both = { ...queue, subjects: ['a', 'b'] }
    assert.doesNotThrow(() => JetStreamIO.read({ ...both, poison: Poison.terminate(), stop: StopAt.end }))
    assert.throws(() => JetStreamIO.read({ ...queue, consumer: undefined }), /consumer: .*names its durable consumer/)
    assert.throws(() => JetStreamIO.read({ ...queue, start: StartAt.sequence(1) }), /start: .*starts at all/)
    assert.throws(() => JetStreamIO.read({ ...queue, stop: StopAt.sequence(9) }), /stop: .*after a count, or never/)
    assert.throws(() => JetStreamIO.read({ ...both, stop: StopAt.count(9) }), /stop: .*each subject has its own/)
    assert.throws(() => JetStreamIO.read({ ...queue, splits: 2 }), /splits: a queue has no ranges/)
    assert.throws(() => JetStreamIO.read({ ...queue, splitBy: SplitBy.subject() }), /splitBy: a queue is split by/)
    assert.doesNotThrow(() => JetStreamIO.read({ ...read, poison: Poison.deadLetter() }))
    assert.throws(() => JetStreamIO.read({ ...read, consumer: 'c', splits: 2 }), /consumer: .*only one can have this name/)
    assert.throws(() => JetStreamIO.read({ ...queue, acknowledge: 'manual' as never }), /acknowledge: "manual" would lose/)
    assert.throws(() => JetStreamIO.read({ ...read, fetchTimeout: seconds(1), heartbeat: seconds(1) }), /heartbeat: .*half of fetchTimeout/)
    assert.throws(() => JetStreamIO.read({ ...read, stream: ['A', 'B'], stop: StopAt.count(9) }), /stop: .*reads several/)
    assert.throws(() => JetStreamIO.read({ ...read, stream: ['A', 'A'] }), /stream: it names a stream twice/)
    assert.throws(() => Poison.terminate({ attempts: 1 }), /whole number from 2/)
  })

  it('refuse an element’s subject by name when it is encoded', () => {
    const done = JetStreamIO.write({ stream: 'S', subject: (s: string) => `a.${s}`, coder: Encoder.text() })(
      JetStreamIO.read(read) as never,
    )
    const { transform } = done.node
    assert.equal(transform._tag, 'Write')
    if (transform._tag !== 'Write') return
    const out = emptyOutputs()
    transform.sink.encode('b' as never, out)
    assert.deepEqual([out.destinations, out.payloads.length, out.bytes], [['a.b'], 1, 1])
    assert.throws(() => transform.sink.encode('*' as never, out), /"a\.\*".*wildcard/)
    assert.throws(() => transform.sink.encode('x y' as never, out), /space/)
    assert.equal(subject`a.${'x y'}`, 'a.x%20y')
  })

  it('take ids of a pipeline’s own only where the run has none, and each only if a server can tell it from others', () => {
    const to = { stream: 'S', subject: 's', coder: Encoder.text(), headers: () => ({ 'nats-msg-id': ['old'], A: ['1'] }) } as const
    for (const delivery of [undefined, Delivery.exactlyOnce, Delivery.atomicBatch, Delivery.chain, Delivery.messageIds])
      assert.throws(
        () => JetStreamIO.write({ ...to, delivery, id: text => text }),
        /JetStreamIO.write\(S\): id: .*names its outputs itself.*header.*Deduplicate/,
      )
    assert.throws(() => JetStreamIO.write({ ...to, delivery: Delivery.atLeastOnce, id: 'x' as never }), /id: it is no function/)
    const once = { delivery: Delivery.atLeastOnce, id: () => 'a' }
    assert.throws(() => JetStreamIO.writeMessages({ stream: 'S', coder: Encoder.text(), ...once }), /id: there is no such key/)
    assert.throws(() => JetStreamIO.writeUndecodable({ stream: 'S', subject: 's', ...once }), /id: there is no such key/)
    for (const delivery of [Delivery.atLeastOnce, Delivery.atMostOnce]) {
      let given: unknown
      const { transform } = JetStreamIO.write({ ...to, delivery, id: () => given as string })(JetStreamIO.read(read) as never).node
      if (transform._tag !== 'Write') return assert.fail()
      const out = emptyOutputs()
      for (given of ['a', 'b c', 'ü.*>:', 'x'.repeat(512)]) transform.sink.encode('' as never, out)
      assert.deepEqual(out.headers[1], { A: ['1'], 'Nats-Msg-Id': ['b c'] }, 'an id that the headers brought is not kept beside it')
      for (given of ['', ' a', 'a ', 'a\r\nb', 'a\0', '\ud800', 'x'.repeat(513), 7, undefined])
        assert.throws(() => transform.sink.encode('' as never, out), /JetStreamIO.write\(S\): id: what it gave for this element/)
      assert.lengthOf(out.payloads, 4)
    }
  })

  it('make a bounded or an unbounded source', () => {
    for (const [stop, bounded] of [
      [undefined, false],
      [StopAt.end, true],
    ] as const) {
      const { transform } = outputIn(JetStreamIO.read({ ...read, stop })).node
      assert.equal(transform._tag, 'Read')
      if (transform._tag === 'Read') assert.equal(transform.source.isBounded, bounded)
    }
  })
})

describe('A connection', () => {
  it('of a version of the package nats before 2.29 is refused, with what to do', () => {
    const old = {
      jetstreamManager: () => undefined,
      publish: () => undefined,
      subscribe: () => undefined,
      request: () => undefined,
      status: () => undefined,
      isClosed: () => false,
    }
    assert.throws(() => JetStreamIO.existingConnection(old), /`nats` without closed, .*Update it to 2\.29.*@nats-io\/transport-node/)
    assert.throws(() => JetStreamIO.existingConnection({}), /no NatsConnection/)
  })

  it('is where code says, before NATS_URL', async () => {
    const before = process.env['NATS_URL']
    process.env['NATS_URL'] = 'nats://127.0.0.1:2'
    try {
      assert.include((await rejection(acquire(hostContext('nats://127.0.0.1:1'), undefined, 'read'))).message, '127.0.0.1:1:')
      assert.include(
        (await rejection(acquire({ ...hostContext('nats://127.0.0.1:1'), binding: () => undefined }, undefined, 'read'))).message,
        '127.0.0.1:2:',
      )
      assert.include(
        (await rejection(acquire(hostContext('nats://127.0.0.1:1'), 'other', 'read'))).message,
        'provide: [JetStreamIO.connection({ name: "other"',
      )
    } finally {
      if (before === undefined) delete process.env['NATS_URL']
      else process.env['NATS_URL'] = before
    }
  })
})
