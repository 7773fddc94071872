// What holds for checkpoints in a stream alone: its messages, what happens when they are damaged or left behind, and what servers refuse.
import { randomBytes } from 'node:crypto'
import { assert } from 'chai'
import { NatsServer } from 'jetbeam/testing/nats-server'
import type { CheckpointSession, Segment } from '../../../runners/checkpoint/index.ts'
import { checkpointProcesses } from './process-driver.ts'
import { refuses } from './refusal.ts'
import { storeAt } from './store-at.ts'
import { streams } from './stream-place.ts'
import { bytesOf, textOf } from './temporary-folder.ts'

describe('A stream of checkpoints', () => {
  const at = streams()
  const start = checkpointProcesses()
  const commit = async (session: CheckpointSession, epoch: number): Promise<Segment> => {
    const segment = await session.writeSegment([bytesOf(`state ${epoch}`)])
    await session.commit(epoch, [segment], { epoch })
    return segment
  }
  const run = async (stream: string, ...epochs: ReadonlyArray<number>): Promise<void> => {
    const session = await storeAt(at.place(stream)).open('job')
    for (const epoch of epochs) await commit(session, epoch)
    await session.release()
  }
  const put = async (stream: string, subject: string, content: string): Promise<void> => {
    await at.nc().request(`$JETBEAM.${stream}.${subject}`, content)
  }

  it('has one message a head, a manifest that is kept, and a segment that one names; one stream has many jobs', async () => {
    const stream = at.fresh()
    await run(stream, 0, 1, 2, 3, 4)
    const other = await storeAt(at.place(stream)).open('Another job')
    await other.release()
    const subjects = await at.subjects(stream)
    assert.match(subjects[0] ?? '', /^another-job~[0-9a-f]{20}\.head$/)
    assert.deepStrictEqual(subjects.slice(1), ['job.head', ...[4, 5, 6, 7, 8, 9].map(n => `job.segment.000001-000000000${n}.0`)])
    const { config } = await at.jsm().streams.info(stream)
    assert.deepInclude(config, { retention: 'limits', discard: 'new', max_msgs_per_subject: 1, num_replicas: 1, storage: 'file' })
  })

  it('keeps as many checkpoints as it is told, over restarts', async () => {
    const stream = at.fresh()
    for (const epoch of [0, 1, 2, 3]) {
      const session = await storeAt(at.place(stream), { keep: 2 }).open('job')
      await commit(session, epoch)
      await session.release()
    }
    assert.lengthOf(await at.subjects(stream), 1 + 2 * 2)
    assert.throws(() => storeAt(at.place(stream), { keep: 0 }), RangeError)
    assert.throws(() => storeAt(at.place(stream), { leaseExpiryMs: 0 }), RangeError)
  })

  it('removes what a killed process had not finished, when the job is opened again', async () => {
    const stream = at.fresh()
    await run(stream, 0)
    const before = await at.subjects(stream)
    const child = await start(at.place(stream), 'job')
    await child.ask('open')
    for (let i = 0; i < 3; i++) await child.ask('segment')
    child.send('halfSavepoint')
    await child.next()
    await child.kill()
    const between = await at.subjects(stream)
    assert.lengthOf(
      between.filter(subject => subject.includes('.segment.')),
      2 + 3,
    )
    assert.isTrue(between.some(subject => subject.includes('.saving.')))
    await run(stream)
    assert.deepStrictEqual(await at.subjects(stream), before)
  })

  it('holds a segment of any size, written and read in pieces, many at once', async () => {
    const session = await storeAt(at.place(at.fresh())).open('job')
    const piece = 131_072
    const sizes = [1, piece - 1, piece, piece + 1, 5 * piece, 48 * 1_048_576 + 17]
    const contents = sizes.map(size => randomBytes(size))
    const segments = await Promise.all(
      // Cut where no piece ends.
      contents.map(content =>
        session.writeSegment([content.subarray(0, 1_000), content.subarray(1_000, 300_001), content.subarray(300_001)]),
      ),
    )
    await session.commit(0, segments, null)
    const read = await Promise.all(segments.map(segment => session.readSegment(segment)))
    read.forEach((content, i) => assert.isTrue(Buffer.compare(content, contents[i] ?? assert.fail()) === 0, `${sizes[i]} bytes`))
    await session.release()
  })

  it('holds a manifest that is larger than a message may be', async () => {
    const place = at.place(at.fresh())
    const content = { text: 'x'.repeat(3_000_000) }
    const session = await storeAt(place).open('job')
    await session.commit(0, [], content)
    await session.release()
    const again = await storeAt(place).open('job')
    assert.deepStrictEqual(again.latest?.content, content)
    await again.release()
    const savepoint = await storeAt(place).writeSavepoint('job', 'a.b', [randomBytes(300_000)], content)
    assert.include(savepoint, 'a.b')
    assert.deepStrictEqual((await storeAt(place).readSavepoint('job', 'a.b')).content, content)
  })

  const damages: Readonly<Record<string, readonly [subject: string, content: string | null]>> = {
    'the last manifest is altered': ['job.segment.000001-0000000005.0', 'x'],
    'the last manifest is gone': ['job.segment.000001-0000000005.0', null],
    'another manifest is in its place': ['job.segment.000001-0000000005.0', 'job.segment.000001-0000000003.0'],
    'the head is altered': ['job.head', 'x'],
  }
  for (const [damage, [subject, content]] of Object.entries(damages))
    it(`stops when ${damage}, and never goes on from the checkpoint before`, async () => {
      const stream = at.fresh()
      await run(stream, 0, 1, 2)
      const whole = `$JETBEAM.${stream}.${subject}`
      if (content === null) await at.jsm().streams.purge(stream, { filter: whole })
      else if (content.startsWith('job.')) {
        const other = await at.jsm().streams.getMessage(stream, { last_by_subj: `$JETBEAM.${stream}.${content}` })
        await at.nc().request(whole, other?.data ?? assert.fail())
      } else await put(stream, subject, content)
      const before = await at.subjects(stream)
      for (let attempt = 0; attempt < 2; attempt++)
        await refuses(
          'Damaged',
          storeAt(at.place(stream)).open('job'),
          subject === 'job.head' ? subject : '000001-0000000005',
          stream,
          'damaged',
          'backup',
        )
      assert.deepStrictEqual(await at.subjects(stream), before)
    })

  it('goes on, with a warning, when only an earlier manifest is damaged', async () => {
    const stream = at.fresh()
    await run(stream, 0, 1, 2)
    await put(stream, 'job.segment.000001-0000000003.0', 'x')
    const warnings: Array<string> = []
    const session = await storeAt(at.place(stream), { onWarning: message => warnings.push(message) }).open('job')
    assert.strictEqual(session.latest?.epoch, 2)
    assert.lengthOf(warnings, 1)
    assert.include(warnings[0], 'latest one is intact')
    await session.release()
  })

  it('says so when a segment or a savepoint is altered, cut short or gone', async () => {
    const stream = at.fresh()
    const store = storeAt(at.place(stream))
    const session = await store.open('job')
    const segment = await commit(session, 0)
    const subject = 'job.segment.000001-0000000000.0'
    await put(stream, subject, 'State 0')
    await refuses('Damaged', session.readSegment(segment), segment.name, 'checksum', 'savepoint')
    await put(stream, subject, 'state')
    await refuses('Damaged', session.readSegment(segment), 'piece 0 of 1 has 5 bytes')
    await at.jsm().streams.purge(stream, { filter: `$JETBEAM.${stream}.${subject}` })
    await refuses('Damaged', session.readSegment(segment), 'piece 0 of 1 is missing')
    await session.release()
    await store.writeSavepoint('job', 'x', [bytesOf('one')], null)
    const saved = (await at.subjects(stream)).find(each => /\.saving\.x\..*\.0\.0$/.test(each)) ?? assert.fail()
    await put(stream, saved, 'One')
    await refuses('Damaged', store.readSavepoint('job', 'x'), 'checksum', 'another savepoint')
  })

  it('keeps a savepoint whole when all checkpoints are gone', async () => {
    const stream = at.fresh()
    const store = storeAt(at.place(stream))
    await run(stream, 0, 1)
    await store.writeSavepoint('job', 'kept', [bytesOf('one'), randomBytes(0), bytesOf('three')], { run: 'r' })
    await at.jsm().streams.purge(stream, { filter: `$JETBEAM.${stream}.job.segment.>` })
    await at.jsm().streams.purge(stream, { filter: `$JETBEAM.${stream}.job.head` })
    await run(stream, 5, 6, 7, 8, 9)
    const { content, segments } = await store.readSavepoint('job', 'kept')
    assert.deepStrictEqual([content, segments.map(textOf)], [{ run: 'r' }, ['one', '', 'three']])
  })

  it('refuses a stream that would erase or mix checkpoints, and says what to correct', async () => {
    const stream = at.fresh()
    await at.jsm().streams.add({ name: stream, subjects: [`$JETBEAM.${stream}.>`], max_age: 3_600_000_000_000 })
    await refuses('StoreFailed', storeAt(at.place(stream)).open('job'), stream, 'max_msgs_per_subject 1', 'discard "new"', 'max_age 0')
    const taken = at.fresh()
    await at.jsm().streams.add({ name: `${taken}_OTHER`, subjects: [`$JETBEAM.${taken}.>`] })
    await refuses('StoreFailed', storeAt(at.place(taken)).open('job'), taken, 'overlap')
  })

  it('refuses replicas that there are no servers for', async () => {
    await refuses('StoreFailed', storeAt(at.place(at.fresh()), { replicas: 3 }).open('job'), 'replicas')
  })

  it('fails a checkpoint, not the data, when the stream is full; with room again it goes on', async () => {
    const stream = at.fresh()
    await run(stream, 0)
    await at.jsm().streams.update(stream, { max_bytes: 1_500_000 })
    const session = await storeAt(at.place(stream)).open('job')
    const large = randomBytes(2_000_000)
    await refuses('StoreFull', session.writeSegment([large]), stream, 'maximum bytes exceeded', 'limits')
    // What was half written is gone again.
    await commit(session, 1)
    await at.jsm().streams.update(stream, { max_bytes: 2_000 })
    await refuses('StoreFull', session.commit(2, [], { text: 'x'.repeat(5_000) }))
    await session.ensureHeld()
    assert.isFalse(session.lost())
    await at.jsm().streams.update(stream, { max_bytes: -1 })
    await session.commit(2, [await session.writeSegment([large])], 'fits')
    await session.release()
    const after = await storeAt(at.place(stream)).open('job')
    assert.strictEqual(after.latest?.content, 'fits')
    await after.release()
  })

  it('says which permission is missing', async () => {
    const server = await NatsServer.start({
      config: {
        authorization: {
          users: [
            {
              user: 'reader',
              password: 'x',
              permissions: { publish: ['$JS.API.STREAM.INFO.>', '$JS.API.STREAM.MSG.GET.>'], subscribe: ['>'] },
            },
            { user: 'stranger', password: 'x', permissions: { publish: ['nothing'], subscribe: ['>'] } },
            { user: 'owner', password: 'x' },
          ],
        },
      },
    })
    try {
      const as = (user: string) => storeAt(`nats://${user}:x@127.0.0.1:${server.port}/STATE`)
      await refuses('NotPermitted', as('stranger').open('job'), 'STATE', '$JS.API.STREAM.INFO.STATE', 'Allow this user')
      await refuses('NotPermitted', as('reader').open('job'), '$JS.API.STREAM.CREATE.STATE', 'Allow this user')
      await (await as('owner').open('job')).release()
      await refuses('NotPermitted', as('reader').open('job'), '$JETBEAM.STATE.job.head', 'Allow this user')
    } finally {
      await server.stop()
    }
  })

  it('says so when the server takes messages that are too small, has no JetStream, or is not there', async () => {
    const small = await NatsServer.start({ config: { max_payload: 65_536 } })
    try {
      await refuses('StoreFailed', storeAt(`${small.url}/STATE`).open('job'), '65536', 'max_payload')
    } finally {
      await small.stop()
    }
    const plain = await NatsServer.start({ jetstream: false })
    try {
      await refuses('StoreFailed', storeAt(`${plain.url}/STATE`, { patienceMs: 500 }).open('job'), 'STATE', '-js')
    } finally {
      await plain.stop()
    }
    await refuses('StoreFailed', storeAt(`${plain.url}/STATE`).open('job'), plain.url, 'No NATS server could be reached')
  })
})
