// Examples of joins by time and of calls to a web service, against a real server each; and one script that swaps its runner.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, orThrow, pipe, seconds } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { NatsServer } from 'jetbeam/testing/nats-server'
import { httpEnrichment } from '../../examples/http-enrichment.ts'
import { joinWithin } from '../../examples/join-within.ts'
import { start } from '../runners/cli/child.ts'
import { pause } from '../support/nats-place.ts'

describe('A script', () => {
  let folder = ''
  let server: Awaited<ReturnType<typeof NatsServer.start>>
  let nc: NatsConnection
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-scripts-'))
    server = await NatsServer.start()
    nc = await connect({ servers: server.url })
  })
  afterEach(async () => {
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const makeStreams = async (streams: Readonly<Record<string, string>>): Promise<void> => {
    const manager = await jetstreamManager(nc)
    for (const [name, subject] of Object.entries(streams)) await manager.streams.add({ name, subjects: [subject] })
  }
  const read = async (stream: string): Promise<ReadonlyArray<readonly [subject: string, text: string]>> => {
    const { messages, last_seq: last } = (await (await jetstreamManager(nc)).streams.info(stream)).state
    const found: (readonly [string, string])[] = []
    if (messages === 0) return found
    const consumer = await jetstream(nc).consumers.get(stream)
    for await (const message of await consumer.consume()) {
      found.push([message.subject, message.string()])
      if (message.seq === last) break
    }
    return found
  }
  const subjects = async (stream: string): Promise<ReadonlyArray<string>> => (await read(stream)).map(([subject]) => subject).sort()
  const place = () => ({
    provide: [JetStreamIO.connection({ servers: server.url })],
    checkpoints: Checkpoints.directory(folder, { every: seconds(1) }),
    until: 'end' as const,
  })
  const publish = async (subject: string, value: unknown): Promise<void> => {
    await jetstream(nc).publish(subject, JSON.stringify(value))
  }
  const order = (id: string, at: number, customer = id) => publish('orders', { id, customer, total: 10, at })

  it('joins orders and payments within half an hour, and tells apart what stays alone', async () => {
    await makeStreams({ ORDERS: 'orders', PAYMENTS: 'payments', SETTLED: 'settled.>', DEAD: 'dead.>' })
    const [noon, minute] = [Date.UTC(2026, 0, 1, 12), 60_000]
    await order('paid', noon)
    await order('late', noon)
    await order('unpaid', noon + minute)
    await publish('payments', { orderId: 'paid', amount: 10, at: noon + 20 * minute })
    await publish('payments', { orderId: 'late', amount: 10, at: noon + 31 * minute })
    await publish('payments', { orderId: 'unordered', amount: 1, at: noon })
    await orThrow(pipe(joinWithin(), DirectRunner.run(place())))
    assert.deepEqual(await subjects('SETTLED'), ['settled.paid'])
    assert.deepEqual(await subjects('DEAD'), ['dead.unordered.late', 'dead.unordered.unordered', 'dead.unpaid.late', 'dead.unpaid.unpaid'])
  })

  it('asks a web service again where that may help, and sends what it cannot answer to dead letters', async () => {
    await makeStreams({ ORDERS: 'orders', ENRICHED: 'orders.>', DEAD: 'dead.>' })
    const asked = new Map<string, number>()
    const service = createServer(({ url = '' }, response) => {
      const times = (asked.get(url) ?? 0) + 1
      asked.set(url, times)
      if (url === '/known' || (url === '/busy' && times > 2)) response.end(JSON.stringify({ name: url.slice(1), country: 'pt' }))
      else if (url === '/busy') response.writeHead(503).end()
      else if (url === '/odd') response.end('{}')
      else response.writeHead(404).end()
    })
    await new Promise<void>(resolve => service.listen(0, '127.0.0.1', resolve))
    try {
      for (const id of ['known', 'busy', 'odd', 'unknown']) await order(id, Date.UTC(2026, 0, 1))
      const { port } = service.address() as AddressInfo // it listens on a port
      await orThrow(pipe(httpEnrichment({ service: `http://127.0.0.1:${port}` }), DirectRunner.run(place())))
    } finally {
      service.close()
    }
    assert.deepEqual(
      (await read('ENRICHED')).map(([subject, text]) => [subject, (JSON.parse(text) as { readonly id: string }).id]).sort(),
      [
        ['orders.pt', 'busy'],
        ['orders.pt', 'known'],
      ],
    )
    // Three times each where only the message counts; once where the error's type says that the body would be no better.
    assert.deepEqual([asked.get('/odd'), asked.get('/unknown')], [3 + 1, 3 + 3])
    assert.deepEqual(await subjects('DEAD'), ['dead.Body.odd', 'dead.Http.unknown', 'dead.orders', 'dead.orders'])
  })

  it('swaps the runner and nothing else, and drains at SIGTERM: what was read is written, and the program ends', async () => {
    await makeStreams({ VIEWS: 'views', SESSIONS: 'sessions.>', EU: 'eu.>' })
    const text = join(folder, 'text.txt')
    await writeFile(text, 'to be or not to be\n')
    const view = (page: string, at: number) => publish('views', { user: 'ann', page, at, millis: 5 })
    await view('home', Date.UTC(2026, 0, 1, 12))
    await view('shop', Date.UTC(2026, 0, 1, 12, 10))
    const program = start(new URL('../../examples/script.ts', import.meta.url), [text, folder], { NATS_URL: server.url })
    await program.says('relaying')
    await view('late', Date.UTC(2026, 0, 1, 14))
    while ((await read('EU')).length < 3 && program.child.exitCode === null) await pause(50)
    program.child.kill('SIGTERM')
    const { code, stdout, stderr } = await program.ended
    assert.deepEqual([code, stdout], [0, 'relaying\ndrained: 3 written\n'], stderr)
    const counts = (await readFile(`${text}.counts`, 'utf8')).trimEnd().split('\n')
    assert.deepEqual(counts.sort(), ['be: 2', 'not: 1', 'or: 1', 'to: 2'])
    assert.deepEqual(await subjects('SESSIONS'), ['sessions.final.ann'])
  })
})
