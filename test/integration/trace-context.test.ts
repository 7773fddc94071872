// Trace context from the message that is read to what it leads to, with a real server.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers as makeHeaders } from '@nats-io/nats-core'
import { assert } from 'chai'
import { orThrow } from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { natsPlace } from '../support/nats-place.ts'
import { joined, traced } from '../support/traced-programs.ts'

const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

describe('Trace context', () => {
  const place = natsPlace()
  before(async () => {
    const jsm = await jetstreamManager(place.nc())
    await jsm.streams.add({ name: 'IN', subjects: ['in'] })
    await jsm.streams.add({ name: 'OUT', subjects: ['out.>'] })
    const publish = async (text: string, ...lines: ReadonlyArray<readonly [string, string]>): Promise<void> => {
      const headers = makeHeaders()
      for (const [name, value] of lines) headers.append(name, value)
      await jetstream(place.nc()).publish('in', text, { headers })
    }
    await publish('capital', ['Traceparent', parent])
    await publish('broken', ['traceparent', 'so-so'], ['tracestate', 'a=1'])
    await publish('plain')
    // The last one: what ends a bundle must not take its trace for its own.
    await publish('followed', ['traceparent', parent], ['tracestate', 'a=1,b=2'], ['Other', 'x'])
  })

  /** By text: each header but ours. */
  const stored = async (subject: string): Promise<Readonly<Record<string, ReadonlyArray<string>>>> => {
    const jsm = await jetstreamManager(place.nc())
    const { num_pending: count, name } = await jsm.consumers.add('OUT', { filter_subject: subject })
    const consumer = await jetstream(place.nc()).consumers.get('OUT', name)
    const found: Record<string, ReadonlyArray<string>> = {}
    for await (const message of await consumer.fetch({ max_messages: count })) {
      const lines = [...(message.headers ?? [])].flatMap(([key, values]) => values.map(value => `${key}: ${value}`))
      found[message.string()] = lines.filter(line => !line.startsWith('Nats-'))
    }
    return found
  }
  const options = (to: string, o: { readonly traceContext?: boolean; readonly own?: boolean } = {}) => ({
    to,
    traceContext: o.traceContext ?? true,
    own: o.own ?? false,
  })
  const followed = {
    'followed 0': ['A: b', `traceparent: ${parent}`, 'tracestate: a=1,b=2'],
    'followed 1': ['A: b', `traceparent: ${parent}`, 'tracestate: a=1,b=2'],
    'capital 0': ['A: b', `Traceparent: ${parent}`],
    'capital 1': ['A: b', `Traceparent: ${parent}`],
    'broken 0': ['A: b'],
    'broken 1': ['A: b'],
    'plain 0': ['A: b'],
    'plain 1': ['A: b'],
  }

  it('goes on as it came, to each output of a message, beside other headers; what is none does not', async () => {
    await orThrow(DirectRunner.run(place.options('direct'))(traced(options('out.direct'))))
    assert.deepEqual(await stored('out.direct'), followed)
  })

  it('goes on in worker threads too', async () => {
    await orThrow(WorkerThreadsRunner.run({ ...place.options('workers'), workers: 2 })(traced(options('out.workers'))))
    assert.deepEqual(await stored('out.workers'), followed)
  })

  it('goes on only where that is asked for, and where an output has none of its own', async () => {
    await orThrow(DirectRunner.run(place.options('off'))(traced(options('out.off', { traceContext: false }))))
    await orThrow(DirectRunner.run(place.options('own'))(traced(options('out.own', { own: true }))))
    const unasked = Object.values(await stored('out.off'))
    assert.lengthOf(unasked, 8)
    for (const lines of unasked) assert.deepEqual(lines, ['A: b'])
    for (const lines of Object.values(await stored('out.own')))
      assert.deepEqual(lines, ['TraceParent: 00-33333333333333333333333333333333-4444444444444444-01'])
  })

  it('ends where an output comes from several messages', async () => {
    await orThrow(DirectRunner.run(place.options('joined'))(joined(options('out.joined'))))
    const found = await stored('out.joined')
    // One for each bundle, however many there were.
    const [lasts, counts] = [
      Object.keys(found).filter(text => text.startsWith('last ')),
      Object.keys(found).filter(text => !text.startsWith('last ')),
    ]
    assert.isNotEmpty(lasts)
    assert.sameMembers(counts, ['followed 1', 'capital 1', 'broken 1', 'plain 1'])
    for (const lines of Object.values(found)) assert.isEmpty(lines)
  })
})
