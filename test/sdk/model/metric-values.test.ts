// Metrics are merged in any order: over tasks, over restarts.
import { assert } from 'chai'
import * as fc from 'fast-check'
import { Metrics } from '../../../sdk/index.ts'
import {
  longestString,
  mergeMetrics,
  mergeValues,
  type Metric,
  type MetricKind,
  mostStrings,
  valueOf,
} from '../../../sdk/model/metric-values.ts'

const kinds: ReadonlyArray<MetricKind> = ['counter', 'distribution', 'gauge', 'stringSet']
/** Few different ones, so that they meet; sums of whole numbers, so that their order is nothing. */
const updates = (kind: MetricKind): fc.Arbitrary<readonly [input: number | string, at: number]> =>
  fc.tuple(kind === 'stringSet' ? fc.string({ maxLength: 2 }) : fc.integer({ min: -5, max: 5 }), fc.integer({ min: 0, max: 3 }))
const values = (kind: MetricKind) =>
  fc
    .array(updates(kind), { minLength: 1, maxLength: 6 })
    .map(all => all.map(([input, at]) => valueOf(kind, input, at)).reduce((a, b) => mergeValues(kind, a, b)))

describe('metrics', () => {
  for (const kind of kinds) {
    it(`of the kind ${kind} are the same whichever way they are merged`, () =>
      fc.assert(
        fc.property(values(kind), values(kind), values(kind), (a, b, c) => {
          const merge = (x: typeof a, y: typeof a): typeof a => mergeValues(kind, x, y)
          assert.deepEqual(merge(a, b), merge(b, a))
          assert.deepEqual(merge(merge(a, b), c), merge(a, merge(b, c)))
        }),
      ))
  }

  it('of strings keep so many and so much of each, whichever way they are merged, and say so', () => {
    const strings = Array.from({ length: mostStrings + 10 }, (_, i) => `s${String(i).padStart(5, '0')}`)
    const all = strings.map(text => valueOf('stringSet', text, 0))
    const merge = (sets: typeof all) => sets.reduce((a, b) => mergeValues('stringSet', a, b))
    const [forwards, backwards] = [merge(all), merge([...all].reverse())]
    assert.deepEqual(forwards, backwards)
    assert.deepEqual(forwards, { strings: strings.slice(0, mostStrings), isCut: true })
    assert.deepEqual(merge(all.slice(0, mostStrings)), { strings: strings.slice(0, mostStrings), isCut: false })
    assert.deepEqual(valueOf('stringSet', 'x'.repeat(longestString + 1), 0), { strings: ['x'.repeat(longestString)], isCut: true })
  })

  it('of several tasks become one for each transform, kind and name', () => {
    const counted = (transform: string, attempted: number, committed: number | null): Metric => ({
      kind: 'counter',
      transform,
      name: 'n',
      attempted,
      committed,
    })
    assert.deepEqual(mergeMetrics([counted('b', 1, null), counted('a', 2, 1), counted('b', 4, 3)]), [
      counted('a', 2, 1),
      counted('b', 5, 3),
    ])
  })

  it('are asked by name, and by a transform or a composite around it', () => {
    const rejected = Metrics.counter('rejected')
    const told = {
      user: [
        { kind: 'counter', transform: 'Parse/filter#1', name: 'rejected', attempted: 3, committed: 2 },
        { kind: 'counter', transform: 'Parser/filter#1', name: 'rejected', attempted: 10, committed: null },
        { kind: 'gauge', transform: 'Parse/map#1', name: 'rejected', attempted: { value: 1, at: 5 }, committed: null },
      ] satisfies ReadonlyArray<Metric>,
    }
    assert.deepEqual(rejected.of(told), { attempted: 13, committed: 2 })
    assert.deepEqual(rejected.of(told, { transform: 'Parse' }), { attempted: 3, committed: 2 })
    assert.deepEqual(rejected.of(told, { transform: 'Parse/map#1' }), { attempted: 0, committed: 0 })
    assert.deepEqual(Metrics.gauge('rejected').of(told), { attempted: { value: 1, at: 5 }, committed: null })
    assert.lengthOf(Metrics.query(told, { transform: 'Parse' }), 2)
    assert.lengthOf(Metrics.query(told, { name: 'accepted' }), 0)
  })

  it('do nothing outside a run', () => {
    Metrics.counter('n').inc()
    Metrics.distribution('n').update(Number.NaN)
    Metrics.stringSet('n').add('a')
  })

  it('have a name of some length', () => {
    assert.throws(() => Metrics.counter(' '), /a name has 1 to 120 characters/)
    assert.throws(() => Metrics.gauge('n'.repeat(121)), /a name has 1 to 120 characters/)
  })

  it('of string sets hold no secrets, as checkpoints keep them', () => {
    assert.deepEqual(valueOf('stringSet', 'nats://ann:s3cret@host', 0).strings, ['nats://[redacted]@host'])
    assert.notInclude(valueOf('stringSet', `${'x'.repeat(240)} nats://ann:s3cret@host`, 0).strings.join(), 's3c')
  })
})
