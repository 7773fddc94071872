// What is refused while a pipeline is built, and where NATS is taken to be.
import { assert } from 'chai'
import { Decoder, Encoder } from '../../../sdk/coders/index.ts'
import { outputIn } from '../../../sdk/graph/pcollection.ts'
import { emptyOutputs } from '../../../sdk/graph/sink.ts'
import { JetStreamIO, StartAt, StopAt, subject } from '../../../io/jetstream/index.ts'
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
