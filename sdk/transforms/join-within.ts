// Pairs of two collections' values whose timestamps lie near each other, with no windows between them.
import * as O from 'fp-ts/lib/Option.js'
import { Coder } from '../coders/index.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import { KV } from '../model/kv.ts'
import { type Duration, Instant, millis } from '../model/time.ts'
import type { BoundedWindow } from '../model/window.ts'
import type { EventTimer, OrderedListCell } from '../stateful/cells.ts'
import { emitAt, type StateEffect, type TimerEffect } from '../stateful/effects.ts'
import { State, Timer } from '../stateful/state-specs.ts'
import { type KeyedElement, stateful } from '../stateful/stateful-fn.ts'
import { runAs } from './par-do.ts'
import { Partition } from './partition.ts'

/** What `Join.within` gives: the `pairs`, and what stayed alone on either side (`leftAlone`, `rightAlone`). */
export interface JoinedWithin<K, A, B> {
  readonly pairs: PCollection<KV<K, readonly [A, B]>>
  readonly leftAlone: PCollection<KV<K, A>>
  readonly rightAlone: PCollection<KV<K, B>>
}

type Side<A, B> = { readonly side: 'left'; readonly value: A } | { readonly side: 'right'; readonly value: B }
type Out<K, A, B> =
  | { readonly to: 'pairs'; readonly value: KV<K, readonly [A, B]> }
  | { readonly to: 'leftAlone'; readonly value: KV<K, A> }
  | { readonly to: 'rightAlone'; readonly value: KV<K, B> }

/** See {@link Join}. */
export const within =
  <K, B>(right: PCollection<KV<K, B>>, distance: Duration) =>
  <A>(left: PCollection<KV<K, A>>): JoinedWithin<K, A, B> => {
    if (!(distance >= 0 && Number.isFinite(distance)))
      throw new RangeError(`Join.within: how far apart is a length of time, and ${distance} ms is none`)
    const lefts = marked<K, A, Side<A, B>>(left, 'left')
    const rights = marked<K, B, Side<A, B>>(right, 'right')
    const both = apply<KV<K, Side<A, B>>>({ _tag: 'Flatten', like: 'all' }, [lefts, rights], { kind: 'Join.within.both' })
    const outs: PCollection<Out<K, A, B>> = runAs('Join.within')(matching<K, A, B>(distance))(both)
    const { pairs, leftAlone, rightAlone } = Partition.on('to', ['pairs', 'leftAlone', 'rightAlone'])(outs)
    return {
      pairs: unmarked(pairs, 'pairs'),
      leftAlone: unmarked(leftAlone, 'leftAlone'),
      rightAlone: unmarked(rightAlone, 'rightAlone'),
    }
  }

const marked = <K, V, S>(pc: PCollection<KV<K, V>>, side: 'left' | 'right'): PCollection<KV<K, S>> =>
  apply({ _tag: 'MapValues', f: (value: V) => ({ side, value }) }, [pc], { kind: `Join.within.${side}` })

const unmarked = <V>(pc: PCollection<{ readonly value: V }>, name: string): PCollection<V> =>
  apply({ _tag: 'Map', f: (out: { readonly value: V }) => out.value }, [pc], { kind: `Join.within.${name}` })

const behind = Instant.plus(millis(1))

/** Both sides wait by time, those that have met another apart from those that are still alone; one timer a key, for the earliest. */
const matching = <K, A, B>(distance: Duration) => {
  const until = (at: Instant, { end }: BoundedWindow): Instant => {
    const over = Instant.plus(distance)(at)
    return over < end ? over : end
  }
  // A timestamp may have been moved behind its window: then there is nothing left to hold.
  const waitFor = (over: EventTimer, at: Instant, window: BoundedWindow): TimerEffect =>
    over.set(until(at, window), at < window.end ? { outputTimestamp: at } : undefined)
  return stateful({
    state: {
      leftAlone: State.orderedList(Coder.structural<A>()),
      leftMet: State.orderedList(Coder.structural<A>()),
      rightAlone: State.orderedList(Coder.structural<B>()),
      rightMet: State.orderedList(Coder.structural<B>()),
      /** The earliest timestamp that waits; the timer is set for it. */
      earliest: State.value(Coder.instant, Instant.max),
    },
    timers: { over: Timer.eventTime },
    process: ({ key, value: it, timestamp: at, window }: KeyedElement<K, Side<A, B>>, cells) => {
      const { earliest, over } = cells
      const [from, to] = [Instant.minus(distance)(at), behind(Instant.plus(distance)(at))]
      const pair = (other: Instant, a: A, b: B) =>
        emitAt(other > at ? other : at)<Out<K, A, B>>({ to: 'pairs', value: KV.of(key, [a, b] as const) })
      const wait = at < earliest.read && [earliest.write(at), waitFor(over, at, window)]
      if (it.side === 'left') {
        const met = meet(cells.rightAlone, cells.rightMet, from, to)
        const pairs = met.all.map(([other, b]) => pair(other, it.value, b))
        return [...pairs, ...met.moves, (pairs.length > 0 ? cells.leftMet : cells.leftAlone).add(at, it.value), ...(wait || [])]
      }
      const met = meet(cells.leftAlone, cells.leftMet, from, to)
      const pairs = met.all.map(([other, a]) => pair(other, a, it.value))
      return [...pairs, ...met.moves, (pairs.length > 0 ? cells.rightMet : cells.rightAlone).add(at, it.value), ...(wait || [])]
    },
    onTimer: {
      over: ({ key, timestamp: first, window }, { earliest, over, ...lists }) => {
        // At its window's end nothing more will come that any of them could meet.
        const to = until(first, window) === window.end ? Instant.max : behind(first)
        const firsts = Object.values(lists).map(list => firstOf(list, to))
        const next = firsts.reduce((a, b) => (b < a ? b : a))
        return [
          ...Array.from(lists.leftAlone.range(Instant.min, to), ([at, a]) =>
            emitAt(at)<Out<K, A, B>>({ to: 'leftAlone', value: KV.of(key, a) }),
          ),
          ...Array.from(lists.rightAlone.range(Instant.min, to), ([at, b]) =>
            emitAt(at)<Out<K, A, B>>({ to: 'rightAlone', value: KV.of(key, b) }),
          ),
          ...Object.values(lists).map(list => list.clearRange(Instant.min, to)),
          ...(next === Instant.max ? [earliest.clear] : [earliest.write(next), waitFor(over, next, window)]),
        ]
      },
    },
  })
}

interface Met<A> {
  readonly all: ReadonlyArray<readonly [Instant, A]>
  readonly moves: ReadonlyArray<StateEffect>
}

/** What waits from `from` to before `to`, and how those that were alone go to the others. */
const meet = <A>(alone: OrderedListCell<A>, met: OrderedListCell<A>, from: Instant, to: Instant): Met<A> => {
  const fresh = [...alone.range(from, to)]
  return {
    all: [...fresh, ...met.range(from, to)],
    moves: fresh.length === 0 ? [] : [alone.clearRange(from, to), ...fresh.map(([at, a]) => met.add(at, a))],
  }
}

/** The latest of all times: nothing lies there. */
const firstOf = (list: Pick<OrderedListCell<unknown>, 'first'>, from: Instant): Instant =>
  O.toNullable(list.first(from))?.[0] ?? Instant.max
