// Work queues and streams by interest: what is acknowledged and when, what comes again, and what is refused.
import { type ConsumerConfig, type JetStreamManager, jetstream, jetstreamManager, type RetentionPolicy } from '@nats-io/jetstream'
import { assert } from 'chai'
import { Coder, hours, type Job, millis, orThrow, PCollection, Pipeline, pipe } from 'jetbeam'
import { Acknowledge, JetStreamIO, Poison, type PoisonPolicy, type ReadSettings, StartAt, StopAt } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import type { ConsumerSettings } from '../../io/jetstream/durable-consumer.ts'
import type { StreamMessage } from '../../io/jetstream/message.ts'
import { pullDefaults } from '../../io/jetstream/pull-window.ts'
import type { SourceOptions } from '../../io/jetstream/source.ts'
import type { ReadBatch, SplitProgress, SplitReader } from '../../sdk/splittable/source.ts'
import { changed, hostContext, range, rejection, testSource } from '../support/jetstream-context.ts'
import type { Log } from '../../runners/host/log.ts'
import { natsPlace, pause } from '../support/nats-place.ts'
import { copyOfQueue } from '../support/queue-programs.ts'
import { streamTexts } from '../support/read-stream.ts'
import { until } from '../support/until.ts'

const log = (): void => undefined
type Options = ReturnType<ReturnType<typeof natsPlace>['options']> & { readonly log: Log; readonly until?: 'end' }
const onTwoWorkers = {
  start: (options: Options) => WorkerThreadsRunner.start({ ...options, workers: 2 }),
  run: (options: Options) => WorkerThreadsRunner.run({ ...options, workers: 2 }),
}
const unread: SplitProgress = { last: null, claimed: 0, note: null }

describe('A read that acknowledges', () => {
  const nats = natsPlace()
  let jsm: JetStreamManager
  before(async () => {
    jsm = await jetstreamManager(nats.nc())
    await jsm.streams.add({ name: 'COPIED', subjects: ['copied'] })
  })
  beforeEach(() => jsm.streams.purge('COPIED'))

  let streams = 0
  const newStream = async (retention: 'workqueue' | 'interest' | 'limits', config: object = {}): Promise<string> => {
    const name = `Q${++streams}`
    await jsm.streams.add({ name, subjects: [`${name}.>`], retention: retention as RetentionPolicy, ...config })
    return name
  }
  const publish = async (stream: string, from: number, to: number, subject = 'a'): Promise<void> => {
    const js = jetstream(nats.nc())
    for (let at = from; at < to; at += 500)
      await Promise.all(range(at, Math.min(to, at + 500)).map(n => js.publish(`${stream}.${subject}`, `${n}`)))
  }
  const left = async (stream: string): Promise<number> => (await jsm.streams.info(stream)).state.messages
  const consumer: ConsumerSettings = { consumer: 'reader', ackWaitMs: 30_000, maxAckPending: 1_000, inactiveMs: null }
  const connected = (stream: string, o: Partial<SourceOptions> = {}) =>
    testSource(stream, { stop: null, consumer, ...o }).connect(hostContext(nats.url()))
  /** At least so many elements, and the progress behind them. */
  const take = async (
    reader: SplitReader<StreamMessage>,
    atLeast: number,
    from: SplitProgress = unread,
  ): Promise<{
    readonly texts: ReadonlyArray<string>
    readonly batches: ReadonlyArray<ReadBatch<StreamMessage>>
    readonly progress: SplitProgress
  }> => {
    const batches: ReadBatch<StreamMessage>[] = []
    let progress = from
    while (progress.claimed - from.claimed < atLeast) {
      const batch = reader.poll(10)
      if (batch === null) {
        const status = reader.status()
        if (status._tag === 'failed') throw status.error
        await changed(reader)
        continue
      }
      batches.push(batch)
      progress = { last: batch.positions.at(-1) ?? progress.last, claimed: progress.claimed + batch.values.length, note: batch.note }
    }
    const texts = batches.flatMap(({ values }) => values.map(({ payload }) => new TextDecoder().decode(payload)))
    return { texts, batches, progress }
  }
  const copy = (stream: string, o: Pick<ReadSettings, 'maxAckPending'> & { readonly subjects?: string[] } = {}) =>
    copyOfQueue({ stream, ...o })
  const reach = async (stream: string, messages: number): Promise<void> => {
    while ((await left(stream)) !== messages) await pause(10)
  }
  const texts = (from: number, to: number): ReadonlyArray<string> => range(from, to).map(n => `${n}`)

  for (const retention of ['workqueue', 'interest'] as const)
    describe(`of a stream with ${retention} retention`, () => {
      for (const [on, runner] of [
        ['in one thread', DirectRunner],
        // Threads know nothing of retention: one that has them is enough.
        ...(retention === 'workqueue' ? [['on two worker threads', onTwoWorkers] as const] : []),
      ] as const)
        it(`hands on each message once, and acknowledges all of them behind its checkpoints, ${on}`, async () => {
          const stream = await newStream(retention)
          const options = { ...nats.options(`copy-${retention}-${on.length}`), log }
          const job: Job = await orThrow(pipe(copy(stream), runner.start(options)))
          await publish(stream, 0, 1_000)
          await reach('COPIED', 1_000)
          await reach(stream, 0)
          await publish(stream, 1_000, 1_100)
          await reach('COPIED', 1_100)
          assert.strictEqual((await orThrow(job.suspend)).state, 'suspended')
          assert.strictEqual(await left(stream), 0, 'what the last checkpoint holds is acknowledged before the run ends')
          assert.deepEqual(await streamTexts(nats.nc(), 'COPIED'), texts(0, 1_100))
          await publish(stream, 1_100, 1_200)
          const last = await orThrow(pipe(copy(stream), runner.run({ ...options, until: 'end' })))
          assert.deepEqual([last.state, last.metrics.elementsRead, await left(stream)], ['done', 100, 0])
          assert.deepEqual(await streamTexts(nats.nc(), 'COPIED'), texts(0, 1_200))
        })

      it('drops what is delivered again although a checkpoint has it, and gets the rest without waiting for it', async () => {
        const stream = await newStream(retention)
        const slow = { consumer: { ...consumer, ackWaitMs: hours(1) } }
        const first = await connected(stream, slow)
        const [split = assert.fail('no split')] = await first.resolve({ desired: 1, toEnd: false })
        await publish(stream, 0, 200)
        const reader = await first.open(split, unread)
        const before = await take(reader, 100)
        // As after a kill: nothing is acknowledged, some was handed on and is in no checkpoint, and the rest was delivered to nobody.
        await take(reader, 50, before.progress)
        await first.close()
        assert.strictEqual(await left(stream), 200)
        const second = await connected(stream, slow)
        const { progress } = before
        await second.recommit?.(split, progress)
        const after = await take(await second.open(split, progress), 200 - progress.claimed, progress)
        assert.deepEqual([...before.texts, ...[...after.texts].sort((a, b) => Number(a) - Number(b))], texts(0, 200))
        assert.strictEqual(await left(stream), 200 - progress.claimed, 'what the checkpoint had is acknowledged')
        await second.close()
      })

      it('keeps event time where it is until all that was delivered before has come again or is gone', async () => {
        const stream = await newStream(retention)
        const first = await connected(stream)
        const [split = assert.fail('no split')] = await first.resolve({ desired: 1, toEnd: false })
        await publish(stream, 0, 50)
        const { progress } = await take(await first.open(split, unread), 10)
        await jsm.streams.deleteMessage(stream, 45)
        await first.close()
        const second = await connected(stream)
        await second.recommit?.(split, progress)
        const reader = await second.open(split, progress)
        await publish(stream, 50, 60)
        const { batches } = await take(reader, 59 - progress.claimed, progress)
        await until('event time that follows behind the last of them', () => {
          const batch = reader.poll(10)
          return batch !== null && batch.holdsWatermark !== true
        })
        const seen = new Set(range(1, (progress.last ?? 0) + 1))
        for (const { values, holdsWatermark } of batches) {
          for (const { sequence } of values) seen.add(sequence)
          const isComplete = range(1, 51).every(sequence => sequence === 45 || seen.has(sequence))
          if (!isComplete) assert.isTrue(holdsWatermark, `with ${seen.size} of them`)
        }
        await second.close()
      })

      it('keeps what waits for a checkpoint from being delivered again, for longer than the ack wait', async () => {
        const stream = await newStream(retention)
        const source = await connected(stream, { consumer: { ...consumer, ackWaitMs: 1_000 } })
        const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
        await publish(stream, 0, 40)
        const reader = await source.open(split, unread)
        const { progress } = await take(reader, 20)
        await pause(2_500)
        const { num_redelivered: again, num_ack_pending: pending } = await jsm.consumers.info(stream, 'reader')
        assert.deepEqual([again, pending], [0, 40])
        await reader.commit?.(progress)
        assert.strictEqual(await left(stream), 40 - progress.claimed)
        await source.close()
      })

      it('asks for checkpoints when its consumer soon delivers no more', async () => {
        const stream = await newStream(retention)
        const options = { ...nats.options(`early-${retention}`, hours(1)), log }
        const job: Job = await orThrow(pipe(copy(stream, { maxAckPending: 40 }), DirectRunner.start(options)))
        await publish(stream, 0, 400)
        // Of the last few, nobody needs to hear before the hour is over.
        while ((await left('COPIED')) < 380) await pause(10)
        assert.isAtMost(await left(stream), 40)
        await orThrow(job.suspend)
        const copied = await left('COPIED')
        assert.deepEqual(await streamTexts(nats.nc(), 'COPIED'), texts(0, copied))
        assert.strictEqual(await left(stream), 400 - copied)
      })

      it('ends where the stream ended when it began, or after a count, and leaves the rest', async () => {
        const stream = await newStream(retention)
        const bounded = async (stop: StopAt): Promise<number> => {
          const source = await connected(stream, { stop })
          const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
          await publish(stream, 0, 30)
          const reader = await source.open(split, unread)
          let count = 0
          for (; reader.status()._tag !== 'done'; await changed(reader)) {
            const batch = reader.poll(100)
            count += batch?.values.length ?? 0
            await reader.commit?.({ last: count, claimed: count, note: batch?.note })
          }
          await source.close()
          return count
        }
        assert.strictEqual(await bounded(StopAt.end), 0, 'nothing was there')
        assert.strictEqual(await left(stream), 30)
        assert.strictEqual(await bounded(StopAt.count(7)), 7)
        assert.strictEqual(await left(stream), 53)
        assert.strictEqual(await bounded(StopAt.end), 53)
        assert.strictEqual(await left(stream), 30)
      })

      it('has a consumer for each subject that is named, for tasks to share', async () => {
        const stream = await newStream(retention)
        const subjects = ['a', 'b', 'c'].map(token => `${stream}.${token}`)
        const pipeline = copy(stream, { subjects })
        const options = { ...nats.options(`subjects-${retention}`), log, tasks: 2 }
        const job: Job = await orThrow(pipe(pipeline, DirectRunner.start(options)))
        for (const [i, subject] of ['a', 'b', 'c'].entries()) await publish(stream, i * 100, (i + 1) * 100, subject)
        await reach('COPIED', 300)
        await orThrow(job.suspend)
        assert.deepEqual([...(await streamTexts(nats.nc(), 'COPIED'))].sort(), [...texts(0, 300)].sort())
        assert.strictEqual(await left(stream), 0)
        const names: string[] = []
        for await (const { name } of jsm.consumers.list(stream)) names.push(name)
        assert.sameMembers(names, ['reader-1', 'reader-2', 'reader-3'])
      })

      it('has no way back to a savepoint once it has read on', async () => {
        const stream = await newStream(retention)
        const job: Job = await orThrow(pipe(copy(stream), DirectRunner.start({ ...nats.options(`back-${retention}`), log })))
        await publish(stream, 0, 10)
        await reach('COPIED', 10)
        await orThrow(job.savepoint('then'))
        await publish(stream, 10, 20)
        await reach('COPIED', 20)
        await orThrow(job.suspend)
        const back = DirectRunner.start({ ...nats.options(`back-${retention}`), log, from: { savepoint: 'then' } })
        const error = await rejection(orThrow(pipe(copy(stream), back)))
        assert.include(error.message, 'no way back')
      })
    })

  describe('meets a message that ends each run', () => {
    /** Starts it again, as whoever supervises it does, until it gets to its end; gives how often it did not. */
    const untilItEnds = async (stream: string, poison: PoisonPolicy, told: Log = log): Promise<number> => {
      const pipeline = Pipeline.of(
        pipe(
          JetStreamIO.readMessages({
            stream,
            coder: Coder.string,
            acknowledge: Acknowledge.onCheckpoint,
            consumer: 'reader',
            poison,
            stop: StopAt.end,
          }),
          PCollection.deadLetter(JetStreamIO.writeUndecodable({ stream: 'DEAD', subject: 'dead' })),
          PCollection.map(({ value }) => {
            if (value === '3') throw new Error('3 is too much')
            return value
          }),
          JetStreamIO.write({ stream: 'COPIED', subject: 'copied', coder: Coder.string }),
        ),
      )
      const options = { ...nats.options(`poison-${stream}`), log: told, restart: { attempts: 0 } }
      for (let failures = 0; failures < 20; failures++)
        if ((await pipe(pipeline, DirectRunner.run(options))())._tag === 'Right') return failures
      throw new Error('it has not ended')
    }
    before(() => jsm.streams.add({ name: 'DEAD', subjects: ['dead'] }))
    beforeEach(() => jsm.streams.purge('DEAD'))

    it('never gives up a message that is tried alone because of one that comes behind it', async () => {
      const stream = await newStream('workqueue')
      await publish(stream, 7, 8)
      const givenUp: unknown[] = []
      const told: Log = (_, text, fields) => {
        if (text.includes('is given up')) givenUp.push((fields as { readonly sequence: number }).sequence)
      }
      // Three runs fail with 7, so that it is tried alone; 3, which fails each run, comes behind it and has had fewer attempts.
      let attempts = 0
      const failing = (value: string): string => {
        if (value === '3') throw new Error('3 is too much')
        if (value !== '7' || ++attempts > 3) return value
        if (attempts === 3) void publish(stream, 3, 4)
        throw new Error('7 is too much for now')
      }
      const poison = Poison.terminate({ attempts: 3, delay: millis(10) })
      const pipeline = Pipeline.of(
        pipe(
          JetStreamIO.read({ stream, coder: Coder.string, acknowledge: Acknowledge.onCheckpoint, consumer: 'reader', poison }),
          PCollection.orFail,
          PCollection.map(failing),
          JetStreamIO.write({ stream: 'COPIED', subject: 'copied', coder: Coder.string }),
        ),
      )
      const restart = { attempts: 50, initial: millis(10), max: millis(10) }
      const job = await orThrow(pipe(pipeline, DirectRunner.start({ ...nats.options(`behind-${stream}`), log: told, restart })))
      await until('the queue is empty', async () => (await jsm.streams.info(stream)).state.messages === 0)
      await orThrow(job.suspend)
      assert.deepEqual(await streamTexts(nats.nc(), 'COPIED'), ['7'])
      assert.deepEqual(givenUp, [2])
      assert.isAtLeast(attempts, 4)
    })

    for (const then of ['deadLetter', 'terminate'] as const)
      it(`and alone of all that were under way gives it up: ${then}`, async () => {
        const stream = await newStream('workqueue')
        await publish(stream, 0, 30)
        const givenUp: unknown[] = []
        const told: Log = (_, text, fields) => {
          if (text.includes('is given up')) givenUp.push(fields)
        }
        const failures = await untilItEnds(stream, Poison[then]({ attempts: 3, delay: millis(10) }), told)
        assert.strictEqual(failures, 4, 'three in company, and once alone')
        assert.deepEqual(
          [...(await streamTexts(nats.nc(), 'COPIED'))].sort(),
          texts(0, 30)
            .filter(n => n !== '3')
            .sort(),
        )
        assert.strictEqual(await left(stream), 0)
        assert.deepEqual(await streamTexts(nats.nc(), 'DEAD'), then === 'deadLetter' ? ['3'] : [])
        if (then === 'terminate') return assert.deepNestedInclude(givenUp[0], { split: 'consumer-reader', sequence: 4 })
        const message = await jsm.streams.getMessage('DEAD', { last_by_subj: 'dead' })
        assert.strictEqual(message?.header.get('Jetbeam-Error'), 'no run came to a checkpoint behind it in 4 attempts')
      })
  })

  it('of several queues at once acknowledges each', async () => {
    const [one, two] = [await newStream('workqueue'), await newStream('interest')]
    const pipeline = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: [one, two], coder: Coder.string, acknowledge: Acknowledge.onCheckpoint, consumer: 'reader' }),
        PCollection.orFail,
        JetStreamIO.write({ stream: 'COPIED', subject: 'copied', coder: Coder.string }),
      ),
    )
    const job: Job = await orThrow(pipe(pipeline, DirectRunner.start({ ...nats.options('several'), log })))
    await publish(one, 0, 50)
    await publish(two, 50, 100)
    await reach('COPIED', 100)
    await orThrow(job.suspend)
    assert.deepEqual([await left(one), await left(two)], [0, 0])
    await publish(one, 100, 110)
    await publish(two, 110, 120)
    const last = await orThrow(pipe(pipeline, DirectRunner.run({ ...nats.options('several'), log, until: 'end' })))
    assert.deepEqual([last.state, last.metrics.elementsRead], ['done', 20])
    assert.deepEqual([...(await streamTexts(nats.nc(), 'COPIED'))].sort(), [...texts(0, 120)].sort())
  })

  describe('warns at its start of limits that erase what nobody has read', () => {
    const cases: ReadonlyArray<readonly [says: string | null, retention: 'workqueue' | 'interest', config: object]> = [
      ['has max_age 60000 ms, by', 'workqueue', { max_age: 60_000_000_000, duplicate_window: 1_000_000_000 }],
      ['has max_msgs 100, by', 'interest', { max_msgs: 100 }],
      ['has max_msgs_per_subject 5, by', 'workqueue', { max_msgs_per_subject: 5 }],
      ['has max_bytes 1000000, by', 'interest', { max_bytes: 1_000_000 }],
      ['has max_msgs_per_subject 5, by', 'workqueue', { max_msgs: 100, max_msgs_per_subject: 5, discard: 'new' }],
      [null, 'workqueue', { max_msgs: 100, max_bytes: 1_000_000, discard: 'new' }],
      [null, 'workqueue', { max_msgs_per_subject: 5, discard: 'new', discard_new_per_subject: true }],
      [null, 'interest', {}],
    ]
    for (const [says, retention, config] of cases)
      it(`${says === null ? 'and not' : `as "${says}"`}, of ${retention} retention with ${JSON.stringify(config)}`, async () => {
        const stream = await newStream(retention, config)
        const context = hostContext(nats.url())
        const source = await testSource(stream, { stop: null, consumer }).connect(context)
        const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
        for (let times = 0; times < 2; times++) await (await source.open(split, unread)).close()
        await source.close()
        const warnings = context.logged.filter(line => line.includes('erases messages that nobody has read yet'))
        assert.lengthOf(warnings, says === null ? 0 : 1)
        if (says !== null) assert.include(warnings[0], says)
      })
  })

  it('leaves what a run did not get to a checkpoint behind for the delay of its policy', async () => {
    const stream = await newStream('workqueue')
    await publish(stream, 0, 10)
    const delayed = { consumer: { ...consumer, ackWaitMs: hours(1) }, poison: Poison.terminate({ delay: millis(1_000) }) }
    const first = await connected(stream, delayed)
    const [split = assert.fail('no split')] = await first.resolve({ desired: 1, toEnd: false })
    await take(await first.open(split, unread), 10)
    await first.close()
    const second = await connected(stream, delayed)
    const since = performance.now()
    assert.lengthOf((await take(await second.open(split, unread), 10)).texts, 10)
    assert.isAbove(performance.now() - since, 900, 'a server does not deliver it before')
    await second.close()
  })

  describe('finds its consumer gone', () => {
    const losing = async (retention: 'workqueue' | 'interest') => {
      const stream = await newStream(retention)
      const source = await connected(stream)
      const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
      await publish(stream, 0, 100)
      const reader = await source.open(split, unread)
      const first = await take(reader, 50)
      await jsm.consumers.delete(stream, 'reader')
      await publish(stream, 100, 150)
      return { stream, source, reader, first }
    }

    it('and makes it again where a work queue has kept what was not acknowledged', async () => {
      const { stream, source, reader, first } = await losing('workqueue')
      const second = await take(reader, 150 - first.progress.claimed, first.progress)
      assert.deepEqual([...first.texts, ...second.texts], texts(0, 150))
      await reader.commit?.(second.progress)
      await reach(stream, 0)
      await source.close()
    })

    it('and fails where what it had yet to deliver went with it', async () => {
      const { source, reader, first } = await losing('interest')
      const error = await rejection(take(reader, 150, first.progress))
      assert.deepEqual([error.name, /went what it had yet to deliver/.test(error.message)], ['UnsuitableConsumer', true])
      await source.close()
    })
  })

  describe('is refused', () => {
    const refusal = async (stream: string, o: Partial<SourceOptions> = {}): Promise<Error> => {
      const source = await connected(stream, o)
      const error = await rejection(source.resolve({ desired: 1, toEnd: false }))
      await source.close()
      return error
    }

    it('a consumer that would lose messages, or that selects others', async () => {
      const stream = await newStream('workqueue')
      await jsm.consumers.add(stream, {
        durable_name: 'reader',
        ack_policy: 'explicit',
        max_deliver: 5,
        filter_subject: `${stream}.a`,
      } as Partial<ConsumerConfig>)
      const { name, message } = await refusal(stream)
      assert.strictEqual(name, 'UnsuitableConsumer')
      assert.match(message, /gives up what was delivered 5 times \(max_deliver\).*selects Q\d+\.a, and the read all subjects/)
    })

    it('a consumer that somebody else reads through, until that one is gone', async () => {
      const stream = await newStream('workqueue')
      await publish(stream, 0, 3)
      const pull = { ...pullDefaults, expiresMs: 500, heartbeatMs: 200 }
      const [first, second] = [await connected(stream, { pull }), await connected(stream, { pull })]
      const [split] = await first.resolve({ desired: 1, toEnd: false })
      assert.isDefined(split)
      const reader = await first.open(split, unread)
      const { progress } = await take(reader, 3)
      const { name, message } = await rejection(second.open(split, unread))
      assert.strictEqual(name, 'UnsuitableConsumer')
      assert.match(message, /somebody else reads through the consumer reader of the stream Q\d+.*Stop the other one/)
      await reader.close()
      await (await second.open(split, progress)).close()
      await first.close()
      await second.close()
    })

    it('a subject of a work queue that has a consumer already', async () => {
      const stream = await newStream('workqueue')
      await jsm.consumers.add(stream, { durable_name: 'another', ack_policy: 'explicit' } as Partial<ConsumerConfig>)
      const { name, message } = await refusal(stream)
      assert.deepEqual([name, message.includes('goes to one consumer')], ['UnsuitableConsumer', true])
    })

    it('what does not go with how the stream erases messages', async () => {
      const [queue, interest, limits] = [await newStream('workqueue'), await newStream('interest'), await newStream('limits')]
      for (const [stream, o, says] of [
        [limits, {}, 'read by position'],
        [queue, { start: StartAt.onlyNew }, 'cannot start at what is new'],
        [interest, { consumer: { ...consumer, inactiveMs: 5_000 } }, 'Leave inactiveThreshold out'],
        [queue, { consumer: null }, 'Acknowledge.onCheckpoint'],
      ] as const) {
        const { name, message } = await rejection(connected(stream, o))
        assert.deepEqual([name, message.includes(says)], ['UnsupportedRetention', true], message)
      }
    })
  })
})
