// Reading a real stream: what is read, where it ends, and what is refused.
import { RangeTracker } from '../../sdk/splittable/range-tracker.ts'
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Instant } from '../../sdk/model/time.ts'
import type { Split } from '../../sdk/splittable/source.ts'
import { Erased, StartAt, StopAt } from '../../io/jetstream/index.ts'
import type { SourceOptions } from '../../io/jetstream/source.ts'
import { hostContext, range, readAll, rejection, testSource, wait } from '../support/jetstream-context.ts'
import { until } from '../support/until.ts'
import { NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'

describe('JetStreamIO.read', () => {
  let server: RunningServer
  let nc: NatsConnection
  let jsm: JetStreamManager

  before(async () => {
    server = await NatsServer.start({ control: true })
    nc = await connect({ servers: server.url })
    jsm = await jetstreamManager(nc)
  })
  after(async () => {
    await nc.close()
    await server.stop()
  })

  let streams = 0
  const newStream = async (subjects: string, config: object = {}): Promise<string> => {
    const name = `S${++streams}`
    await jsm.streams.add({ name, subjects: [subjects.replace('S', name)], ...config })
    return name
  }
  const publish = async (subjects: ReadonlyArray<string>): Promise<void> => {
    const js = jetstream(nc)
    for (let i = 0; i < subjects.length; i += 500) await Promise.all(subjects.slice(i, i + 500).map((s, k) => js.publish(s, `${i + k}`)))
  }
  const readSplits = async (stream: string, o: Partial<SourceOptions> = {}): Promise<ReadonlyArray<number>> => {
    const source = await testSource(stream, o).connect(hostContext(server.url))
    try {
      const read: number[] = []
      for (const split of await source.resolve({ desired: 1, toEnd: false })) {
        const reader = await source.open(split, { last: null, claimed: 0, note: null })
        read.push(...(await readAll(reader)).map(m => m.sequence))
      }
      return read
    } finally {
      await source.close()
    }
  }

  it('gives every message once, in order, up to what was there when it began', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 3_000).map(i => `${stream}.${i % 7}`))
    assert.deepEqual(await readSplits(stream), range(1, 3_001))
  })

  it('ends at once in an empty stream', async () => {
    assert.deepEqual(await readSplits(await newStream('S.>')), [])
  })

  it('ends where the stream was purged to nothing', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 10).map(() => `${stream}.a`))
    await jsm.streams.purge(stream)
    assert.deepEqual(await readSplits(stream), [])
  })

  it('passes over deleted messages, the last ones too', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 20).map(() => `${stream}.a`))
    for (const sequence of [3, 4, 11, 19, 20]) await jsm.streams.deleteMessage(stream, sequence)
    assert.deepEqual(
      await readSplits(stream),
      range(1, 19).filter(s => ![3, 4, 11].includes(s)),
    )
  })

  it('selects a dense subject and a rare one alike', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 8_000).map(i => (i === 4_321 ? `${stream}.rare` : `${stream}.often.${i % 2}`)))
    assert.deepEqual(await readSplits(stream, { filters: [`${stream}.rare`] }), [4_322])
    assert.deepEqual(
      await readSplits(stream, { filters: [`${stream}.often.0`] }),
      range(0, 8_000)
        .filter(i => i % 2 === 0 && i !== 4_321)
        .map(i => i + 1)
        .filter(s => s !== 4_322),
    )
    assert.deepEqual(await readSplits(stream, { filters: [`${stream}.nothing`] }), [])
  })

  it('starts with the newest message of each subject', async () => {
    const stream = await newStream('S.>')
    await publish(['a', 'b', 'a', 'c', 'b', 'a'].map(s => `${stream}.${s}`))
    assert.deepEqual(await readSplits(stream, { start: StartAt.lastPerSubject }), [4, 5, 6])
  })

  it('starts and stops at a time, at a sequence and after a count', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 5).map(() => `${stream}.a`))
    await wait(20)
    const middle = Instant.ofMillis(Date.now())
    await wait(20)
    await publish(range(0, 5).map(() => `${stream}.a`))
    assert.deepEqual(await readSplits(stream, { start: StartAt.time(middle) }), range(6, 11))
    assert.deepEqual(await readSplits(stream, { stop: StopAt.time(middle) }), range(1, 6))
    assert.deepEqual(await readSplits(stream, { start: StartAt.sequence(4), stop: StopAt.sequence(8) }), range(4, 8))
    assert.deepEqual(await readSplits(stream, { start: StartAt.sequence(4), stop: StopAt.count(3) }), range(4, 7))
    assert.deepEqual(await readSplits(stream, { stop: StopAt.count(1_000) }), range(1, 11), 'a count beyond the end does not hang')
    assert.deepEqual(
      await readSplits(stream, { stop: StopAt.time(Instant.ofMillis(Date.now() + 1_500)) }),
      range(1, 11),
      'a time to come is waited for',
    )
  })

  it('gives each message once when it is read in several ranges', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 1_000).map(() => `${stream}.a`))
    assert.deepEqual(await readSplits(stream, { splits: 4 }), range(1, 1_001))
  })

  it('gives each message of a backlog once when that is read in several ranges, and what comes behind it', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 1_000).map(() => `${stream}.a`))
    const source = await testSource(stream, { splits: 3, stop: null }).connect(hostContext(server.url))
    const splits = await source.resolve({ desired: 1, toEnd: false })
    assert.deepEqual(
      splits.map(split => [split.range.from, split.range.to, split.divisible]),
      [
        [1, 334, true],
        [334, 667, true],
        [667, 1_001, true],
        [1_001, null, false],
      ],
    )
    await publish(range(0, 10).map(() => `${stream}.a`))
    const all: number[] = []
    for (const split of splits) {
      const reader = await source.open(split, { last: null, claimed: 0, note: null })
      const most = split.range.to === null ? 10 : split.range.to - split.range.from
      all.push(...(await readAll(reader, read => read.length >= most)).map(({ sequence }) => sequence))
    }
    await source.close()
    assert.deepEqual(all, range(1, 1_011))
  })

  it('gives each message once when its tracker is split while it is read', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 5_000).map(() => `${stream}.a`))
    const source = await testSource(stream).connect(hostContext(server.url))
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    for (const after of [0, 1, 700, 4_999]) {
      const reader = await source.open(split, { last: null, claimed: 0, note: null })
      const head = after === 0 ? [] : [...(await readAll(reader, read => read.length >= after, 1))]
      const tracker = new RangeTracker(split.range, head.at(-1)?.sequence ?? null)
      const residual = tracker.trySplit(0.5)
      if (residual === null) {
        assert.equal(after, 4_999, 'only of one message nothing can be given away')
        assert.lengthOf(await readAll(reader), 1)
        await reader.close()
        continue
      }
      reader.truncate(residual.from)
      const primary = [...head, ...(await readAll(reader))].map(m => m.sequence)
      const rest = await source.open({ ...split, range: residual }, { last: null, claimed: 0, note: null })
      assert.deepEqual([...primary, ...(await readAll(rest)).map(m => m.sequence)], range(1, 5_001))
      await reader.close()
      await rest.close()
    }
    await source.close()
  })

  it('goes on after the position of a checkpoint', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 100).map(() => `${stream}.a`))
    const source = await testSource(stream).connect(hostContext(server.url))
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    const reader = await source.open(split, { last: null, claimed: 0, note: null })
    await readAll(reader, read => read.length > 0, 1)
    const batch = reader.poll(10)
    const restored = await source.open(split, { last: batch?.positions.at(-1) ?? null, claimed: 11, note: batch?.note })
    assert.deepEqual(
      (await readAll(restored)).map(m => m.sequence),
      range((batch?.positions.at(-1) ?? 0) + 1, 101),
    )
    await source.close()
  })

  it('is idle only once the server has said that nothing is pending, and wakes up for what comes', async () => {
    const stream = await newStream('S.>')
    const source = await testSource(stream, { stop: null }).connect(hostContext(server.url))
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    const reader = await source.open(split, { last: null, claimed: 0, note: null })
    await until('the proof that nothing is there', () => reader.status()._tag === 'idle')
    assert.equal(reader.lag(), 0)
    await publish([`${stream}.a`])
    assert.deepEqual(
      (await readAll(reader, read => read.length === 1)).map(m => m.sequence),
      [1],
    )
    await source.close()
  })

  it('stops pulling while nobody polls', async () => {
    const stream = await newStream('S.>')
    const large = 'x'.repeat(64 * 1_024)
    const js = jetstream(nc)
    for (let i = 0; i < 20; i++) await Promise.all(range(0, 25).map(() => js.publish(`${stream}.a`, large)))
    const source = await testSource(stream).connect(hostContext(server.url))
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    try {
      const reader = await source.open(split, { last: null, claimed: 0, note: null })
      await wait(800)
      const [consumer] = await (await jetstreamManager(nc)).consumers.list(stream).next()
      assert.isBelow(consumer?.delivered.consumer_seq ?? Infinity, 320, 'of 500, of 64 kB each')
      assert.deepEqual(
        (await readAll(reader)).map(m => m.sequence),
        range(1, 501),
      )
    } finally {
      await source.close()
    }
  })

  it('reads a message that is larger than a pull', async () => {
    const large = await NatsServer.start({ config: { max_payload: 4_194_304 }, control: true })
    const connection = await connect({ servers: large.url })
    try {
      await (await jetstreamManager(connection)).streams.add({ name: 'LARGE', subjects: ['large'] })
      for (const size of [10, 3_000_000, 10]) await jetstream(connection).publish('large', new Uint8Array(size))
      const source = await testSource('LARGE').connect(hostContext(large.url))
      const [split] = await source.resolve({ desired: 1, toEnd: false })
      assert.isDefined(split)
      const read = await readAll(await source.open(split, { last: null, claimed: 0, note: null }))
      assert.deepEqual(
        read.map(m => m.payload.length),
        [10, 3_000_000, 10],
      )
      await source.close()
    } finally {
      await connection.close()
      await large.stop()
    }
  })

  it('makes a deleted consumer anew and loses nothing', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 30_000).map(() => `${stream}.a`))
    const source = await testSource(stream).connect(hostContext(server.url))
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    const reader = await source.open(split, { last: null, claimed: 0, note: null })
    const head = await readAll(reader, read => read.length >= 1_000)
    for await (const consumer of jsm.consumers.list(stream)) await jsm.consumers.delete(stream, consumer.name)
    const rest = await readAll(reader)
    assert.deepEqual(
      [...head, ...rest].map(m => m.sequence),
      range(1, 30_001),
    )
    await source.close()
  })

  it('fails when what it has not read yet is purged', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 40_000).map(() => `${stream}.a`))
    const source = await testSource(stream).connect(hostContext(server.url))
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    const reader = await source.open(split, { last: null, claimed: 0, note: null })
    await readAll(reader, read => read.length >= 100, 100)
    await wait(300)
    await jsm.streams.purge(stream, { seq: 35_000 })
    const error = await rejection(readAll(reader))
    assert.equal(error.name, 'MessagesErased')
    assert.include(error.message, 'its first is 35000 now')
    await source.close()
  })

  it('refuses to go on where messages were erased, and where the stream is another one', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 10).map(() => `${stream}.a`))
    const source = await testSource(stream).connect(hostContext(server.url))
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    await jsm.streams.purge(stream, { seq: 5 })
    assert.equal((await rejection(source.open(split, { last: 2, claimed: 2, note: null }))).name, 'MessagesErased')
    await (await source.open(split, { last: 4, claimed: 4, note: null })).close()
    await jsm.streams.delete(stream)
    assert.equal((await rejection(source.open(split, { last: 4, claimed: 4, note: null }))).name, 'StreamNotFound')
    await jsm.streams.add({ name: stream, subjects: [`${stream}.>`] })
    assert.equal((await rejection(source.open(split, { last: 4, claimed: 4, note: null }))).name, 'StreamRecreated')
    await source.close()
  })

  it('skips what a purge or a limit has erased where it is told to, and counts it', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 30).map(() => `${stream}.a`))
    const context = hostContext(server.url)
    const source = await testSource(stream, { erased: Erased.skip }).connect(context)
    const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
    await jsm.streams.purge(stream, { seq: 21 })
    const read = await readAll(await source.open(split, { last: 5, claimed: 5, note: null }))
    assert.deepEqual(
      read.map(({ sequence }) => sequence),
      range(21, 31),
    )
    assert.match(context.logged.join(), /sequences 6 to 20 of the stream S\d+ were erased before they were read/)
    assert.deepInclude(context.fields, { split: 'range-0', sequence: 6, erased: 15, erasedInAll: 15 })
    await jsm.streams.purge(stream)
    assert.lengthOf(await readAll(await source.open(split, { last: 5, claimed: 5, note: null })), 0, 'it ends where nothing is left')
    await source.close()
  })

  it('makes its durable consumer anew where a checkpoint is, in front of or behind where it stands', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 100).map(() => `${stream}.a`))
    const read = async (from: number): Promise<ReadonlyArray<number>> => {
      const source = await testSource(stream, { durable: 'reader' }).connect(hostContext(server.url))
      const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
      const messages = await readAll(await source.open(split, { last: from, claimed: from, note: null }))
      await source.close()
      return messages.map(({ sequence }) => sequence)
    }
    assert.deepEqual(await read(60), range(61, 101))
    assert.strictEqual((await jsm.consumers.info(stream, 'reader')).delivered.stream_seq, 100, 'operators see where it stands')
    assert.deepEqual(await read(20), range(21, 101), 'an older position skips nothing')
    assert.deepEqual(await read(80), range(81, 101))
    await jsm.consumers.add(stream, { durable_name: 'theirs' })
    const source = await testSource(stream, { durable: 'theirs' }).connect(hostContext(server.url))
    const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
    const error = await rejection(source.open(split, { last: 20, claimed: 20, note: null }))
    assert.deepEqual([error.name, /has not made/.test(error.message)], ['UnsuitableConsumer', true])
    await source.close()
  })

  it('hands on no more in a second than it is told to', async () => {
    const stream = await newStream('S.>')
    await publish(range(0, 300).map(() => `${stream}.a`))
    const began = performance.now()
    assert.deepEqual(await readSplits(stream, { rateLimit: 300 }), range(1, 301))
    // A tenth of a second's worth may come at once.
    assert.isAtLeast(performance.now() - began, 890)
  })

  it('reads several streams as one, each from where it stood', async () => {
    const [one, two] = [await newStream('S.>'), await newStream('S.>')]
    await publish(range(0, 10).map(() => `${one}.a`))
    await publish(range(0, 20).map(() => `${two}.a`))
    const source = await testSource(one, { others: [two], stop: null }).connect(hostContext(server.url))
    const splits = await source.resolve({ desired: 1, toEnd: false })
    assert.deepEqual(
      splits.map(({ id }) => id),
      [`${one}/range-0`, `${two}/range-0`],
    )
    const ended = await source.endNow?.()
    await publish(range(0, 5).map(() => `${two}.a`))
    const read: string[] = []
    for (const split of splits) {
      const reader = await source.open(ended?.(split) ?? split, { last: 4, claimed: 4, note: null })
      read.push(...(await readAll(reader)).map(({ stream, sequence }) => `${stream} ${sequence}`))
    }
    assert.deepEqual(read, [...range(5, 11).map(n => `${one} ${n}`), ...range(5, 21).map(n => `${two} ${n}`)])
    assert.match(
      (await rejection(source.open({ ...splits[0], id: 'GONE/range-0' } as Split, { last: 4, claimed: 4, note: null }))).message,
      /of none of these streams/,
    )
    await source.close()
  })

  it('refuses work queues and interest streams, which cannot be read by position', async () => {
    const stream = await newStream('S.>', { retention: 'workqueue' })
    const error = await rejection(testSource(stream).connect(hostContext(server.url)))
    assert.equal(error.name, 'UnsupportedRetention')
    assert.include(error.message, 'cannot be read by position. Give the read acknowledge: Acknowledge.onCheckpoint')
  })

  it('says that a stream does not exist, and that no server answers', async () => {
    assert.equal((await rejection(testSource('MISSING').connect(hostContext(server.url)))).name, 'StreamNotFound')
    const error = await rejection(testSource('ANY').connect(hostContext('nats://127.0.0.1:1')))
    assert.equal(error.name, 'CannotConnect')
    assert.include(error.message, 'NATS_URL')
  })
})
