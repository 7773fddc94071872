// What the element-wise steps of a scenario do to one event: said once, for the pipeline and for the reference.
import type { Event, Op } from './scenario.ts'

export const increment = <A extends { readonly n: number }>(e: A): A => ({ ...e, n: e.n + 1 })
export const isKept = (e: { readonly n: number }): boolean => e.n % 3 !== 0
export const twins = (e: Event): ReadonlyArray<Event> => [e, { ...e, id: `${e.id}+`, n: e.n + 1_000 }]
export const sideOf = (e: { readonly n: number }): 'even' | 'odd' => (e.n % 2 === 0 ? 'even' : 'odd')
export const atEven = <A extends { readonly n: number }>(e: A): A => ({ ...e, n: e.n * 10 })
export const atOdd = <A extends { readonly n: number }>(e: A): A => ({ ...e, n: e.n + 7 })
export const tripled = <A extends { readonly n: number }>(e: A): A => ({ ...e, n: e.n * 3 })

/** How many positions a splittable stage finds in an event, and what lies at each. */
export const partsOf = (e: { readonly n: number }): number => e.n % 5
export const part = (e: Event, i: number): Event => ({ ...e, id: `${e.id}#${i}`, n: e.n + i, at: e.at + i })

/** The slow twin of the pipeline's step. */
export const applied = (op: Op, events: ReadonlyArray<Event>): ReadonlyArray<Event> => {
  switch (op) {
    case 'increment':
      return events.map(increment)
    case 'dropThirds':
      return events.filter(isKept)
    case 'twice':
      return events.flatMap(twins)
    case 'diamond':
      return events.map(e => (sideOf(e) === 'even' ? atEven(e) : atOdd(e)))
    case 'flattenSelf':
      return [...events, ...events]
    case 'async':
      return events.map(tripled)
    case 'expand':
      return events.flatMap(e => Array.from({ length: partsOf(e) }, (_, i) => part(e, i)))
    case 'nothing':
      return events
  }
}

/** The key of the second grouping. */
export const coarse = (key: unknown): number => JSON.stringify(key).length % 2
