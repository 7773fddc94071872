// Messages of random bytes on a real server, read and passed on; and random headers, subjects and sizes written: what arrives is what was
// given, and nothing else.
import { connect as connectSocket, type Socket } from 'node:net'
import { once } from 'node:events'
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import * as fc from 'fast-check'
import {
  Coder,
  Create,
  Decoder,
  Encoder,
  type Failure,
  flow,
  type PCollection as Collection,
  PCollection,
  type PDone,
  Pipeline,
  orThrow,
  pipe,
} from '../../sdk/index.ts'
import { type OutputBatch, type Sink, emptyOutputs } from '../../sdk/graph/sink.ts'
import { Delivery, JetStreamIO, JetStreamIOError, type Headers, StopAt } from '../../io/jetstream/index.ts'
import type { RunningServer } from '../../io/jetstream/testing/index.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { sinkContext } from '../support/jetstream-context.ts'
import { headerBlock, headerRecord, oddText } from '../support/hostile-messages.ts'
import { recentServer } from '../support/recent-server.ts'

const seed = 20_261_130
const maxPayload = 65_536
const shard = 'stage@0'

describe('Beside what is well made', () => {
  let server: RunningServer
  let nc: NatsConnection
  let jsm: JetStreamManager

  before(async () => {
    server = await recentServer({ config: { max_payload: maxPayload } })
    nc = await connect({ servers: server.url })
    jsm = await jetstreamManager(nc)
  })
  after(async () => {
    await nc.close()
    await server.stop()
  })

  /** Past any client, to in.odd. */
  const rawPublish = async (port: number, messages: ReadonlyArray<readonly [block: Uint8Array, payload: Uint8Array]>): Promise<void> => {
    const socket: Socket = connectSocket(port, '127.0.0.1')
    await once(socket, 'data')
    socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n')
    for (const [block, payload] of messages) {
      socket.write(`HPUB in.odd ${block.length} ${block.length + payload.length}\r\n`)
      socket.write(Buffer.concat([block, payload, Buffer.from('\r\n')]))
    }
    socket.write('PING\r\n')
    let said = ''
    while (!said.includes('PONG')) said += String((await once(socket, 'data'))[0])
    assert.notInclude(said, '-ERR')
    socket.destroy()
  }

  describe('Messages that nobody of ours wrote', () => {
    const run = (...leaves: readonly [PDone, ...PDone[]]) =>
      orThrow(DirectRunner.run({ provide: [JetStreamIO.connection({ servers: server.url })] })(Pipeline.of(...leaves)))

    it('are elements or rejected with a reason, whatever bytes they are made of, and can all be passed on', async () => {
      await jsm.streams.add({ name: 'IN', subjects: ['in.>'] })
      const payload = fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.jsonValue().map(value => Buffer.from(JSON.stringify(value))),
        fc.constant(Buffer.from('"text"')),
      )
      await rawPublish(server.port, fc.sample(fc.tuple(headerBlock, payload), { seed, numRuns: 600 }))
      // The last one that is stored: what the server refuses is not.
      await jetstream(nc).publish('in.end', '"end"')
      const { messages } = (await jsm.streams.info('IN')).state
      assert.isAbove(messages, 300)

      const coders: ReadonlyArray<readonly [string, Decoder<unknown>]> = [
        ['json', Decoder.json((value): value is unknown => value !== undefined)],
        ['text', Decoder.text],
        ['bytes', Decoder.bytes],
        ['structural', Coder.structural<unknown>()],
      ]
      for (const [name, coder] of coders) {
        // Of its own: ids that are passed on are known to a stream.
        await jsm.streams.add({ name: `OUT_${name}`, subjects: [`out.${name}.>`] })
        const to = { stream: `OUT_${name}`, delivery: Delivery.atLeastOnce, traceContext: true }
        let read = 0
        await run(
          pipe(
            JetStreamIO.readMessages({ stream: 'IN', coder, stop: StopAt.end }),
            PCollection.deadLetter(JetStreamIO.writeUndecodable({ ...to, subject: `out.${name}.rejected` })),
            PCollection.map(({ headers }) => ({ subject: `out.${name}.passed`, value: `${++read}`, headers })),
            JetStreamIO.writeMessages({ ...to, coder: Encoder.text() }),
          ),
        )
        const rejected: string[] = []
        const consumer = await jetstream(nc).consumers.get(`OUT_${name}`, { filter_subjects: `out.${name}.rejected` })
        for await (const message of await consumer.fetch({ max_messages: (await consumer.info()).num_pending }))
          rejected.push(message.headers?.get('Jetbeam-Error') ?? '')
        assert.isAbove(read, 10, name)
        assert.isAbove(rejected.length, 10, name)
        assert.equal(read + rejected.length, messages, name)
        assert.notInclude(rejected, '')
        assert.isTrue(rejected.some(reason => reason.startsWith('its headers cannot be read: ')))
      }
    })

    it('are elements or rejected with a reason up to max_payload, with 10,000 headers, long values and broken lines', async () => {
      const largest = await recentServer()
      const own = await connect({ servers: largest.url })
      try {
        const most = own.info?.max_payload ?? assert.fail('the server says no limit')
        const manager = await jetstreamManager(own)
        for (const [name, to] of [
          ['IN', 'in.>'],
          ['OUT', 'out.>'],
          ['REJECTED', 'rejected'],
        ] as const)
          await manager.streams.add({ name, subjects: [to] })
        const block = (...lines: ReadonlyArray<string | Uint8Array>): Uint8Array =>
          Buffer.concat(['NATS/1.0', ...lines, ''].flatMap(line => [Buffer.from(line), Buffer.from('\r\n')]))
        const text = (name: string): Uint8Array => Buffer.from(JSON.stringify(name))
        // All headers of a stored message have at most 65,535 bytes.
        const longest = 65_535 - block('Long: ').length
        const many = block(...Array.from({ length: 10_000 }, (_, i) => `${(i + 46_656).toString(36).slice(1)}:`))
        const filling = (bytes: number): Uint8Array => Buffer.from(JSON.stringify('x'.repeat(bytes - 2)))
        await rawPublish(largest.port, [
          [many, text('many')],
          [block(`Long: ${'v'.repeat(longest)}`), text('long')],
          [block('A: one\rtwo', 'B: one\ntwo', 'C: \r', 'D'), text('lines')],
          [block(Buffer.from([0x41, 0x3a, 0x20, 0xff, 0xfe, 0xc3]), Buffer.from([0xff, 0x3a, 0x20, 0x61])), text('bytes')],
          [block('A: b'), filling(most - block('A: b').length)],
        ])
        // A client may send as much as the server takes, without any header.
        own.publish('in.odd', filling(most))
        await own.flush()
        await jetstream(own).publish('in.end', '"end"')
        const { messages } = (await manager.streams.info('IN')).state
        assert.strictEqual(messages, 7)

        const seen = new Map<string, Headers>()
        const sizes: number[] = []
        const provide = [JetStreamIO.connection({ servers: largest.url })]
        await orThrow(
          pipe(
            Pipeline.of(
              pipe(
                JetStreamIO.readMessages({
                  stream: 'IN',
                  coder: Decoder.json((value): value is string => typeof value === 'string'),
                  stop: StopAt.end,
                }),
                PCollection.deadLetter(
                  JetStreamIO.writeUndecodable({ stream: 'REJECTED', subject: 'rejected', delivery: Delivery.atLeastOnce }),
                ),
                PCollection.map(({ value, headers }) => {
                  sizes.push(value.length)
                  if (value.length < 100) seen.set(value, headers)
                  return { subject: 'out.passed', value, headers }
                }),
                JetStreamIO.writeMessages({
                  stream: 'OUT',
                  delivery: Delivery.atLeastOnce,
                  coder: Encoder.json<string>(),
                  onRejected: flow(
                    PCollection.map(({ message }: Failure<unknown>) => message),
                    JetStreamIO.write({ stream: 'REJECTED', subject: 'rejected', coder: Encoder.text(), delivery: Delivery.atLeastOnce }),
                  ),
                }),
              ),
            ),
            DirectRunner.run({ provide }),
          ),
        )
        const reasons: string[] = []
        for await (const message of await (await jetstream(own).consumers.get('REJECTED')).fetch({ max_messages: 20, expires: 2_000 }))
          reasons.push(message.headers?.get('Jetbeam-Error') || message.string())
        const passed = (await manager.streams.info('OUT')).state.messages
        const undecodable = reasons.filter(reason => reason.startsWith('its headers cannot be read'))
        assert.strictEqual(sizes.length + undecodable.length, messages, 'each is an element or rejected')
        assert.strictEqual(passed + reasons.length, messages, 'each is passed on or rejected')
        assert.lengthOf(Object.keys(seen.get('many') ?? {}), 10_000)
        assert.strictEqual(seen.get('long')?.['Long']?.[0]?.length, longest)
        assert.include(sizes, most - 2)
        // What fills max_payload, or what a stream stores as headers, leaves no room for the headers of the run.
        const refused = (text: string): number => reasons.filter(reason => reason.includes(text)).length
        assert.deepEqual([refused(`takes ${most} bytes a message`), refused('OUT stores at most 65535 bytes of headers a message')], [2, 2])
      } finally {
        await own.close()
        await largest.stop()
      }
    })
  })

  describe('What a pipeline makes up', () => {
    interface Made {
      readonly tail: string
      readonly headers: Headers
      readonly payload: Uint8Array
    }
    const tail = fc.oneof(oddText, fc.stringMatching(/^[a-zäöü0-9]{1,9}$/))
    const made: fc.Arbitrary<Made> = fc.record({ tail, headers: headerRecord, payload: fc.uint8Array({ maxLength: 200 }) })

    const sinkIn = (write: (pc: Collection<Made>) => PDone): Sink<Made> => {
      const { transform } = write(Create.of<Made>([])).node
      return transform._tag === 'Write' ? (transform.sink as Sink<Made>) : assert.fail('it is no sink')
    }
    /** What is refused says who refuses what. */
    const encoded = (sink: Sink<Made>, all: ReadonlyArray<Made>): OutputBatch => {
      const out = emptyOutputs()
      for (const [i, one] of all.entries())
        try {
          sink.encode(one, out)
          out.positions.push(i)
          out.ordinals.push(0)
        } catch (error) {
          if (!(error instanceof JetStreamIOError)) throw error
          assert.include(['InvalidSubject', 'InvalidOptions'], error._tag)
          assert.isTrue(error.message.startsWith(sink.label), error.message)
        }
      return out
    }
    const shown = (subject: string, headers: Iterable<readonly [string, ReadonlyArray<string>]>, payload: Uint8Array): unknown => [
      subject,
      // Ours, and the blanks around values, which the client takes away.
      [...headers].flatMap(([name, values]) => (/^(nats|jetbeam)-/i.test(name) ? [] : values.map(value => [name, value.trim()]))),
      Buffer.from(payload).toString('hex'),
    ]
    const rowsOf = ({ destinations, headers, payloads }: OutputBatch): ReadonlyArray<unknown> =>
      destinations.map((to, i) => shown(to, Object.entries(headers[i] ?? {}), payloads[i] ?? new Uint8Array(0)))
    /** All that passes the server while it works, but for what is between it and its clients. */
    const passing = async (work: () => Promise<void>): Promise<ReadonlyArray<unknown>> => {
      const seen: unknown[] = []
      const all = nc.subscribe('>', {
        callback: (_, { subject: to, headers, data }) => {
          if (!/^(\$JS|_INBOX)\.|\._jetbeam-/.test(to)) seen.push(shown(to, headers ?? [], data))
        },
      })
      await nc.flush()
      await work()
      await nc.flush()
      all.unsubscribe()
      return seen
    }
    let epoch = 0
    const publishing = async (sink: Sink<Made>, rows: OutputBatch): Promise<void> => {
      const site = { generation: 1, shards: [shard], writers: 1, role: 'main' } as const
      const connected = await sink.connect(sinkContext(server.url, { mode: 'checkpointed', site }))
      await connected.commit({ shard, generation: 1, epoch: ++epoch }, rows, false).finally(() => connected.close())
    }

    const ways = ['messageIds', 'chain', 'atomicBatch', 'atMostOnce'] as const
    for (const way of ways) {
      const streamSink = (stream: string): Sink<Made> =>
        sinkIn(
          JetStreamIO.write({
            stream,
            subject: ({ tail: text }: Made) => `${stream}.${text}`,
            headers: one => one.headers,
            coder: { urn: 'payload', encode: one => one.payload },
            delivery: Delivery[way],
          }),
        )

      it(`arrives as it is or is refused by name, and nothing else is sent, by ${way}`, async () => {
        const stream = `W_${way}`
        await jsm.streams.add({ name: stream, subjects: [`${stream}.>`], allow_atomic: true })
        const sink = streamSink(stream)
        const all = fc.sample(made, { seed, numRuns: 400 })
        const rows = encoded(sink, all)
        assert.isAbove(rows.payloads.length, 60)
        assert.isBelow(rows.payloads.length, 340)
        assert.deepEqual(await passing(() => publishing(sink, rows)), rowsOf(rows))
        // And in the stream, with a marker or two.
        const { state } = await jsm.streams.info(stream)
        assert.equal(state.messages, rows.payloads.length + (way === 'atomicBatch' ? 2 : 0))
      })

      it(`of any size arrives, or is said to be too large and where, by ${way}`, async () => {
        const stream = `L_${way}`
        await jsm.streams.add({ name: stream, subjects: [`${stream}.>`], allow_atomic: true })
        const sink = streamSink(stream)
        let [stored, refused] = [0, 0]
        for (const size of [
          0,
          maxPayload - 500,
          ...fc.sample(fc.integer({ min: -200, max: 3 }), { seed, numRuns: 12 }).map(n => maxPayload + n),
          1_000_000,
        ]) {
          const rows = encoded(sink, [{ tail: 'a', headers: { A: ['b'] }, payload: new Uint8Array(size) }])
          const before = (await jsm.streams.info(stream)).state.messages
          try {
            assert.deepEqual(await passing(() => publishing(sink, rows)), rowsOf(rows))
            stored++
          } catch (error) {
            if (!(error instanceof JetStreamIOError)) throw error
            assert.equal(error._tag, 'PublishRejected')
            assert.match(
              error.message,
              /JetStreamIO\.write\(L_.*\) cannot publish .*max_payload size exceeded.* The server takes \d+ bytes a message, with all headers.* raise the server's max_payload/,
            )
            assert.isAbove(size, maxPayload - 500)
            if (way !== 'atomicBatch') assert.equal((await jsm.streams.info(stream)).state.messages, before)
            refused++
          }
        }
        assert.isAbove(Math.min(stored, refused), 1)
      })
    }
  })
})
