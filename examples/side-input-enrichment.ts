// Events beside what is known elsewhere: flags as they are now, from a key-value bucket, and the rates of the event's hour.
import * as O from 'fp-ts/lib/Option.js'
import { Encoder, FixedWindows, KV, PCollection, Pipeline, View, Window, hours, minutes, pipe, seconds } from 'jetbeam'
import { main } from 'jetbeam/cli'
import { JetStreamIO, KvIO, Watermark } from 'jetbeam/io/jetstream'
import { eventCoder, flagCoder, rateCoder } from './model.ts'

const dead = (subject: string) => JetStreamIO.writeUndecodable({ stream: 'DEAD', subject, name: subject })

export const enrich = Pipeline.define(import.meta, 'enrich', () => {
  // A changelog: a changed flag replaces its older value.
  const flags = pipe(
    KvIO.watch({ bucket: 'flags', coder: flagCoder }),
    PCollection.deadLetter(dead('dead.flags')),
    PCollection.map(entry => KV.of(entry.key, entry.value)),
    View.asIndex(flag => flag.tenant),
  )
  // One table of rates an hour: an event's minute looks into its hour.
  const rates = pipe(
    JetStreamIO.read({ stream: 'RATES', coder: rateCoder, timestamp: rate => rate.at }),
    PCollection.deadLetter(dead('dead.rates')),
    PCollection.map(rate => KV.of(rate.currency, rate.rate)),
    Window.into(FixedWindows.of(hours(1))),
    View.asMap,
  )
  return pipe(
    JetStreamIO.read({
      stream: 'EVENTS',
      coder: eventCoder,
      timestamp: event => event.at,
      watermark: Watermark.boundedOutOfOrderness(seconds(5)),
    }),
    PCollection.deadLetter(dead('dead.events')),
    Window.into(FixedWindows.of(minutes(1))),
    PCollection.mapWith({ flags, rates }, (event, { flags, rates }) => ({
      ...event,
      euros: pipe(
        rates.get(event.currency),
        O.map(rate => event.amount * rate),
        O.toNullable,
      ),
      flags: flags
        .get(event.tenant)
        .filter(flag => flag.on)
        .map(flag => flag.name),
    })),
    JetStreamIO.write({ stream: 'ENRICHED', subject: event => `enriched.${event.tenant}`, coder: Encoder.json() }),
  )
})

await main(import.meta, enrich)
