// What holds for every store: each test runs on a directory, in memory and in a stream.
import { assert } from 'chai'
import { directoryStore, memoryStore, type CheckpointStore } from '../../../runners/checkpoint/index.ts'
import { monotonicMs } from '../../../runners/checkpoint/confirmation.ts'
import { streams } from './stream-place.ts'
import { refuses } from './refusal.ts'
import { bytesOf, temporaryFolders, textOf } from './temporary-folder.ts'

const contract = (kind: string, make: () => Promise<CheckpointStore>): void => {
  describe(`A ${kind} checkpoint store`, () => {
    it('has no checkpoint of a job that never ran', async () => {
      const session = await (await make()).open('job')
      assert.isNull(session.latest)
      assert.isFalse(session.lost())
      await session.release()
    })

    it('gives the next process the last checkpoint and its segments', async () => {
      const store = await make()
      const first = await store.open('job')
      for (const epoch of [0, 1, 2]) {
        const segments = [await first.writeSegment([bytesOf(`state ${epoch}`), bytesOf(' and more')]), await first.writeSegment([])]
        const manifest = await first.commit(epoch, segments, { run: 'r', epoch })
        assert.deepStrictEqual(manifest, { version: 1, generation: first.generation, epoch, segments, content: { run: 'r', epoch } })
      }
      await first.release()
      const second = await store.open('job')
      assert.isAbove(second.generation, first.generation)
      assert.strictEqual(second.latest?.epoch, 2)
      assert.deepStrictEqual(second.latest?.content, { run: 'r', epoch: 2 })
      const [state, nothing] = await Promise.all((second.latest?.segments ?? []).map(s => second.readSegment(s)))
      assert.strictEqual(textOf(state ?? bytesOf('')), 'state 2 and more')
      assert.strictEqual(nothing?.length, 0)
      await second.release()
    })

    it('goes on from the same checkpoint when a process ended without making one', async () => {
      const store = await make()
      const first = await store.open('job')
      await first.commit(7, [await first.writeSegment([bytesOf('seven')])], null)
      await first.release()
      for (let i = 0; i < 3; i++) {
        const idle = await store.open('job')
        assert.strictEqual(idle.latest?.epoch, 7)
        await idle.writeSegment([bytesOf('named by nothing')])
        await idle.release()
      }
      const last = await store.open('job')
      assert.strictEqual(last.latest?.epoch, 7)
      assert.strictEqual(last.latest?.generation, first.generation)
      await last.release()
    })

    it('keeps a segment for as long as one of the last three checkpoints names it', async () => {
      const store = await make()
      const session = await store.open('job')
      const shared = await session.writeSegment([bytesOf('shared')])
      const own = await session.writeSegment([bytesOf('own')])
      await session.commit(0, [shared, own], null)
      for (const epoch of [1, 2]) await session.commit(epoch, [shared], null)
      assert.strictEqual(textOf(await session.readSegment(own)), 'own')
      await session.commit(3, [shared], null)
      await session.release()
      const again = await store.open('job')
      assert.strictEqual(textOf(await again.readSegment(shared)), 'shared')
      await refuses('Damaged', again.readSegment(own), own.name)
      await again.release()
    })

    it('keeps what was written for the next checkpoint while this one is committed', async () => {
      const session = await (await make()).open('job')
      const early = await session.writeSegment([bytesOf('spilled')])
      for (const epoch of [0, 1, 2, 3, 4]) await session.commit(epoch, [], null)
      await session.commit(5, [early], null)
      assert.strictEqual(textOf(await session.readSegment(early)), 'spilled')
      await session.release()
    })

    it('removes discarded segments, but none that a checkpoint names', async () => {
      const session = await (await make()).open('job')
      const named = await session.writeSegment([bytesOf('named')])
      const aborted = await session.writeSegment([bytesOf('aborted')])
      await session.commit(0, [named], null)
      await session.discardSegments([named, aborted])
      assert.strictEqual(textOf(await session.readSegment(named)), 'named')
      await refuses('Damaged', session.readSegment(aborted), aborted.name)
      await session.release()
    })

    it('keeps a segment that is discarded while a checkpoint that names it is committed', async () => {
      const session = await (await make()).open('job')
      const segment = await session.writeSegment([bytesOf('named')])
      await Promise.all([session.commit(0, [segment], null), session.discardSegments([segment])])
      assert.strictEqual(textOf(await session.readSegment(segment)), 'named')
      await session.release()
    })

    it('never commits a checkpoint that could not be restored', async () => {
      const session = await (await make()).open('job')
      const segment = await session.writeSegment([bytesOf('a')])
      await session.discardSegments([segment])
      const mistake = (work: Promise<unknown>): Promise<unknown> =>
        work.then(
          () => assert.fail('it was done'),
          (error: unknown) => assert.instanceOf(error, RangeError),
        )
      await mistake(session.commit(0, [segment], null))
      const other = await session.writeSegment([bytesOf('b')])
      await mistake(session.commit(0, [{ ...other, bytes: 2 }], null))
      await session.commit(0, [other], null)
      for (const epoch of [0, -1, 0.5, NaN]) await mistake(session.commit(epoch, [], null))
      await session.release()
    })

    it('writes many segments at once, and commits in the order of the calls', async () => {
      const session = await (await make()).open('job')
      const segments = await Promise.all(Array.from({ length: 40 }, (_, i) => session.writeSegment([bytesOf(`segment ${i}`)])))
      const commits = await Promise.all([0, 1, 2].map(epoch => session.commit(epoch, segments, { epoch })))
      assert.deepStrictEqual(
        commits.map(m => m.epoch),
        [0, 1, 2],
      )
      assert.strictEqual(textOf(await session.readSegment(segments[39] ?? assert.fail())), 'segment 39')
      await session.release()
    })

    it('takes the content as it is at the call', async () => {
      const store = await make()
      const session = await store.open('job')
      const content = { epoch: 0, missing: undefined }
      const done = session.commit(0, [], content)
      content.epoch = 99
      await done
      await session.release()
      const again = await store.open('job')
      assert.deepStrictEqual(again.latest?.content, { epoch: 0 })
      await again.release()
    })

    it('lets one session at a time have a job, and each job have its own', async () => {
      const store = await make()
      const session = await store.open('job')
      await refuses('LeaseHeld', store.open('job'), 'This process', '"job"')
      const other = await store.open('another job')
      await other.release()
      await session.release()
      await (await store.open('job')).release()
    })

    it('lets one of two sessions that are opened at the same time have a job', async () => {
      const store = await make()
      const outcomes = await Promise.allSettled([store.open('job'), store.open('job'), store.open('job')])
      const won = outcomes.filter(o => o.status === 'fulfilled')
      assert.lengthOf(won, 1)
      for (const { value } of won) await value.release()
    })

    it('confirms its lease by a renewal, from the moment at which that began and no later', async () => {
      const store = await make()
      const session = await store.open('job')
      const openedMs = monotonicMs()
      const first = session.confirmed()
      assert.isBelow(first.beganMs, openedMs)
      assert.isAbove(first.untilMs, openedMs)
      if (session.expiryMs < Infinity) assert.isBelow(first.untilMs - first.beganMs, session.expiryMs)
      await session.renew()
      const second = session.confirmed()
      assert.isAtLeast(second.beganMs, openedMs)
      assert.isBelow(second.beganMs, monotonicMs())
      assert.isAtLeast(second.untilMs, first.untilMs)
      await session.release()
      await refuses('LeaseLost', session.renew(), 'gave back')
      assert.strictEqual(session.confirmed().beganMs, second.beganMs)
    })

    it('gives a lease back once, and refuses to write afterwards', async () => {
      const store = await make()
      const session = await store.open('job')
      const segment = await session.writeSegment([bytesOf('a')])
      await session.commit(0, [segment], null)
      await session.release()
      const next = await store.open('job')
      await session.release()
      await refuses('LeaseHeld', store.open('job'))
      await refuses('LeaseLost', session.writeSegment([bytesOf('b')]), 'gave back')
      await refuses('LeaseLost', session.commit(1, [], null), 'gave back')
      await refuses('LeaseLost', session.discardSegments([segment]), 'gave back')
      await next.release()
    })

    it('takes any text for the name of a job', async () => {
      const store = await make()
      const names = [
        '',
        '.',
        '..',
        '../up',
        'a/b',
        'a\\b',
        'Job',
        'job',
        'JOB',
        'con',
        'a b',
        'a-b',
        'ä',
        'a\u0308',
        '\ud800',
        '\ud801',
        'x'.repeat(300),
        'x'.repeat(301),
        'nul\0',
      ]
      for (const name of names) {
        const session = await store.open(name)
        assert.isNull(session.latest, `${JSON.stringify(name)} shares a folder`)
        await session.commit(0, [], { name })
        await session.release()
      }
    })

    it('keeps savepoints whatever happens to the checkpoints', async () => {
      const store = await make()
      const place = await store.writeSavepoint('job', 'before-upgrade', [bytesOf('one'), bytesOf(''), bytesOf('three')], { run: 'r' })
      assert.include(place, 'before-upgrade')
      const session = await store.open('job')
      assert.isNull(session.latest)
      for (const epoch of [0, 1, 2, 3, 4]) await session.commit(epoch, [], null)
      await session.release()
      const { content, segments } = await store.readSavepoint('job', 'before-upgrade')
      assert.deepStrictEqual(content, { run: 'r' })
      assert.deepStrictEqual(segments.map(textOf), ['one', '', 'three'])
    })

    it('never replaces a savepoint', async () => {
      const store = await make()
      await store.writeSavepoint('job', 'first', [bytesOf('a')], 1)
      await refuses('SavepointExists', store.writeSavepoint('job', 'first', [bytesOf('b')], 2), '"first"', 'another name')
      assert.strictEqual((await store.readSavepoint('job', 'first')).content, 1)
      const racing = await Promise.allSettled(['x', 'y'].map(text => store.writeSavepoint('job', 'second', [bytesOf(text)], text)))
      assert.lengthOf(
        racing.filter(o => o.status === 'fulfilled'),
        1,
      )
    })

    it('says which savepoints there are when it is asked for one that there is not', async () => {
      const store = await make()
      await refuses('NoSuchSavepoint', store.readSavepoint('job', 'x'), 'none at all')
      await store.writeSavepoint('job', 'b', [], null)
      await store.writeSavepoint('job', 'a', [], null)
      await refuses('NoSuchSavepoint', store.readSavepoint('job', 'x'), '"x"', 'a, b')
    })

    for (const name of ['', '.', '..', '../x', 'a/b', 'a\\b', '-x', 'x.', 'CON', 'nul.txt', 'a b', 'ä', 'x'.repeat(101)])
      it(`refuses to call a savepoint ${JSON.stringify(name.slice(0, 10))}`, async () => {
        const store = await make()
        await refuses('InvalidName', store.writeSavepoint('job', name, [], null), JSON.stringify(name))
        await refuses('InvalidName', store.readSavepoint('job', name), JSON.stringify(name))
      })
  })
}

describe('Checkpoint stores', () => {
  const folder = temporaryFolders()
  contract('directory', async () => directoryStore({ path: await folder() }))
  contract('memory', async () => memoryStore())
  describe('in a stream', () => {
    const place = streams()
    contract('JetStream', async () => place.store())
  })
})
