// Pipelines that fail in one way each for a message with marked secrets; also a program of its own.
import {
  Decoder,
  Encoder,
  FixedWindows,
  GroupByKey,
  KV,
  Metrics,
  PCollection,
  type PDone,
  Pipeline,
  pipe,
  Reshuffle,
  seconds,
  Window,
} from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO, type Message } from 'jetbeam/io/jetstream'
import { z } from 'zod'

export const mark = 'm4rk3d'

const anything = Decoder.json(z.record(z.string(), z.unknown()))
type Content = Readonly<Record<string, unknown>>
const read = (): PCollection<Message<Content>> => pipe(JetStreamIO.readMessages({ stream: 'IN', coder: anything }), PCollection.orFail)

/** An object of a class, and a Map within: what a client's own errors carry. */
class Refused extends Error {
  readonly request: object
  constructor(headers: Message<Content>['headers']) {
    super(`no answer from nats://ann:${mark}@host`)
    this.request = new (class Request {
      readonly headers = new Map(Object.entries(headers))
      readonly password = `${mark}-field`
    })()
  }
}
const refuse = ({ headers }: Message<Content>): never => {
  throw new Error('the request was refused', { cause: new Refused(headers) })
}
const addresses = Metrics.stringSet('addresses')

const failing = {
  function: () => pipe(read(), PCollection.map(refuse), PCollection.ignore),
  shuffled: () => pipe(read(), Reshuffle.of, PCollection.map(refuse), PCollection.ignore),
  asynchronous: () =>
    pipe(
      read(),
      PCollection.mapAsync(message => Promise.resolve(refuse(message))),
      PCollection.ignore,
    ),
  metric: () =>
    pipe(
      read(),
      PCollection.map(message => {
        addresses.add(`nats://ann:${mark}@host`)
        return refuse(message)
      }),
      PCollection.ignore,
    ),
  key: () =>
    pipe(
      read(),
      Window.into(FixedWindows.of(seconds(1))),
      PCollection.map(message => KV.of({ password: `${mark}-key`, broken: () => message }, 1)),
      GroupByKey.of,
      PCollection.ignore,
    ),
  decoder: () =>
    pipe(
      JetStreamIO.read({ stream: 'IN', coder: Decoder.json(z.object({ password: z.number() })) }),
      PCollection.orFail,
      PCollection.ignore,
    ),
  subject: () =>
    pipe(
      read(),
      PCollection.map(({ value }) => ({ subject: 'out..x', value })),
      JetStreamIO.writeMessages({ stream: 'OUT', coder: Encoder.json() }),
    ),
  encoder: () =>
    pipe(
      read(),
      PCollection.map(({ value }) => ({ ...value, broken: NaN })),
      JetStreamIO.write({ stream: 'OUT', subject: 'out.x', coder: Encoder.json() }),
    ),
  relay: () => pipe(read(), JetStreamIO.writeMessages({ stream: 'OUT', coder: Encoder.json() })),
} satisfies Readonly<Record<string, () => PDone>>

export type Failing = keyof typeof failing
export const failingIn = [
  'function',
  'shuffled',
  'asynchronous',
  'metric',
  'key',
  'decoder',
  'subject',
  'encoder',
] as const satisfies ReadonlyArray<Failing>

const options = z.object({ failing: z.enum([...failingIn, 'relay']) })

export const marked = Pipeline.define(import.meta, 'marked', options, ({ failing: name }) => failing[name]())

await main(import.meta, marked)
