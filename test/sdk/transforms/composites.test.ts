// Composites as a package would publish them: generic, named, with several outputs; and schemas as coders.
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import * as N from 'fp-ts/lib/number.js'
import { z } from 'zod'
import { bestPerKey, latestValues, validate } from '../../../examples/library.ts'
import { PAssert, TestPipeline, containsInAnyOrder } from '../../../runners/direct/testing.ts'
import { Coder, Create, Decoder, Instant, PCollection, minutes, pipe } from '../../../sdk/index.ts'

describe('A composite', () => {
  it('has several outputs, each of which goes its own way', () => {
    const { rejected, valid } = pipe(
      Create.of([1, 2, 3]),
      validate(n => (n > 1 ? E.right(String(n)) : E.left({ tooSmall: n }))),
    )
    return TestPipeline.run()(
      pipe(rejected, PAssert.that(containsInAnyOrder([{ element: 1, reason: { tooSmall: 1 } }]))),
      pipe(valid, PAssert.that(containsInAnyOrder(['2', '3']))),
    )
  })

  it('is made of windows and an aggregation, for whatever keys and values it is used with', () => {
    const scores = pipe(
      Create.of([1, 5, 3, 61_000]),
      PCollection.withTimestamps(Instant.ofMillis),
      PCollection.keyBy(n => n % 2),
    )
    return pipe(
      scores,
      bestPerKey(2, N.Ord, minutes(1)),
      PAssert.that(
        containsInAnyOrder([
          [1, [5, 3]],
          [0, [61_000]],
        ]),
      ),
      TestPipeline.run(),
    )
  })

  it('passes the types of its input through', () =>
    pipe(
      Create.of([1, 9, 4]),
      PCollection.withTimestamps(Instant.ofMillis),
      PCollection.keyBy(() => 'all'),
      latestValues,
      PAssert.that(containsInAnyOrder([9])),
      TestPipeline.run(),
    ))
})

describe('A schema', () => {
  const click = z.object({ page: z.string(), at: z.number().transform(Instant.ofMillis), count: z.number().default(1) })

  it('decodes what lies in a stream, and fills in what is left out', () => {
    const decoded = Decoder.json(click).decode(new TextEncoder().encode('{"page":"/a","at":7}'))
    assert.deepEqual<unknown>(decoded, E.right({ page: '/a', at: 7, count: 1 }))
  })

  it('is a coder where what it gives can be given to it again', () => {
    const coder = Coder.json(click.required())
    const value = { page: '/a', at: Instant.ofMillis(7), count: 2 }
    assert.deepEqual(coder.decode(coder.encode(value)), E.right(value))
  })
})
