// Connections are shared and counted, stay for as long as anybody needs them, and are drained before they are closed.
import { AckPolicy, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import { Checkpoints, millis, orThrow } from '../../sdk/index.ts'
import { acquire } from '../../io/jetstream/connections.ts'
import { JetStreamIO } from '../../io/jetstream/index.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { WorkerThreadsRunner } from '../../runners/worker-threads/index.ts'
import { twoRelays } from '../support/crossing-relays.ts'
import { natsPlace } from '../support/nats-place.ts'
import { hostContext, rejection } from '../support/jetstream-context.ts'
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts'

describe('Connections', () => {
  const place = natsPlace()
  let jsm: JetStreamManager
  let proxy: TcpProxy
  before(async () => {
    jsm = await jetstreamManager(place.nc())
    await jsm.streams.add({ name: 'IN', subjects: ['in.*'] })
    await jsm.streams.add({ name: 'OUT', subjects: ['out.*'] })
    for (const letter of ['a', 'b']) for (let i = 0; i < 20; i++) await jsm.jetstream().publish(`in.${letter}`, `${letter}${i}`)
  })
  beforeEach(async () => {
    proxy = await tcpProxy(Number(place.nc().getServer().split(':').at(-1)))
  })
  afterEach(() => proxy.close())

  const provided = () => JetStreamIO.connection({ servers: `127.0.0.1:${proxy.port}` })
  const linkTo = (lane: 'read' | 'write') => acquire(hostContext(`127.0.0.1:${proxy.port}`), undefined, lane)
  const counted = () => JetStreamIO.openConnections().map(({ lane, users }) => `${lane}: ${users}`)

  it('are one for reading and one for writing, and count those who share them', async () => {
    const links = await Promise.all([linkTo('read'), linkTo('write'), linkTo('write'), linkTo('write')])
    assert.sameMembers(counted(), ['read: 1', 'write: 3'])
    assert.strictEqual(proxy.made(), 2)
    await Promise.all(links.slice(0, 2).map(link => link.release()))
    // Whoever lets go twice does so once.
    await links[1].release()
    assert.deepStrictEqual(counted(), ['write: 2'])
    await Promise.all(links.map(link => link.release()))
    assert.deepStrictEqual(counted(), [])
  })

  it('are not counted where there is no server', async () => {
    proxy.stall(true)
    await rejection(linkTo('read'))
    assert.deepStrictEqual(counted(), [])
  })

  it('are as many for two reads and two writes as for one, and none once the run is over', async () => {
    const checkpoints = Checkpoints.jetstream({ every: millis(50) })
    await orThrow(DirectRunner.run({ provide: [provided()], checkpoints, job: 'direct' })(twoRelays()))
    assert.strictEqual(proxy.made(), 3, 'one for each: read, write, checkpoint')
    assert.deepStrictEqual(counted(), [])
  })

  it('are one for reading and one for writing in each worker', async () => {
    const { checkpoints } = place.options('workers')
    await orThrow(WorkerThreadsRunner.run({ provide: [provided()], workers: 2, job: 'workers', checkpoints })(twoRelays()))
    assert.strictEqual(proxy.made(), 6, 'of two workers, and of the thread that opened the run')
  })

  it('outlive their readers: what is acknowledged after the last one has let go arrives', async () => {
    await jsm.consumers.add('IN', { durable_name: 'late', ack_policy: AckPolicy.Explicit })
    const [reader, acker] = [await linkTo('read'), await linkTo('read')]
    const consumer = await reader.jsm.jetstream().consumers.get('IN', 'late')
    const messages = [await consumer.next(), await consumer.next()]
    await reader.release()
    messages[0]?.ack()
    await acker.nc.flush()
    assert.strictEqual((await jsm.consumers.info('IN', 'late')).num_ack_pending, 1)
    // The client has not written this one when the last share is given back.
    messages[1]?.ack()
    await acker.release()
    assert.strictEqual((await jsm.consumers.info('IN', 'late')).num_ack_pending, 0)
  })

  it('are closed without an answer, after a while, where the server is silent', async () => {
    const link = await linkTo('write')
    proxy.stall(true)
    await link.release()
    assert.isTrue(link.nc.isClosed())
  })

  it('that were closed for good are nobody’s any more who comes later', async () => {
    const before = await linkTo('read')
    await before.nc.close()
    const after = await linkTo('read')
    assert.isFalse(before.isConnected())
    assert.isTrue(after.isConnected())
    await before.release()
    assert.deepStrictEqual(counted(), ['read: 1'])
    await after.release()
  })
})
