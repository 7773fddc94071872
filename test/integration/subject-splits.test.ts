// A read that is split by subject: every subject in order, those that appear later too, on one thread and on several.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import { Coder, Encoder, orThrow, PCollection, Pipeline, pipe, type Job } from 'jetbeam'
import { JetStreamIO, SplitBy, StopAt } from 'jetbeam/io/jetstream'
import { partOf } from '../../io/jetstream/hash-splits.ts'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { byHash, bySubject, countedBySubject } from '../support/by-subject.ts'
import { natsPlace, pause } from '../support/nats-place.ts'

const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 90_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen within 90 s`)
    await pause(50)
  }
}

describe('A read that is split by subject', () => {
  const nats = natsPlace()

  const publish = async (subject: string, count: number, from = 0): Promise<void> => {
    for (let i = from; i < from + count; i++) await jetstream(nats.nc()).publish(subject, `${i}`)
  }
  const streams = async (name: string, subjects = `${name}.in.*`): Promise<void> => {
    const jsm = await jetstreamManager(nats.nc())
    for (const [stream, subject] of [
      [`${name.toUpperCase()}_IN`, subjects],
      [`${name.toUpperCase()}_OUT`, `${name}.out`],
    ] as const) {
      await jsm.streams.delete(stream).catch(() => undefined)
      await jsm.streams.add({ name: stream, subjects: [subject] })
    }
  }
  /** Payloads of all that lies in the stream, in order. */
  const stored = async <A>(stream: string): Promise<ReadonlyArray<A>> => {
    const jsm = await jetstreamManager(nats.nc())
    const { state } = await jsm.streams.info(stream)
    const all: A[] = []
    for (let seq = 1; seq <= state.last_seq; seq++) {
      const message = await jsm.streams.getMessage(stream, { seq })
      if (message !== null) all.push(message.json<A>())
    }
    return all
  }

  for (const [name, start] of Object.entries({
    'on one thread': (job: string) => pipe(bySubject(), DirectRunner.start(nats.options(job))),
    'on two workers': (job: string) => pipe(bySubject(), WorkerThreadsRunner.start({ ...nats.options(job), workers: 2 })),
  }))
    it(`gives each message once and each subject in order, ${name}, whenever its subjects appear and the run goes on`, async () => {
      await streams('by')
      await publish('by.in.a', 30)
      let job: Job = await orThrow(start(name))
      await publish('by.in.b', 30)
      await until('the first 60 outputs', async () => (await stored('BY_OUT')).length >= 60)
      await orThrow(job.suspend)
      await publish('by.in.a', 20, 30)
      await publish('by.in.c', 30)
      job = await orThrow(start(name))
      await publish('by.in.d', 30)
      await until('all outputs', async () => (await stored('BY_OUT')).length >= 140)
      await orThrow(job.suspend)
      const outputs = await stored<string>('BY_OUT')
      for (const [subject, count] of Object.entries({ a: 50, b: 30, c: 30, d: 30 }))
        assert.deepEqual(
          outputs.filter(output => output.startsWith(`by.in.${subject} `)),
          Array.from({ length: count }, (_, i) => `by.in.${subject} ${i}`),
        )
      assert.lengthOf(outputs, 140)
    })

  it('lets event time go on where a worker has no subject yet, and drops nothing of one that appears', async () => {
    await streams('counted')
    await publish('counted.in.a', 10)
    const job = await orThrow(pipe(countedBySubject(), WorkerThreadsRunner.start({ ...nats.options('counted'), workers: 3 })))
    await until('the first window', async () => (await stored('COUNTED_OUT')).length > 0)
    await publish('counted.in.b', 10)
    const total = async (): Promise<number> =>
      (await stored<readonly [string, number]>('COUNTED_OUT')).reduce((sum, [, count]) => sum + count, 0)
    await until('all windows', async () => (await total()) >= 20)
    assert.equal(job.metrics().droppedLate, 0)
    await orThrow(job.suspend)
    assert.equal(await total(), 20)
  })

  it('ends at what is there where it has an end, the subjects that appeared since included', async () => {
    await streams('by')
    await publish('by.in.a', 5)
    const job = await orThrow(pipe(bySubject(), DirectRunner.start(nats.options('ending'))))
    await until('the first outputs', async () => (await stored('BY_OUT')).length === 5)
    await orThrow(job.suspend)
    await publish('by.in.e', 7)
    const rest = await orThrow(pipe(bySubject(), DirectRunner.run({ ...nats.options('ending'), until: 'end' })))
    assert.deepEqual([rest.state, (await stored('BY_OUT')).length], ['done', 12])
    const bounded = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: 'BY_IN', coder: Coder.string, splitBy: SplitBy.subject(), stop: StopAt.end }),
        PCollection.orFail,
        PCollection.ignore,
      ),
    )
    const once = await orThrow(pipe(bounded, DirectRunner.run(nats.options('bounded'))))
    assert.deepEqual([once.state, once.metrics.elementsRead], ['done', 12])
  })

  it('does not go on where it was split another way before', async () => {
    await streams('by')
    await publish('by.in.a', 1)
    const relay = (splitBy: SplitBy | undefined) =>
      Pipeline.of(
        pipe(
          JetStreamIO.read({ stream: 'BY_IN', coder: Coder.string, splitBy }),
          PCollection.orFail,
          JetStreamIO.write({ stream: 'BY_OUT', subject: 'by.out', coder: Encoder.json() }),
        ),
      )
    const refusal = async (before: SplitBy | undefined, now: SplitBy | undefined): Promise<string> => {
      const options = nats.options(before === undefined ? 'was-whole' : 'was-split')
      const job = await orThrow(pipe(relay(before), DirectRunner.start(options)))
      await until('the output', async () => (await stored('BY_OUT')).length > 0)
      await orThrow(job.suspend)
      const result = await pipe(relay(now), DirectRunner.run(options))()
      return E.isLeft(result) ? result.left.message : 'it ran'
    }
    assert.include(await refusal(undefined, SplitBy.subject()), 'not made by subject. Leave splitBy out')
    await streams('by')
    await publish('by.in.a', 1)
    assert.include(await refusal(SplitBy.subject(), undefined), 'Give it splitBy: SplitBy.subject()')
  })

  it('goes on with a subject of which nothing came while all that the stream had was erased by its limits', async () => {
    await streams('by')
    const jsm = await jetstreamManager(nats.nc())
    await jsm.streams.update('BY_IN', { max_msgs: 10 })
    await publish('by.in.quiet', 1)
    let job = await orThrow(pipe(bySubject(), DirectRunner.start(nats.options('quiet'))))
    for (let i = 0; i < 6; i++) {
      await publish('by.in.busy', 5, i * 5)
      await until('the outputs', async () => (await stored('BY_OUT')).length === 1 + (i + 1) * 5)
    }
    await orThrow(job.suspend)
    job = await orThrow(pipe(bySubject(), DirectRunner.start(nats.options('quiet'))))
    await publish('by.in.quiet', 1, 1)
    await until('the last output', async () => (await stored('BY_OUT')).length === 32)
    await orThrow(job.suspend)
  })

  it('is refused unsplit where it had found no subject yet, instead of ending at once', async () => {
    await streams('by')
    const job = await orThrow(pipe(bySubject(), DirectRunner.start(nats.options('none'))))
    await pause(300)
    await orThrow(job.suspend)
    const whole = Pipeline.of(
      pipe(
        JetStreamIO.readMessages({ stream: 'BY_IN', coder: Coder.string }),
        PCollection.orFail,
        PCollection.map(({ subject, value }) => `${subject} ${value}`),
        JetStreamIO.write({ stream: 'BY_OUT', subject: 'by.out', coder: Encoder.json() }),
      ),
    )
    const result = await pipe(whole, DirectRunner.run(nats.options('none')))()
    assert.include(E.isLeft(result) ? result.left.message : 'it ran', 'Split it as before (splitBy)')
  })

  it('whose savepoint lies behind what its stream still has goes on, and is not rolled back', async () => {
    await streams('by')
    const jsm = await jetstreamManager(nats.nc())
    await jsm.streams.update('BY_IN', { max_msgs: 10 })
    await publish('by.in.a', 5)
    const relay = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: 'BY_IN', coder: Coder.string }),
        PCollection.orFail,
        JetStreamIO.write({ stream: 'BY_OUT', subject: 'by.out', coder: Encoder.json() }),
      ),
    )
    const options = nats.options('old')
    let job = await orThrow(pipe(relay, DirectRunner.start(options)))
    await until('the first outputs', async () => (await stored('BY_OUT')).length === 5)
    await orThrow(job.savepoint('monday'))
    for (let i = 1; i < 6; i++) {
      await publish('by.in.a', 5, i * 5)
      await until('more outputs', async () => (await stored('BY_OUT')).length === (i + 1) * 5)
    }
    const refused = await job.rollback('monday')()
    assert.include(E.isLeft(refused) ? refused.left.message : 'it went back', 'cannot be read from there')
    assert.strictEqual(job.state(), 'running')
    await orThrow(job.suspend)
    const from = await pipe(relay, DirectRunner.start({ ...options, from: { savepoint: 'monday' } }))()
    assert.include(E.isLeft(from) ? from.left.message : 'it began', 'cannot be read from there')
    job = await orThrow(pipe(relay, DirectRunner.start(options)))
    await publish('by.in.a', 1, 30)
    await until('the last output', async () => (await stored('BY_OUT')).length === 31)
    await orThrow(job.suspend)
  })

  describe('by the hash of its subjects', () => {
    const places = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    /** One subject in each place, of which those of a place stay together: `hash.in.a.0`, `hash.in.a.1`. */
    const publishAll = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) for (const place of places) await publish(`hash.in.${place}.${i % 2}`, 1, i)
    }

    for (const [name, start] of Object.entries({
      'on one thread': (job: string) => pipe(byHash(), DirectRunner.start(nats.options(job))),
      'on two workers': (job: string) => pipe(byHash(), WorkerThreadsRunner.start({ ...nats.options(job), workers: 2 })),
    }))
      it(`gives each message once, and in order where the hashed tokens are equal, ${name}, when the run goes on`, async () => {
        await streams('hash', 'hash.in.>')
        await publishAll(0, 10)
        let job = await orThrow(start(`hash ${name}`))
        await until('the first outputs', async () => (await stored('HASH_OUT')).length >= 80)
        await orThrow(job.suspend)
        await publishAll(10, 15)
        job = await orThrow(start(`hash ${name}`))
        await until('all outputs', async () => (await stored('HASH_OUT')).length >= 120)
        const splits = job.metrics().splits
        await orThrow(job.suspend)
        const outputs = await stored<string>('HASH_OUT')
        for (const place of places)
          assert.deepEqual(
            outputs.filter(output => output.startsWith(`hash.in.${place}.`)),
            Array.from({ length: 15 }, (_, i) => `hash.in.${place}.${i % 2} ${i}`),
          )
        assert.lengthOf(outputs, 120)
        assert.lengthOf(splits, 3)
      })

    it('spreads subjects evenly, and always in the same way', () => {
      const counts = [0, 0, 0, 0]
      for (let i = 0; i < 4_000; i++) counts[partOf(`orders.${i}`, 4, [])] = (counts[partOf(`orders.${i}`, 4, [])] ?? 0) + 1
      for (const count of counts) assert.approximately(count, 1_000, 150)
      assert.deepEqual(
        ['orders.eu.1', 'orders.eu.2', 'orders.us.1'].map(subject => partOf(subject, 16, [2])),
        [6, 6, 4],
      )
    })

    it('does not go on where it was split another way before', async () => {
      await streams('hash', 'hash.in.>')
      await publish('hash.in.a.0', 1)
      const relay = (splitBy: SplitBy | undefined) =>
        Pipeline.of(
          pipe(
            JetStreamIO.read({ stream: 'HASH_IN', coder: Coder.string, splitBy }),
            PCollection.orFail,
            JetStreamIO.write({ stream: 'HASH_OUT', subject: 'hash.out', coder: Encoder.json() }),
          ),
        )
      const job = await orThrow(DirectRunner.start(nats.options('hash ways'))(relay(SplitBy.hash({ parts: 2 }))))
      await until('the output', async () => (await stored('HASH_OUT')).length === 1)
      await orThrow(job.suspend)
      for (const other of [SplitBy.hash({ parts: 3 }), SplitBy.hash({ parts: 2, tokens: [1] }), undefined]) {
        const answer = await DirectRunner.run(nats.options('hash ways'))(relay(other))()
        assert.include(E.isLeft(answer) ? answer.left.message : '', 'split by SplitBy.hash({"parts":2,"tokens":[]}). Give it')
      }
    })
  })
})
