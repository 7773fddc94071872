// What the examples in docstrings share: a shop with its orders, the views of its site, and the services around it. Its names are no
// exports of the package, so an example may use both without an import.
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as O from 'fp-ts/lib/Option.js'
import { z } from 'zod'
import {
  Coder,
  Count,
  Create,
  Decoder,
  type Duration,
  Instant,
  IntervalWindow,
  KV,
  PCollection,
  Pipeline,
  type Source,
  ToString,
  minutes,
  pipe,
  seconds,
} from 'jetbeam'
import { TextIO } from 'jetbeam/io/text'

const at = (time: Duration): Instant => Instant.ofMillis(time)
const timed = <A extends { readonly at: Instant }>(as: ReadonlyArray<A>): PCollection<A> =>
  pipe(
    Create.of(as),
    PCollection.withTimestamps(a => a.at),
  )

/** The first minute of 1970. */
export const minute = IntervalWindow.of(0, 60_000)

export interface Order {
  readonly id: string
  readonly customer: string
  readonly shop: string
  readonly total: number
  readonly currency: string
  readonly at: Instant
}
export const orders: PCollection<Order> = timed([
  { id: 'o1', customer: 'ada', shop: 'north', total: 20, currency: 'EUR', at: at(seconds(10)) },
  { id: 'o2', customer: 'bob', shop: 'north', total: 30, currency: 'USD', at: at(seconds(50)) },
  { id: 'o3', customer: 'ada', shop: 'south', total: 5, currency: 'EUR', at: at(seconds(70)) },
  { id: 'o4', customer: 'cyd', shop: 'south', total: 0, currency: 'EUR', at: at(seconds(100)) },
])

export interface Payment {
  readonly orderId: string
  readonly amount: number
  readonly at: Instant
}
export const payments: PCollection<Payment> = timed([
  { orderId: 'o1', amount: 20, at: at(seconds(30)) },
  { orderId: 'o3', amount: 5, at: at(minutes(2)) },
  { orderId: 'o9', amount: 7, at: at(minutes(3)) },
])

export interface PageView {
  readonly user: string
  readonly page: string
  readonly millis: number
  readonly at: Instant
}
export const views: PCollection<PageView> = timed([
  { user: 'ada', page: '/', millis: 1_000, at: at(seconds(10)) },
  { user: 'ada', page: '/b', millis: 3_000, at: at(seconds(50)) },
  { user: 'bob', page: '/', millis: 2_000, at: at(seconds(70)) },
])
export const viewSchema = z.object({ user: z.string(), page: z.string(), millis: z.number(), at: z.number().transform(Instant.ofMillis) })
export const viewCoder: Coder<PageView> = Coder.struct({
  user: Coder.string,
  page: Coder.string,
  millis: Coder.double,
  at: Coder.instant,
})

/** How much one unit of a currency is worth, and how that changed. */
export const rates: PCollection<KV<string, number>> = Create.of([KV.of('EUR', 1), KV.of('USD', 0.5)])
export const changes: PCollection<KV<string, number>> = pipe(
  timed([
    { currency: 'EUR', rate: 1, at: at(seconds(5)) },
    { currency: 'USD', rate: 0.5, at: at(seconds(15)) },
    { currency: 'EUR', rate: 1, at: at(seconds(65)) },
  ]),
  PCollection.map(({ currency, rate }) => KV.of(currency, rate)),
)
export const prices: PCollection<{ readonly symbol: string; readonly price: number; readonly at: Instant }> = timed([
  { symbol: 'NAT', price: 1, at: at(seconds(1)) },
  { symbol: 'NAT', price: 3, at: at(seconds(3)) },
  { symbol: 'JET', price: 2, at: at(seconds(2)) },
])
export const events: PCollection<{ readonly kind: 'slow'; readonly millis: number } | { readonly kind: 'final'; readonly total: number }> =
  Create.of([
    { kind: 'slow', millis: 900 },
    { kind: 'final', total: 20 },
  ])

export const words: PCollection<string> = Create.of(['a', 'b', 'a'])
export const names: PCollection<string | null> = Create.of(['ada', null])
export const ids: PCollection<string> = Create.of(['o1', 'o2'])
export const temperatures: PCollection<number> = Create.of([18, 21, 19])
/** A page and how long it was looked at. */
export const totals: PCollection<KV<string, number>> = Create.of([KV.of('/', 3_000), KV.of('/b', 1_500)])
export const counts: PCollection<KV<string, number>> = Create.of([KV.of('a', 2), KV.of('b', 1)])

/** A log's lines; texts that should be JSON, and what becomes of those that are not. */
export const lines: PCollection<string> = Create.of(['INFO started', 'WARN slow'])
export const texts: PCollection<string> = Create.of(['{ "id": "x", "size": 2 }', 'x'])
export const parse = (text: string): { readonly id: string; readonly size: number } =>
  z.object({ id: z.string(), size: z.number() }).parse(JSON.parse(text))
export const rejected = (failures: PCollection<unknown>) => PCollection.ignore(failures)
export const folders: PCollection<string> = Create.of(['2025', '2026'])
export const filesIn = (folder: string): ReadonlyArray<string> => [`{ "id": "${folder}-1", "size": 1 }`]

// ---- Services

export interface Row {
  readonly number: number
  readonly text: string
  readonly changed: Instant
}
const stored: ReadonlyArray<Row> = Array.from({ length: 5 }, (_, number) => ({
  number,
  text: `row ${number}`,
  changed: at(seconds(number)),
}))
export const countRows = async (_table: string): Promise<number> => stored.length
export const fetchRows = async (_table: string, from: number, atMost: number): Promise<ReadonlyArray<Row>> =>
  stored.slice(from, from + atMost)
export const table = {
  delete: async (row: Row): Promise<number> => row.number,
  insert: async (row: Row): Promise<number> => row.number,
} as const
export const oldRows: PCollection<Row> = Create.of(stored)
export const newRows: PCollection<Row> = Create.of(stored)

/** A connector as small as it can be: a table that does not grow. */
export const tableLog = (name: string): Source<Row> => ({
  urn: 'shop:source:table:v1',
  label: `table(${name})`,
  isBounded: true,
  identity: { name },
  replayable: true,
  connect: async () => ({
    guarantee: () => 'every row once',
    resolve: async () => [{ id: name, range: { from: 0, to: stored.length }, count: null, detail: null }],
    open: async (split, { last }) => {
      let from = last === null ? split.range.from : last + 1
      let to = split.range.to ?? stored.length
      return {
        poll: atMost => {
          const values = stored.slice(from, Math.min(to, from + atMost))
          from += values.length
          return values.length === 0 ? null : { values, positions: values.map(row => row.number), bytes: 0, note: null }
        },
        status: () => (from < to ? { _tag: 'reading' } : { _tag: 'done' }),
        lag: () => to - from,
        onChange: () => undefined,
        truncate: end => (to = Math.min(to, end)),
        close: async () => undefined,
      }
    },
    close: async () => undefined,
  }),
})

export const openIndex = () => ({ has: (id: string) => id < 'o3', close: () => undefined })
type NoCustomer = { readonly _tag: 'Network' } | { readonly _tag: 'Unknown' }
export const fetchCustomer = (name: string): TaskEither<NoCustomer, string> =>
  name === 'cyd' ? TE.left({ _tag: 'Unknown' }) : TE.right(name.toUpperCase())
export const acknowledge = async (_ids: ReadonlyArray<string>): Promise<void> => undefined
export const flagCoder = Decoder.json(z.boolean())
export const flags: PCollection<KV<string, O.Option<boolean>>> = Create.of([KV.of('north', O.some(true)), KV.of('south', O.none)])

export const wordCount = Pipeline.define(import.meta, 'word-count', z.object({ from: z.string(), to: z.string() }), ({ from, to }) =>
  pipe(
    TextIO.read(from),
    PCollection.flatMap(line => line.split(' ')),
    Count.perElement,
    ToString.kvs(': '),
    TextIO.write(to),
  ),
)
