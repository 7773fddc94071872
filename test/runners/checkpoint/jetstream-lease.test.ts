// The lease in a stream, with real processes: started together, killed, stopped and woken up again.
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from 'chai'
import { CheckpointError, type CheckpointSession } from '../../../runners/checkpoint/index.ts'
import { headOf, headText, type Head } from '../../../runners/checkpoint/jetstream-head.ts'
import { checkpointProcesses, type Driven } from './process-driver.ts'
import { refuses } from './refusal.ts'
import { storeAt } from './store-at.ts'
import { streams } from './stream-place.ts'
import { bytesOf } from './temporary-folder.ts'

const expiryMs = 600

describe('The lease of a job in a stream', () => {
  const at = streams()
  const start = checkpointProcesses()

  const openWhenFree = async (place: string): Promise<CheckpointSession> => {
    for (;;) {
      try {
        return await storeAt(place, { leaseExpiryMs: expiryMs }).open('job')
      } catch (error) {
        if (!(error instanceof CheckpointError) || error.kind !== 'LeaseHeld') throw error
      }
    }
  }
  /** Writes the head again as if somebody else had. */
  const rewriteHead = async (stream: string, change: (head: Head) => Head): Promise<void> => {
    const subject = `$JETBEAM.${stream}.job.head`
    const found = await at.jsm().streams.getMessage(stream, { last_by_subj: subject })
    const head = headOf(found?.string() ?? '')
    if (head._tag === 'Left') return assert.fail(head.left)
    await at.nc().request(subject, headText(change(head.right)))
  }

  it('is refused while another process renews it, and the message names that process', async () => {
    const place = at.place(at.fresh())
    const child = await start(place, 'job', expiryMs)
    assert.strictEqual((await child.ask('open'))['generation'], 1)
    await refuses('LeaseHeld', storeAt(place).open('job'), `Process ${child.pid} on host ${hostname()}`, '"job"', place.slice(0, 20))
    await child.ask('release')
    const session = await storeAt(place).open('job')
    assert.strictEqual(session.generation, 2)
    await session.release()
  })

  it('is free at once when its process was killed on this host, and the next one has its checkpoint', async () => {
    const place = at.place(at.fresh())
    // Silence alone would free it after ten minutes.
    const child = await start(place, 'job', 600_000)
    await child.ask('open')
    await child.ask('commit')
    await child.kill()
    const session = await storeAt(place).open('job')
    assert.deepStrictEqual([session.generation, session.latest?.epoch], [2, 0])
    await session.release()
  })

  it('of another host is free once it was watched being silent for its expiry, and not before', async () => {
    const stream = at.fresh()
    const place = at.place(stream)
    const child = await start(place, 'job', expiryMs)
    await child.ask('open')
    await child.ask('commit')
    child.signal('SIGSTOP')
    // As written by a host whose clock is hours ahead: nothing is compared with it.
    await rewriteHead(stream, head => ({
      ...head,
      write: head.write + 1,
      since: '2099-01-01T00:00:00.000Z',
      holder: head.holder === null ? null : { ...head.holder, host: 'elsewhere' },
    }))
    const began = performance.now()
    const session = await storeAt(place).open('job')
    assert.isAtLeast(performance.now() - began, expiryMs)
    assert.deepStrictEqual([session.generation, session.latest?.epoch], [2, 0])
    await session.release()
  })

  it('is won by exactly one of two processes that ask at the same time, under a number that never comes again', async () => {
    const place = at.place(at.fresh())
    const children: ReadonlyArray<Driven> = await Promise.all([start(place, 'job', expiryMs), start(place, 'job', expiryMs)])
    let last = 0
    for (let round = 0; round < 15; round++) {
      const answers = await Promise.all(children.map(async child => ({ child, answer: await child.ask('open') })))
      const won = answers.filter(({ answer }) => answer['generation'] !== undefined)
      const [winner] = won
      assert.lengthOf(won, 1, JSON.stringify(answers.map(a => a.answer)))
      assert.deepStrictEqual(
        answers.filter(a => a !== winner).map(a => a.answer['refused']),
        ['LeaseHeld'],
      )
      assert.isAbove(Number(winner?.answer['generation']), last)
      last = Number(winner?.answer['generation'])
      if (round % 2 === 0) await winner?.child.ask('commit')
      await winner?.child.ask('release')
    }
  })

  it('is won by exactly one of two processes that find its holder killed', async () => {
    const place = at.place(at.fresh())
    const [holder, ...heirs] = await Promise.all([start(place, 'job'), start(place, 'job', expiryMs), start(place, 'job', expiryMs)])
    await holder.ask('open')
    await holder.ask('commit')
    await holder.kill()
    const answers = await Promise.all(heirs.map(heir => heir.ask('open')))
    assert.sameMembers(
      answers.map(a => a['refused'] ?? a['epoch']),
      ['LeaseHeld', 0],
    )
  })

  for (const verb of ['segment', 'commit', 'ensure'])
    it(`is lost to a stopped process: woken up after a takeover, its next ${verb} is refused and changes nothing`, async () => {
      const stream = at.fresh()
      const place = at.place(stream)
      const child = await start(place, 'job', expiryMs)
      await child.ask('open')
      await child.ask('commit')
      child.signal('SIGSTOP')
      const session = await openWhenFree(place)
      assert.strictEqual(session.latest?.epoch, 0)
      await session.commit(1, [await session.writeSegment([bytesOf('mine')])], 'mine')
      const before = await at.subjects(stream)
      // Written before it wakes up: it does this first, before its timer can tell it anything.
      child.send(verb)
      child.signal('SIGCONT')
      const answer = await child.next()
      assert.strictEqual(answer['refused'], 'LeaseLost')
      assert.include(String(answer['message']), `Process ${process.pid}`)
      assert.strictEqual((await child.ask('lost'))['lost'], true)
      assert.deepStrictEqual(await at.subjects(stream), before)
      await session.release()
      const after = await storeAt(place).open('job')
      assert.strictEqual(after.latest?.content, 'mine')
      await after.release()
    })

  it('is lost to a stopped process that only renews: it knows without writing', async () => {
    const place = at.place(at.fresh())
    const child = await start(place, 'job', expiryMs)
    await child.ask('open')
    child.signal('SIGSTOP')
    const session = await openWhenFree(place)
    child.signal('SIGCONT')
    while ((await child.ask('lost'))['lost'] !== true) await sleep(20)
    await session.release()
  })

  it('moves from one process to the next at any moment of a commit, and no acknowledged checkpoint is lost or repeated', async () => {
    const place = at.place(at.fresh())
    const seed = Number(process.env['JETBEAM_SEED'] ?? 20_240_607)
    const random = randomOf(seed)
    for (let round = 0; round < 8; round++) {
      const label = `seed ${seed}, round ${round}`
      const child = await start(place, 'job', 300)
      await child.ask('open')
      child.send('loop')
      await sleep(20 + random() * 100)
      child.signal('SIGSTOP')
      const session = await openWhenFree(place)
      const base = session.latest?.epoch ?? -1
      await session.commit(base + 1, [await session.writeSegment([bytesOf(`round ${round}`)])], { round })
      child.signal('SIGCONT')
      while (child.said.at(-1)?.['refused'] === undefined) await sleep(10)
      const acknowledged = child.said.map(a => a['epoch']).filter(e => typeof e === 'number')
      assert.isAtLeast(base, Math.max(...acknowledged), label)
      assert.strictEqual(child.said.at(-1)?.['refused'], 'LeaseLost', JSON.stringify(child.said.at(-1)))
      await child.kill()
      await session.release()
      const after = await storeAt(place).open('job')
      assert.deepStrictEqual(after.latest?.content, { round }, label)
      for (const segment of after.latest?.segments ?? []) await after.readSegment(segment)
      await after.release()
    }
  })

  it('is lost where its stream was removed, and the message says so', async () => {
    const stream = at.fresh()
    const session = await storeAt(at.place(stream)).open('job')
    await at.jsm().streams.purge(stream)
    await refuses('LeaseLost', session.ensureHeld(), 'somebody removed it')
    assert.isTrue(session.lost())
    await session.release()
  })
})

const randomOf = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
