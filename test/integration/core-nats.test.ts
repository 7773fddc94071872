// Core NATS: services that are asked for each element, and messages to whoever listens.
import { type Msg, type Subscription, headers } from '@nats-io/nats-core'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import { Create, Decoder, Encoder, PCollection, Pipeline, millis, orThrow, pipe } from '../../sdk/index.ts'
import { JetStreamIO, JetStreamIOError, NatsIO, type RequestOptions } from '../../io/jetstream/index.ts'
import { coreSinkOf } from '../../io/jetstream/core-sink.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { WorkerThreadsRunner } from '../../runners/worker-threads/index.ts'
import { tellNames } from '../support/asking.ts'
import { outputs, rejection, sinkContext } from '../support/jetstream-context.ts'
import { natsPlace } from '../support/nats-place.ts'

describe('NatsIO', () => {
  const place = natsPlace()
  const provide = () => [JetStreamIO.connection({ servers: place.nc().getServer() })]
  const open: Subscription[] = []
  afterEach(() => open.splice(0).forEach(subscription => subscription.unsubscribe()))

  /** Known to the server once it resolves. */
  const serve = async (subject: string, answer: (message: Msg) => void): Promise<void> => {
    open.push(place.nc().subscribe(subject, { callback: (_, message) => answer(message) }))
    await place.nc().flush()
  }
  const name = (message: Msg): void => void message.respond(`number ${message.string()}`)
  const expected = Array.from({ length: 40 }, (_, i) => JSON.stringify([`${i}`, `number ${i}`]))

  const hear = async (): Promise<Msg[]> => {
    const heard: Msg[] = []
    await serve('told', message => heard.push(message))
    return heard
  }

  describe('request', () => {
    const strangely: Decoder<string> = {
      urn: 'test:strangely',
      decode: raw => E.left({ _tag: 'DecodeError', raw, reason: 'strange', path: ['a'] }),
    }
    const options = (o: Partial<RequestOptions<string, string>> = {}): RequestOptions<string, string> => ({
      subject: 'names',
      request: Encoder.text(),
      reply: Decoder.text,
      ...o,
    })

    /** What becomes of '1'. */
    const failure = async (o: Partial<RequestOptions<string, string>>): Promise<JetStreamIOError> => {
      const ended = await DirectRunner.run({ provide: provide() })(
        Pipeline.of(pipe(Create.of(['1']), NatsIO.request(options(o)), PCollection.ignore)),
      )()
      let error: unknown = E.isLeft(ended) ? ended.left : null
      while (!(error instanceof JetStreamIOError) && typeof error === 'object' && error !== null && 'cause' in error) error = error.cause
      if (error instanceof JetStreamIOError) return error
      return assert.fail('it did not fail')
    }

    it('pairs each element with its answer, in order, with so many under way at once and no more', async () => {
      const waiting: Msg[] = []
      let most = 0
      // Answers come only once four wait for them, the newest first.
      await serve('names', message => {
        most = Math.max(most, waiting.push(message))
        if (waiting.length === 4) waiting.splice(0).reverse().forEach(name)
      })
      const heard = await hear()
      await orThrow(DirectRunner.run({ provide: provide() })(tellNames()))
      assert.strictEqual(most, 4)
      assert.deepStrictEqual(
        heard.map(message => message.string()),
        expected,
      )
      assert.deepStrictEqual(
        heard.map(message => message.headers?.get('Id')),
        Array.from({ length: 40 }, (_, i) => `${i}`),
      )
    })

    it('asks from every worker', async () => {
      await serve('names', name)
      const heard = await hear()
      await orThrow(WorkerThreadsRunner.run({ provide: provide(), workers: 2 })(tellNames()))
      assert.sameMembers(
        heard.map(message => message.string()),
        expected,
      )
      assert.deepStrictEqual(JetStreamIO.openConnections(), [])
    })

    it('asks again where nobody answered in time', async () => {
      const asked = new Map<string, number>()
      await serve('names', message => {
        const times = (asked.get(message.string()) ?? 0) + 1
        asked.set(message.string(), times)
        if (times > 1) name(message)
      })
      const pairs: unknown[] = []
      const ask = NatsIO.request(options({ timeout: millis(50) }))
      await orThrow(
        DirectRunner.run({ provide: provide() })(
          Pipeline.of(
            pipe(
              Create.of(['1', '2']),
              ask,
              PCollection.map(pair => pairs.push(pair)),
              PCollection.ignore,
            ),
          ),
        ),
      )
      assert.deepStrictEqual(pairs, [
        ['1', 'number 1'],
        ['2', 'number 2'],
      ])
      assert.deepStrictEqual([...asked.values()], [2, 2])
    })

    it('says by name that nobody serves the subject', async () => {
      const { _tag, message } = await failure({ retry: { attempts: 1 } })
      assert.strictEqual(_tag, 'NoResponders')
      assert.match(message, /NatsIO\.request\(names\).*no service listens/)
    })

    it('says by name that no answer came in time, that the service refused, and that its answer is none', async () => {
      const once = { retry: { attempts: 1 } }
      await serve('silent', () => undefined)
      const late = await failure({ ...once, subject: 'silent', timeout: millis(50) })
      assert.strictEqual(late._tag, 'RequestTimedOut')
      assert.include(late.message, '50 ms')
      await serve('refuses', message => {
        const told = headers()
        told.set('Nats-Service-Error-Code', '404')
        told.set('Nats-Service-Error', 'no such number')
        message.respond('', { headers: told })
      })
      const refused = await failure({ ...once, subject: 'refuses' })
      assert.strictEqual(refused._tag, 'RequestRefused')
      assert.include(refused.message, '404: no such number')
      await serve('names', name)
      const strange = await failure({
        ...once,
        reply: strangely,
      })
      assert.strictEqual(strange._tag, 'UndecodableReply')
      assert.include(strange.message, 'a: strange')
    })

    it('makes what cannot be had a Left with its element, where that is asked for', async () => {
      await serve('names.known', name)
      const lefts: unknown[] = []
      const ask = NatsIO.tryRequest(options({ subject: id => `names.${id}`, retry: { attempts: 2, initial: millis(1) } }))
      const look = PCollection.map((answer: E.Either<{ readonly element: string; readonly attempts: number }, unknown>) =>
        lefts.push(E.isLeft(answer) ? [answer.left.element, answer.left.attempts] : answer.right),
      )
      await orThrow(
        DirectRunner.run({ provide: provide() })(Pipeline.of(pipe(Create.of(['known', 'unknown']), ask, look, PCollection.ignore))),
      )
      assert.deepStrictEqual(lefts, [
        ['known', 'number known'],
        ['unknown', 2],
      ])
    })

    it('is refused with a subject or a timeout that is none', () => {
      assert.throws(() => NatsIO.request(options({ subject: 'a.*' })), JetStreamIOError, 'a.*')
      assert.throws(() => pipe(Create.of(['1']), NatsIO.request(options({ timeout: millis(0) }))), RangeError)
      assert.throws(() => pipe(Create.of(['1']), NatsIO.request(options({ concurrency: 0 }))), RangeError)
    })
  })

  describe('publish', () => {
    const sink = coreSinkOf<never>({ label: 'NatsIO.publish(told)', subject: 'told', connection: undefined, encode: () => undefined })
    const id = { shard: 'a', generation: 1, epoch: 1 }

    it('publishes what a checkpoint holds once, and not again when a run goes on', async () => {
      const heard = await hear()
      const connected = await sink.connect(sinkContext(place.nc().getServer(), { mode: 'checkpointed' }))
      try {
        await connected.commit(id, outputs('told', [1, 2]), false)
        await connected.commit(id, outputs('told', [1, 2]), true)
        await connected.commit({ ...id, epoch: 2 }, outputs('told', [3]), false)
        // What was published has passed the server, and this comes behind it.
        await place.nc().flush()
        assert.deepStrictEqual(
          heard.map(message => message.string()),
          ['value 1', 'value 2', 'value 3'],
        )
        assert.deepInclude(connected.metrics(), { published: 3, skipped: 2 })
      } finally {
        await connected.close()
      }
    })

    it('says what is too large for the server', async () => {
      const connected = await sink.connect(sinkContext(place.nc().getServer(), { mode: 'checkpointed' }))
      const large = { ...outputs('told', [1]), payloads: [new Uint8Array(2_000_000)] }
      const error = await rejection(connected.commit(id, large, false))
      assert.strictEqual(error.name, 'PublishRejected')
      assert.include(error.message, '2000000 bytes')
      await connected.close()
    })

    it('is refused with a subject that nothing can be published to', () => {
      assert.throws(() => NatsIO.publish({ subject: 'told.>', coder: Encoder.text() }), JetStreamIOError, 'told.>')
    })
  })
})
