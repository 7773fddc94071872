// Checkpoints in a stream while the way there breaks: cut connections, a server that stands still, is killed, or forgets.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from 'chai'
import { NatsServer } from 'jetbeam/testing/nats-server'
import { CheckpointError, type CheckpointSession } from '../../../runners/checkpoint/index.ts'
import { whenBack } from '../../support/steady-connection.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'
import { refuses } from './refusal.ts'
import { storeAt } from './store-at.ts'
import { streams } from './stream-place.ts'
import { bytesOf, textOf } from './temporary-folder.ts'

describe('Checkpoints in a stream', function () {
  this.timeout(180_000)
  const at = streams({ control: true })
  /** What could not be removed is removed later: here that happens all the time. */
  const unheard = (): void => undefined
  const contentOf = (epoch: number): string => `state ${epoch} `.repeat(20_000)

  /** One after the other until told to stop; gives the epochs that were acknowledged, and how many tries failed. */
  const commitUntil = async (session: CheckpointSession, stopped: () => boolean) => {
    const acknowledged: number[] = []
    let failed = 0
    for (let epoch = 0; !stopped(); epoch++)
      try {
        await session.commit(epoch, [await session.writeSegment([bytesOf(contentOf(epoch))])], { epoch })
        acknowledged.push(epoch)
      } catch (error) {
        if (!(error instanceof CheckpointError) || error.kind !== 'StoreFailed') throw error
        failed++
      }
    return { acknowledged, failed }
  }

  /** The last one that was acknowledged is there, or one whose answer was lost. */
  const check = async (place: string, acknowledged: ReadonlyArray<number>): Promise<void> => {
    const after = await storeAt(place).open('job')
    const epoch = after.latest?.epoch ?? -1
    assert.isAtLeast(epoch, acknowledged.at(-1) ?? assert.fail('nothing was committed'))
    assert.deepStrictEqual(after.latest?.content, { epoch })
    const [segment = assert.fail()] = after.latest?.segments ?? []
    assert.strictEqual(textOf(await after.readSegment(segment)), contentOf(epoch))
    await after.release()
  }

  it('are committed through a connection that is cut again and again, each once', async () => {
    const proxy = await tcpProxy(at.server().port)
    const stream = at.fresh()
    try {
      const session = await storeAt(`nats://127.0.0.1:${proxy.port}/${stream}`, { onWarning: unheard }).open('job')
      let done = false
      const committing = commitUntil(session, () => done)
      for (let cut = 0; cut < 12; cut++) {
        await sleep(120 + 37 * (cut % 5))
        proxy.cut()
        await sleep(300)
      }
      done = true
      const { acknowledged, failed } = await committing
      // A server that is away for less than it is waited for fails nothing.
      assert.strictEqual(failed, 0)
      assert.isAbove(acknowledged.length, 12)
      await session.release()
      await check(at.place(stream), acknowledged)
    } finally {
      await proxy.close()
    }
  })

  it('are committed by a session whose server is killed and started again, and none that was acknowledged is lost', async () => {
    const stream = at.fresh()
    const session = await storeAt(at.place(stream), { onWarning: unheard }).open('job')
    let done = false
    const committing = commitUntil(session, () => done)
    for (let kill = 0; kill < 4; kill++) {
      await sleep(150 + 83 * kill)
      await at.server().kill()
      await at.server().restart()
    }
    await sleep(500)
    done = true
    const { acknowledged, failed } = await committing
    assert.strictEqual(failed, 0)
    await session.release()
    await whenBack(at.nc())
    await check(at.place(stream), acknowledged)
  })

  it('fail in time while the server stands still, and go on when it does', async () => {
    const place = at.place(at.fresh())
    const session = await storeAt(place, { patienceMs: 700, onWarning: unheard }).open('job')
    const segment = await session.writeSegment([bytesOf('before')])
    await at.server().pause()
    try {
      await refuses('StoreFailed', session.writeSegment([bytesOf('x')]), at.server().url)
      await refuses('StoreFailed', session.commit(0, [segment], 0))
      await refuses('StoreFailed', session.ensureHeld())
      assert.isFalse(session.lost())
    } finally {
      at.server().resume()
    }
    await session.commit(1, [segment], 1)
    await session.release()
    const after = await storeAt(place).open('job')
    assert.deepStrictEqual([after.latest?.epoch, after.latest?.content], [1, 1])
    await after.release()
  })

  it('go on from a head that arrived, though its answer was lost', async () => {
    const proxy = await tcpProxy(at.server().port)
    const stream = at.fresh()
    const sequence = async (): Promise<number> =>
      (await at.jsm().streams.getMessage(stream, { last_by_subj: `$JETBEAM.${stream}.job.head` }))?.seq ?? assert.fail('there is no head')
    try {
      const store = storeAt(`nats://127.0.0.1:${proxy.port}/${stream}`, { patienceMs: 500, leaseExpiryMs: 600_000 })
      const session = await store.open('job')
      await session.commit(0, [], 'zero')
      // The next answer still comes, and none after it.
      proxy.throttle(1)
      await session.ensureHeld()
      const before = await sequence()
      await refuses('StoreFailed', session.ensureHeld(), 'Whether it was stored is not known yet')
      const arrived = await sequence()
      assert.isAbove(arrived, before)
      proxy.throttle(null)
      proxy.cut()
      await sleep(1_000)
      await session.commit(1, [], 'one')
      assert.isFalse(session.lost())
      await session.release()
      const after = await storeAt(at.place(stream)).open('job')
      assert.deepStrictEqual([after.latest?.epoch, after.latest?.content], [1, 'one'])
      await after.release()
    } finally {
      await proxy.close()
    }
  })

  it('are stopped by a server that has forgotten what it acknowledged, and the message says what keeps it from that', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-forgetful-'))
    const [store, copy] = [join(folder, 'store'), join(folder, 'copy')]
    const server = await NatsServer.start({ storeDir: store })
    try {
      const session = await storeAt(`${server.url}/STATE`, { leaseExpiryMs: 600_000, onWarning: unheard }).open('job')
      await session.commit(0, [], 0)
      await server.kill()
      await cp(store, copy, { recursive: true })
      await server.restart()
      await session.commit(1, [], 1)
      await session.commit(2, [], 2)
      await server.kill()
      await rm(store, { recursive: true })
      await cp(copy, store, { recursive: true })
      await server.restart()
      await refuses('Damaged', session.commit(3, [], 3), 'forgotten', 'sync_interval: always')
      await session.release()
      const after = await storeAt(`${server.url}/STATE`).open('job')
      assert.strictEqual(after.latest?.epoch, 0)
      await after.release()
    } finally {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    }
  })
})
