// Relays that pass trace context on, or have no single message to pass it on from.
import { Coder, Count, emit, ParDo, PCollection, Pipeline, pipe } from 'jetbeam'
import { type Headers, JetStreamIO, StopAt } from 'jetbeam/io/jetstream'
import { z } from 'zod'

const options = z.object({ to: z.string(), traceContext: z.boolean(), own: z.boolean() })
const read = () => pipe(JetStreamIO.read({ stream: 'IN', coder: Coder.string, stop: StopAt.end }), PCollection.orFail)
const ownTrace: Headers = { TraceParent: ['00-33333333333333333333333333333333-4444444444444444-01'] }

/** Each text becomes two: `text 0` and `text 1`. */
export const traced = Pipeline.define(import.meta, 'traced', options, ({ to, traceContext, own }) =>
  pipe(
    read(),
    PCollection.flatMap(text => [`${text} 0`, `${text} 1`]),
    JetStreamIO.write({ stream: 'OUT', subject: to, coder: Coder.string, traceContext, headers: () => (own ? ownTrace : { A: ['b'] }) }),
  ),
)

/** How often there is each text, and the last one of each bundle. */
export const joined = Pipeline.define(import.meta, 'joined', options, ({ to, traceContext }) => {
  const write = JetStreamIO.write({ stream: 'OUT', subject: to, coder: Coder.string, traceContext })
  const all = read()
  const counts = pipe(
    all,
    Count.perElement,
    PCollection.map(([text, n]) => `${text} ${n}`),
    write,
  )
  const lasts = pipe(
    all,
    ParDo.bundled({
      startBundle: (): { last: string } => ({ last: '' }),
      process: ({ value }, { bundle }) => {
        bundle.last = value
        return []
      },
      finishBundle: ({ bundle }) => [emit(`last ${bundle.last}`)],
    }),
    JetStreamIO.write({ stream: 'OUT', subject: to, coder: Coder.string, traceContext, name: 'lasts' }),
  )
  return [counts, lasts]
})
