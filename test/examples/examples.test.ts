// Each example as its users run it: a process, its command line, and what it leaves behind.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect, headers } from '@nats-io/transport-node'
import { assert } from 'chai'
import { NatsServer } from 'jetbeam/testing/nats-server'
import { run, start } from '../runners/cli/child.ts'

const example = (name: string): URL => new URL(`../../examples/${name}.ts`, import.meta.url)

describe('The example', () => {
  let folder = ''
  let server: Awaited<ReturnType<typeof NatsServer.start>>
  let nc: NatsConnection
  before(async () => {
    server = await NatsServer.start({ control: true })
    nc = await connect({ servers: server.url })
  })
  after(async () => {
    await nc.close()
    await server.stop()
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-examples-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const makeStream = async (name: string, subjects: string[]): Promise<void> => {
    await (await jetstreamManager(nc)).streams.add({ name, subjects })
  }

  const read = async (stream: string) => {
    const found: { readonly subject: string; readonly text: string; readonly header: (name: string) => string }[] = []
    const { state } = await (await jetstreamManager(nc)).streams.info(stream)
    if (state.messages === 0) return found
    const consumer = await jetstream(nc).consumers.get(stream)
    for await (const message of await consumer.consume()) {
      const { headers: sent } = message
      found.push({ subject: message.subject, text: message.string(), header: name => sent?.get(name) ?? '' })
      if (message.info.pending === 0) break
    }
    return found
  }

  it('word-count counts the words of a file', async () => {
    const from = join(folder, 'text.txt')
    const to = join(folder, 'counts.txt')
    await writeFile(from, 'To be, or not to be:\nthat is the question.\n')
    const { code, stderr } = await run(example('word-count'), '--from', from, '--to', to)
    assert.equal(code, 0, stderr)
    const lines = (await readFile(to, 'utf8')).trimEnd().split('\n').sort()
    assert.deepEqual(lines, ['be: 2', 'is: 1', 'not: 1', 'or: 1', 'question: 1', 'that: 1', 'the: 1', 'to: 2'])
  })

  it('relay copies messages with their headers and each id once, suspends at Ctrl-C, and goes on where it stopped', async () => {
    await makeStream('ORDERS', ['orders.>'])
    await makeStream('EU', ['eu.>'])
    const js = jetstream(nc)
    const sent = headers()
    sent.set('Trace', 'abc')
    await js.publish('orders.new', 'first', { headers: sent })
    const args = ['--from', 'ORDERS', '--to', 'EU', '--nats', server.url, '--checkpoints', folder, '--every', '200ms', '--json']
    const first = start(example('relay'), args)
    await first.says('"lastEpoch":1')
    first.child.kill('SIGINT')
    const suspended = await first.ended
    assert.equal(suspended.code, 0, suspended.stderr)
    assert.include(suspended.stderr, '"state":"suspended"')

    // Twice under one id, which the stream itself has forgotten in between.
    const again = headers()
    again.set('Nats-Msg-Id', 'paid')
    const manager = await jetstreamManager(nc)
    await manager.streams.update('ORDERS', { duplicate_window: 100_000_000 })
    await js.publish('orders.paid', 'second', { headers: again })
    await new Promise(resolve => setTimeout(resolve, 400))
    await js.publish('orders.paid', 'second', { headers: again })
    assert.equal((await manager.streams.info('ORDERS')).state.messages, 3)
    const second = start(example('relay'), args)
    await second.says('"read":2')
    await second.says('"written":1')
    second.child.kill('SIGTERM')
    assert.include((await second.ended).stderr, '"state":"suspended"')

    const [one, two, ...rest] = await read('EU')
    assert.deepEqual(rest, [])
    assert.deepEqual(
      [one?.subject, one?.text, one?.header('Trace'), one?.header('X-Relayed-From')],
      ['eu.orders.new', 'first', 'abc', 'ORDERS'],
    )
    assert.deepEqual([two?.subject, two?.text], ['eu.orders.paid', 'second'])
  })

  it('page-time sums minutes by page, and what it cannot read goes to REJECTED with the reason', async () => {
    await makeStream('VIEWS', ['views'])
    await makeStream('REJECTED', ['views.rejected'])
    await makeStream('TOTALS', ['totals.>'])
    const js = jetstream(nc)
    const minute = Date.UTC(2026, 0, 1)
    const view = (page: string, at: number, millis: number): Promise<unknown> =>
      js.publish('views', JSON.stringify({ user: 'ann', page, at, millis }))
    await view('home', minute, 100)
    await js.publish('views', '{"page":')
    await view('a.b', minute + 1_000, 7)
    await view('home', minute + 59_999, 20)
    await view('home', minute + 60_000, 3)
    const { code, stderr } = await run(example('page-time'), '--nats', server.url, '--checkpoints', folder, '--until', 'end')
    assert.equal(code, 0, stderr)
    const totals = (await read('TOTALS')).map(({ subject, text }) => {
      const {
        page,
        millis,
        minute: start,
      } = JSON.parse(text) as { readonly page: string; readonly millis: number; readonly minute: number }
      return `${subject} ${page} ${millis} ${(start - minute) / 60_000}`
    })
    assert.deepEqual(totals.sort(), ['totals.a%2Eb a.b 7 0', 'totals.home home 120 0', 'totals.home home 3 1'])
    const [rejected, ...others] = await read('REJECTED')
    assert.deepEqual(others, [])
    assert.equal(rejected?.text, '{"page":')
    assert.equal(rejected?.header('Jetbeam-Sequence'), '2')
    assert.include(rejected?.header('Jetbeam-Error'), 'not JSON')
  })

  it('sessions gives the figures of each user who is idle', async () => {
    const manager = await jetstreamManager(nc)
    for await (const { config } of manager.streams.list()) if (config.name === 'VIEWS') await manager.streams.delete('VIEWS')
    await makeStream('VIEWS', ['views'])
    await makeStream('SESSIONS', ['sessions.>'])
    const js = jetstream(nc)
    const noon = Date.UTC(2026, 0, 1, 12)
    const view = (user: string, page: string, at: number): Promise<unknown> =>
      js.publish('views', JSON.stringify({ user, page, at, millis: 5 }))
    await view('ann', 'home', noon)
    await view('ann', 'shop', noon + 60_000)
    await view('bob', 'home', noon + 3_600_000)
    const { code, stderr } = await run(example('sessions'), '--nats', server.url, '--checkpoints', folder, '--until', 'end')
    assert.equal(code, 0, stderr)
    const final = (await read('SESSIONS')).map(({ subject, text }) => {
      const { views, pages } = JSON.parse(text) as { readonly views: number; readonly pages: unknown }
      return `${subject} ${views} ${JSON.stringify(pages)}`
    })
    assert.sameMembers(final, ['sessions.final.ann 2 [["home",1],["shop",1]]', 'sessions.final.bob 1 [["home",1]]'])
  })

  it('side-input-enrichment shows each event the flags of its tenant and the rate of its hour', async () => {
    // As a key-value bucket lies in the server.
    const layout = { max_msgs_per_subject: 1, allow_rollup_hdrs: true, deny_delete: true }
    await (await jetstreamManager(nc)).streams.add({ name: 'KV_flags', subjects: ['$KV.flags.>'], ...layout })
    await makeStream('RATES', ['rates'])
    await makeStream('EVENTS', ['events'])
    await makeStream('DEAD', ['dead.>'])
    await makeStream('ENRICHED', ['enriched.>'])
    const js = jetstream(nc)
    const [noon, hour] = [Date.UTC(2026, 0, 1, 12), 3_600_000]
    const put = (key: string, value: unknown): Promise<unknown> => js.publish(`$KV.flags.${key}`, JSON.stringify(value))
    await put('dark', { tenant: 'ann', name: 'dark', on: false })
    await put('beta', { tenant: 'ann', name: 'beta', on: true })
    await put('dark', { tenant: 'ann', name: 'dark', on: true })
    await put('old', { tenant: 'bob', name: 'old', on: true })
    await put('bad', { name: 7 })
    const deleted = headers()
    deleted.set('KV-Operation', 'DEL')
    await js.publish('$KV.flags.old', '', { headers: deleted })
    for (const [rate, at] of [
      [0.9, noon],
      [0.8, noon + hour],
    ] as const)
      await js.publish('rates', JSON.stringify({ currency: 'USD', rate, at }))
    for (const [tenant, currency, amount, at] of [
      ['ann', 'USD', 10, noon + 60_000],
      ['bob', 'USD', 10, noon + hour + 60_000],
      ['bob', 'GBP', 10, noon + hour + 70_000],
    ] as const)
      await js.publish('events', JSON.stringify({ tenant, currency, amount, at }))
    const { code, stderr } = await run(example('side-input-enrichment'), '--nats', server.url, '--checkpoints', folder, '--until', 'end')
    assert.equal(code, 0, stderr)
    const enriched = (await read('ENRICHED')).map(({ subject, text }) => {
      const { euros, flags } = JSON.parse(text) as { readonly euros: number | null; readonly flags: ReadonlyArray<string> }
      return `${subject} ${euros} ${[...flags].sort().join()}`
    })
    assert.sameMembers(enriched, ['enriched.ann 9 beta,dark', 'enriched.bob 8 ', 'enriched.bob null '])
    const dead = (await read('DEAD')).filter(({ subject }) => subject === 'dead.flags')
    assert.deepEqual(
      dead.map(({ text }) => text),
      ['{"name":7}'],
    )
  })

  it('orders-payments settles what was ordered and paid, and keeps apart what stays alone', async () => {
    const manager = await jetstreamManager(nc)
    for await (const { config } of manager.streams.list()) if (config.name === 'ORDERS') await manager.streams.delete('ORDERS')
    await makeStream('ORDERS', ['orders'])
    await makeStream('PAYMENTS', ['payments'])
    await makeStream('DEAD', ['dead.>'])
    await makeStream('SETTLED', ['settled.>'])
    const js = jetstream(nc)
    const noon = Date.UTC(2026, 0, 1, 12)
    const minute = 60_000
    const order = (id: string, at: number): Promise<unknown> =>
      js.publish('orders', JSON.stringify({ id, customer: `customer of ${id}`, total: 10, at }))
    const pay = (orderId: string, amount: number, at: number): Promise<unknown> =>
      js.publish('payments', JSON.stringify({ orderId, amount, at }))
    await order('paid', noon)
    await order('late', noon)
    await order('unpaid', noon + minute)
    await js.publish('orders', '{}')
    await pay('paid', 4, noon + 20 * minute)
    await pay('paid', 6, noon + 40 * minute)
    await pay('late', 10, noon + 31 * minute)
    await pay('unordered', 1, noon + 45 * minute)
    const { code, stderr } = await run(example('orders-payments'), '--nats', server.url, '--checkpoints', folder, '--until', 'end')
    assert.equal(code, 0, stderr)
    const settled = await read('SETTLED')
    assert.deepEqual(
      settled.map(({ subject, text }) => [subject, JSON.parse(text) as unknown]),
      [['settled.paid', { id: 'paid', customer: 'customer of paid', paid: 10 }]],
    )
    // The stream may hold what another example left there.
    const mine = (await read('DEAD')).filter(({ subject }) => subject !== 'dead.flags')
    const dead = mine.map(({ subject, text }) => {
      const unmatched = JSON.parse(text) as { readonly order?: { readonly id: string } | null; readonly payments?: ReadonlyArray<unknown> }
      return `${subject} ${unmatched.order?.id ?? 'no order'} ${unmatched.payments?.length ?? 'unread'}`
    })
    assert.deepEqual(dead.sort(), [
      'dead.orders no order unread',
      'dead.unmatched.late late 0',
      'dead.unmatched.late no order 1',
      'dead.unmatched.unordered no order 1',
      'dead.unmatched.unpaid unpaid 0',
    ])
  })

  it('page-time says what is missing where a stream does not exist', async () => {
    await (await jetstreamManager(nc)).streams.delete('REJECTED')
    const { code, stderr } = await run(example('page-time'), '--nats', server.url, '--checkpoints', folder)
    assert.equal(code, 1)
    assert.match(stderr, /^page-time failed: .*REJECTED/m)
    assert.notMatch(stderr, /^\s+at /m)
  })

  it('page-time shows the guarantee of each source and sink', async () => {
    await makeStream('REJECTED', ['views.rejected'])
    const { code, stdout, stderr } = await run(example('page-time'), '--nats', server.url, '--checkpoints', folder, '--explain')
    assert.equal(code, 0, stderr)
    assert.include(stdout, 'exactly once')
    assert.include(stdout, 'JetStreamIO.read(VIEWS)')
  })
})
