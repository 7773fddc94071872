// A stateful DoFn in a scenario, with every kind of state and timers of both domains, and the slow reference of what it must give in the
// end, however its elements and timers were mixed and whatever crashed in between.
import * as N from 'fp-ts/lib/number.js'
import * as O from 'fp-ts/lib/Option.js'
import type { PCollection as Collection } from '../../sdk/graph/pcollection.ts'
import {
  Coder,
  Instant,
  type KeyedElement,
  type KV,
  ParDo,
  State,
  Timer,
  emit,
  emitAt,
  millis,
  pipe,
  type BoundedWindow,
} from '../../sdk/index.ts'
import type { Out } from './pipelines.ts'
import { groupsOf, type Span, sumOf } from './reference.ts'
import type { Event, Scenario } from './scenario.ts'

/** timer: one for each copy of an element, at the element's time. flush: by the clock, what came since. end: once, what all was. */
export type StatefulOut =
  | { readonly _tag: 'timer'; readonly key: unknown; readonly id: string }
  | { readonly _tag: 'flush'; readonly key: unknown; readonly sum: number; readonly fresh: ReadonlyArray<string> }
  | {
      readonly _tag: 'end'
      readonly key: unknown
      readonly count: number
      readonly sum: number
      readonly fresh: ReadonlyArray<string>
      readonly ids: ReadonlyArray<string>
      readonly late: ReadonlyArray<string>
      readonly pending: number
    }

const timerDelay = 6
/** What the list forgets: everything from here to there. */
const forgotten = [10, 20] as const

export const stateful = (pc: Collection<KV<unknown, Event>>): Collection<StatefulOut> =>
  pipe(
    pc,
    ParDo.stateful({
      state: {
        count: State.value(Coder.varint, 0),
        sum: State.combining(Coder.double, N.MonoidSum),
        fresh: State.bag(Coder.string),
        ids: State.set(Coder.string),
        pending: State.map(Coder.string, Coder.kv(Coder.varint, Coder.instant)),
        byTime: State.orderedList(Coder.string),
      },
      timers: { each: Timer.eventTimeFamily, flush: Timer.processingTime },
      process: ({ value, timestamp, window }: KeyedElement<unknown, Event>, cells) => {
        const copies = pipe(
          cells.pending.get(value.id),
          O.match(
            () => 0,
            ([n]) => n,
          ),
        )
        return [
          cells.count.write(cells.count.read + 1),
          cells.sum.add(value.n),
          cells.fresh.add(value.id),
          cells.ids.add(value.id),
          cells.pending.put(value.id, [copies + 1, timestamp]),
          cells.byTime.add(timestamp, value.id),
          // Whatever order they come in, none is left of these times.
          cells.byTime.clearRange(Instant.ofMillis(forgotten[0]), Instant.ofMillis(forgotten[1])),
          cells.each.set(value.id, dueOf(timestamp, window), { outputTimestamp: timestamp }),
          cells.fresh.isEmpty && cells.flush.after(millis(15)),
        ]
      },
      onTimer: {
        each: ({ key, tag, timestamp }, { pending }) =>
          pipe(
            pending.get(tag),
            O.match(
              () => [],
              ([copies]) => [
                ...Array.from({ length: copies }, () => emitAt(timestamp)({ _tag: 'timer', key, id: tag } as StatefulOut)),
                pending.remove(tag),
              ],
            ),
          ),
        flush: ({ key }, { sum, fresh }) => [
          emit<StatefulOut>({ _tag: 'flush', key, sum: sum.read, fresh: fresh.read }),
          sum.clear,
          fresh.clear,
        ],
      },
      onWindowExpiration: ({ key }, { count, sum, fresh, ids, byTime, pending }) => [
        emit<StatefulOut>({
          _tag: 'end',
          key,
          count: count.read,
          sum: sum.read,
          fresh: fresh.read,
          ids: [...ids.read].sort(),
          late: Array.from(byTime.range(Instant.min, Instant.max), ([, id]) => id).sort(),
          pending: [...pending.entries].length,
        }),
      ],
    }),
  )

const dueOf = (timestamp: Instant, { end }: BoundedWindow): Instant => {
  const due = pipe(timestamp, Instant.plus(millis(timerDelay)))
  return due < end ? due : end
}

type Row = Omit<Out, 'value'> & { readonly value: StatefulOut }

/** What differs from the reference, in words. */
export const statefulProblems = (s: Scenario, outs: ReadonlyArray<Out>): ReadonlyArray<string> => {
  const rows = outs as ReadonlyArray<Row> // the scenario's own DoFn made them
  const groups = groupsOf(s, e => e.key)
  const known = new Set(groups.map(({ key, window }) => idOf(key, window)))
  return [
    ...rows.filter(row => !known.has(idOf(row.key, row.window))).map(row => `${shown(row)} belongs to no group`),
    ...groups.flatMap(({ key, window, events }) => {
      const mine = rows.filter(row => idOf(row.key, row.window) === idOf(key, window))
      const said = <T extends StatefulOut['_tag']>(tag: T): ReadonlyArray<Extract<StatefulOut, { readonly _tag: T }>> =>
        mine.flatMap(({ value }) => (value._tag === tag ? [value as Extract<StatefulOut, { readonly _tag: T }>] : []))
      const [ends, flushes] = [said('end'), said('flush')]
      const ids = events.map(e => e.id)
      const got = {
        timers: mine
          .filter(({ value }) => value._tag === 'timer')
          .map(({ value, timestamp }) => `${'id' in value ? value.id : ''}@${timestamp}`),
        ends: ends.map(({ count, ids: all, late, pending }) => ({ count, ids: all, late, pending })),
        endedAt: mine.filter(({ value }) => value._tag === 'end').map(({ timestamp }) => timestamp),
        sum: [...flushes, ...ends].reduce((sum, out) => sum + out.sum, 0),
        fresh: [...flushes, ...ends].flatMap(out => out.fresh),
      }
      const wanted = {
        timers: events.map(e => `${e.id}@${e.at}`),
        ends: [
          {
            count: events.length,
            ids: [...new Set(ids)].sort(),
            late: events.flatMap(e => (e.at >= forgotten[0] && e.at < forgotten[1] ? [] : [e.id])).sort(),
            pending: 0,
          },
        ],
        endedAt: [window[1] === Instant.max ? Instant.max - 2 : window[1] - 1],
        sum: sumOf(events),
        fresh: ids,
      }
      const sorted = (o: typeof got): unknown => ({ ...o, timers: [...o.timers].sort(), fresh: [...o.fresh].sort() })
      return shown(sorted(got)) === shown(sorted(wanted))
        ? []
        : [`${shown([key, window])} gave ${shown(sorted(got))} and should have given ${shown(sorted(wanted))}`]
    }),
  ]
}

const idOf = (key: unknown, window: Span): string => JSON.stringify([key, window])
const shown = (value: unknown): string => JSON.stringify(value)
