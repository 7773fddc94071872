// Elements that cannot become messages go to `onRejected`, and the run goes on; without it they end the run by name.
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, Create, Encoder, type Failure, flow, orThrow, PCollection, type PDone, Pipeline, pipe } from 'jetbeam'
import { Delivery, JetStreamIO, KvIO, KvPut, NatsIO, type ObjectPut, ObjectStoreIO, subject } from 'jetbeam/io/jetstream'
import { TextIO } from 'jetbeam/io/text'
import { DirectRunner } from 'jetbeam/runners/direct'
import type { RunningServer } from 'jetbeam/testing/nats-server'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readStream, streamTexts } from '../support/read-stream.ts'
import { recentServer } from '../support/recent-server.ts'

const maxPayload = 16_384

interface Item {
  readonly name: string
  readonly to: string
  readonly size?: number
  readonly value?: unknown
  readonly header?: string
}

const good: ReadonlyArray<Item> = [
  { name: 'plain', to: 'a' },
  { name: 'wild', to: '*.>' },
  { name: 'half', to: 'x\u{D800}y' },
  { name: 'large', to: 'a', size: maxPayload - 1_000 },
]
const bad: ReadonlyArray<readonly [item: Item, reason: RegExp]> = [
  [{ name: 'empty', to: '' }, /a token is empty/],
  [{ name: 'long', to: 'x'.repeat(3_901) }, /longer than 3900 bytes/],
  [{ name: 'elsewhere', to: 'a', header: 'other' }, /the subject is not one of OUT \(out\.>, limited\.>\)/],
  [{ name: 'server', to: 'a', header: '$JS.API.STREAM.DELETE.OUT' }, /one of the server itself/],
  [{ name: 'NaN', to: 'a', value: NaN }, /NaN/],
  [{ name: 'huge', to: 'a', size: maxPayload - 100 }, /takes 16384 bytes a message/],
  [{ name: 'throws', to: 'a', header: 'throw' }, /no subject for it/],
  [{ name: 'headers', to: 'a', header: 'line\r\nbreak' }, /line break/],
]

describe('An element that cannot be published', function () {
  let server: RunningServer
  let nc: NatsConnection
  let jsm: JetStreamManager
  let folder: string

  beforeEach(async () => {
    server = await recentServer({ config: { max_payload: maxPayload } })
    nc = await connect({ servers: server.url })
    jsm = await jetstreamManager(nc)
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-rejected-'))
    await jsm.streams.add({ name: 'OUT', subjects: ['out.>', 'limited.>'], allow_atomic: true })
    await jsm.streams.add({ name: 'REJECTED', subjects: ['rejected'] })
  })
  afterEach(async () => {
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const subjectOf = ({ to, header }: Item): string => {
    if (header === 'throw') throw new Error('no subject for it')
    return header === undefined || header.includes('\r') ? subject`out.${to}` : header
  }
  const textOf = ({ name, size = 0, value = 1 }: Item): unknown => ({ name, value, filling: 'x'.repeat(size) })
  const coder = { ...Encoder.json(), encode: (item: Item) => Encoder.json().encode(textOf(item)) }
  const headers = ({ header }: Item) => (header?.includes('\r') === true ? { Note: [header] } : {})
  const rejected = flow(
    PCollection.map(({ element, message, attempts }: Failure<Item>) => `${element.name} ${attempts}: ${message}`),
    JetStreamIO.write({ stream: 'REJECTED', subject: 'rejected', coder: Encoder.text() }),
  )
  const items = [...good, ...bad.map(([item]) => item), ...good.map(item => ({ ...item, name: `${item.name}-again` }))]
  const run = (leaf: PDone) =>
    pipe(
      Pipeline.of(leaf),
      DirectRunner.run({
        job: 'job',
        provide: [JetStreamIO.connection({ servers: server.url })],
        checkpoints: Checkpoints.directory(folder),
      }),
    )

  for (const delivery of [Delivery.messageIds, Delivery.atomicBatch, Delivery.chain, Delivery.atLeastOnce])
    it(`goes to onRejected with the reason, and all others are published (${delivery._tag})`, async () => {
      const write = JetStreamIO.write<Item>({ stream: 'OUT', subject: subjectOf, coder, headers, delivery, onRejected: rejected })
      await orThrow(run(pipe(Create.of(items), write)))
      const names = (await streamTexts(nc, 'OUT')).map(text => text.match(/"name":"([^"]+)"/)?.[1]).filter(name => name !== undefined)
      assert.sameMembers(names, [...good.map(({ name }) => name), ...good.map(({ name }) => `${name}-again`)])
      const reasons = await streamTexts(nc, 'REJECTED')
      assert.lengthOf(reasons, bad.length)
      for (const [{ name }, reason] of bad) assert.match(reasons.find(text => text.startsWith(`${name} 1: `)) ?? '', reason)
    })

  it('is one of a stream whose max_msg_size is lower than the server’s limit', async () => {
    await jsm.streams.update('OUT', { max_msg_size: 2_000 })
    const write = JetStreamIO.write<Item>({ stream: 'OUT', subject: 'out.a', coder, onRejected: rejected })
    await orThrow(
      run(
        pipe(
          Create.of([
            { name: 'small', to: 'a' },
            { name: 'larger', to: 'a', size: 1_900 },
          ]),
          write,
        ),
      ),
    )
    assert.lengthOf(await streamTexts(nc, 'OUT'), 1)
    assert.match((await streamTexts(nc, 'REJECTED')).join(), /^larger 1: .*OUT takes 2000 bytes a message/)
  })

  it('goes to onRejected of messages that bring their own subject', async () => {
    const messages = [
      { subject: 'out.a', value: 'one' },
      { subject: 'out..b', value: 'two' },
      { subject: 'out.c', value: 'three' },
    ]
    const reasons = flow(
      PCollection.map(({ message }: Failure<unknown>) => message),
      JetStreamIO.write({ stream: 'REJECTED', subject: 'rejected', coder: Encoder.text() }),
    )
    await orThrow(run(pipe(Create.of(messages), JetStreamIO.writeMessages({ stream: 'OUT', coder: Encoder.text(), onRejected: reasons }))))
    assert.deepEqual(await streamTexts(nc, 'OUT'), ['one', 'three'])
    assert.match((await streamTexts(nc, 'REJECTED')).join(), /empty token/)
  })

  it('ends the run by name without onRejected', async () => {
    for (const [item, tag] of [
      [{ name: 'empty', to: '' }, /JetStreamIO\.write\(OUT\)#1: .*a token is empty/],
      [{ name: 'huge', to: 'a', size: maxPayload }, /JetStreamIO\.write\(OUT\).* cannot publish \d+ bytes of payload/],
    ] as const) {
      const ended = await run(pipe(Create.of<Item>([item]), JetStreamIO.write<Item>({ stream: 'OUT', subject: subjectOf, coder })))()
      assert.match(ended._tag === 'Left' ? ended.left.message : '', tag)
    }
  })

  describe('of another sink goes to onRejected, and all others arrive', () => {
    const reasons = <A>(nameOf: (element: A) => string) =>
      flow(
        PCollection.map(({ element, message }: Failure<A>) => `${nameOf(element)}: ${message}`),
        JetStreamIO.write({ stream: 'REJECTED', subject: 'rejected', coder: Encoder.text() }),
      )
    const rejectedFor = async (expected: Readonly<Record<string, RegExp>>): Promise<void> => {
      const texts = await streamTexts(nc, 'REJECTED')
      assert.lengthOf(texts, Object.keys(expected).length, texts.join('\n'))
      for (const [name, reason] of Object.entries(expected)) assert.match(texts.find(text => text.startsWith(`${name}: `)) ?? '', reason)
    }

    it('KvIO.write', async () => {
      await jsm.streams.add({ name: 'KV_flags', subjects: ['$KV.flags.>'], max_msgs_per_subject: 1 })
      const puts = [
        KvPut.of('first', 1),
        KvPut.of('', 2),
        KvPut.of('a..b', 3),
        KvPut.of('k'.repeat(4_000), 4),
        KvPut.of('odd', 5, { expected: -1 }),
        KvPut.of('NaN', NaN),
        KvPut.of('huge', 'x'.repeat(maxPayload)),
        KvPut.of('last', 8),
      ]
      const onRejected = reasons<KvPut<unknown>>(({ key }) => key.slice(0, 10))
      await orThrow(run(pipe(Create.of<KvPut<unknown>>(puts), KvIO.write({ bucket: 'flags', coder: Encoder.json(), onRejected }))))
      assert.sameMembers([...(await streamTexts(nc, 'KV_flags'))], ['1', '8'])
      await rejectedFor({
        '': /is no key/,
        'a..b': /is no key/,
        kkkkkkkkkk: /longer than 3900 bytes/,
        odd: /cannot be expected at revision -1/,
        NaN: /NaN/,
        huge: /takes 16384 bytes a message/,
      })
    })

    it('ObjectStoreIO.write', async () => {
      await jsm.streams.add({ name: 'OBJ_images', subjects: ['$O.images.M.>', '$O.images.C.>'], allow_rollup_hdrs: true })
      const data = new Uint8Array([1])
      const puts: ReadonlyArray<ObjectPut> = [
        { name: 'first', data },
        { name: '', data },
        { name: 'n'.repeat(4_000), data },
        { name: 'text', data: 'no bytes' as never },
        { name: 'last', data },
      ]
      const onRejected = reasons<ObjectPut>(({ name }) => name.slice(0, 10))
      await orThrow(run(pipe(Create.of(puts), ObjectStoreIO.write({ bucket: 'images', onRejected }))))
      const names: unknown[] = []
      await readStream(
        nc,
        'OBJ_images',
        (text, of) => of.includes('.M.') && names.push((JSON.parse(Buffer.from(text).toString()) as { readonly name: string }).name),
      )
      assert.sameMembers(names, ['first', 'last'])
      await rejectedFor({
        '': /has no name/,
        nnnnnnnnnn: /longer than 3900 bytes/,
        text: /data gave a \w+ for this element\. It gives bytes/,
      })
    })

    it('NatsIO.publish', async () => {
      await jsm.streams.add({ name: 'HEARD', subjects: ['heard.>'] })
      const texts = ['a', '', 'x'.repeat(3_901), 'huge', 'line', 'z']
      const onRejected = reasons<string>(text => text.slice(0, 5))
      const write = NatsIO.publish<string>({
        subject: to => subject`heard.${to}`,
        coder: { ...Encoder.text(), encode: text => Encoder.text().encode(text === 'huge' ? 'x'.repeat(maxPayload) : text) },
        headers: (text): Record<string, ReadonlyArray<string>> => (text === 'line' ? { Note: ['line\r\nbreak'] } : {}),
        onRejected,
      })
      await orThrow(run(pipe(Create.of(texts), write)))
      await nc.flush()
      assert.sameMembers([...(await streamTexts(nc, 'HEARD'))], ['a', 'z'])
      await rejectedFor({
        '': /a token is empty/,
        xxxxx: /longer than 3900 bytes/,
        huge: /the server takes 16384 bytes/,
        line: /line break/,
      })
    })

    it('TextIO.write', async () => {
      const lines = ['one', 'two\nlines', 'ends\r', 'x\u{D800}y', 7 as never, 'last']
      const path = join(folder, 'lines.txt')
      await orThrow(run(pipe(Create.of(lines), TextIO.write(path, { onRejected: reasons<unknown>(line => JSON.stringify(line)) }))))
      assert.strictEqual(await readFile(path, 'utf8'), 'one\nlast\n')
      await rejectedFor({
        '"two\\nlines"': /more than one line/,
        '"ends\\r"': /carriage return/,
        '"x\\ud800y"': /half|surrogate/,
        '7': /takes strings/,
      })
    })
  })

  it('leaves a subject that holds half a character readable, with U+FFFD in its place', async () => {
    const write = JetStreamIO.write<Item>({ stream: 'OUT', subject: subjectOf, coder, onRejected: rejected })
    await orThrow(run(pipe(Create.of<Item>([{ name: 'half', to: 'x\u{D800}y' }]), write)))
    const subjects: string[] = []
    await readStream(nc, 'OUT', (_, of) => subjects.push(decodeURIComponent(of)))
    assert.deepEqual(subjects, ['out.x\u{FFFD}y'])
  })
})
