// What programs without types may write: each is refused where it stands, with what it is and how to mend it.
import { assert } from 'chai'
import {
  AfterWatermark,
  Checkpoints,
  Combine,
  Create,
  Deduplicate,
  FixedWindows,
  GroupIntoBatches,
  InvalidPipelineError,
  IntervalWindow,
  minutes,
  named,
  PCollection,
  Pipeline,
  Repeatedly,
  seconds,
  SlidingWindows,
  Window,
  WindowFn,
} from '../../../sdk/index.ts'

/** A program that no compiler has seen may call anything with anything. */
const untyped = (f: unknown): ((...inputs: ReadonlyArray<unknown>) => unknown) => f as (...inputs: ReadonlyArray<unknown>) => unknown
const numbers = Create.of([1, 2])
const on =
  (verb: unknown, ...inputs: ReadonlyArray<unknown>) =>
  (): unknown =>
    untyped(untyped(verb)(...inputs))(numbers)

describe('a program without types is refused with a named error', () => {
  const refusals: ReadonlyArray<readonly [what: string, run: () => unknown, says: RegExp]> = [
    [
      'map of nothing',
      on(PCollection.map, undefined),
      /^map \(made at .*misuse\.test\.ts:\d+:\d+\) takes a function, and was given undefined/,
    ],
    ['a filter by a text', on(PCollection.filter, 'x'), /^filter \(made at .*\) takes a function, and was given "x"/],
    ['keyBy of a record', on(PCollection.keyBy, { a: 1 }), /^keyBy \(made at .*\) takes a function, and was given an object of a/],
    ['mapTaskEither of nothing', on(PCollection.mapTaskEither), /^mapTaskEither \(made at .*\) takes a function/],
    ['tryFilter of nothing', on(PCollection.tryFilter), /^tryFilter \(made at .*\) takes a function/],
    [
      'a verb over an array',
      () => untyped(PCollection.map((n: number) => n))([1]),
      /^map \(made at .*\) takes a PCollection, and was given an array/,
    ],
    [
      'Combine.perKey of nothing',
      on(Combine.perKey),
      /^Combine\.perKey \(made at .*\) takes a Monoid \(concat and empty\) or a CombineFn .* was given undefined/,
    ],
    ['Combine.globally of half a Monoid', on(Combine.globally, { concat: () => 0 }), /^Combine\.globally .* was given an object of concat/],
    [
      'an unknown option of Combine',
      on(Combine.globally, { concat: () => 0, empty: 0 }, { fanOut: 2 }),
      /has no option fanOut\. Its options are fanout/,
    ],
    [
      'Window.into of nothing',
      on(Window.into),
      /^Window\.into \(made at .*\) takes a window function, and was given undefined\. Give it FixedWindows/,
    ],
    [
      'a window function of the wrong shape',
      on(Window.into, { kind: { _tag: 'Custom' }, assign: () => [], merge: 'overlapping' }),
      /takes a window function, and was given an object of kind, assign, merge/,
    ],
    [
      'a misspelt accumulation',
      on(Window.into, FixedWindows.of(minutes(1)), { accumulation: 'acumulating' }),
      /has "acumulating" for accumulation\. Use 'accumulating' or 'discarding'/,
    ],
    [
      'a closing behaviour that is none',
      on(Window.into, FixedWindows.of(minutes(1)), { closingBehavior: 'never' }),
      /has "never" for closingBehavior/,
    ],
    [
      'a timestamp combiner that is none',
      on(Window.into, FixedWindows.of(minutes(1)), { timestampCombiner: 'last' }),
      /for timestampCombiner/,
    ],
    [
      'a trigger that is none',
      on(Window.into, FixedWindows.of(minutes(1)), { trigger: 'x', accumulation: 'discarding' }),
      /has a trigger that is none, .*"x"/,
    ],
    [
      'a trigger that holds none',
      on(Window.into, FixedWindows.of(minutes(1)), { trigger: untyped(Repeatedly.forever)('x'), accumulation: 'discarding' }),
      /has a trigger that is none, or that holds one/,
    ],
    [
      'an unknown option of Window.into',
      on(Window.into, FixedWindows.of(minutes(1)), { lateness: 1 }),
      /has no option lateness\. Its options are timestampCombiner, trigger/,
    ],
    [
      'options that are none',
      on(Window.into, FixedWindows.of(minutes(1)), 'discarding'),
      /takes options by name, and was given "discarding"/,
    ],
    [
      'an unknown option of mapAsync',
      on(PCollection.mapAsync, () => Promise.resolve(1), { parallel: 3 }),
      /^PCollection\.mapAsync .* has no option parallel/,
    ],
    [
      'an unknown option of a retry',
      on(PCollection.mapAsync, () => Promise.resolve(1), { retry: { tries: 3 } }),
      /with retry .* has no option tries/,
    ],
    ['an unknown option of GroupIntoBatches', on(GroupIntoBatches.ofSize, 2, { wait: 1 }), /has no option wait/],
    ['Deduplicate.by without its second argument', on(Deduplicate.by, (n: number) => n), /^Deduplicate\.by .* for how long an id is known/],
    ['a time domain that is none', on(Deduplicate.by, (n: number) => n, { within: seconds(1), domain: 'event' }), /has "event" for domain/],
  ]
  for (const [what, run, says] of refusals)
    it(what, () => {
      try {
        run()
      } catch (error) {
        assert.instanceOf(error, InvalidPipelineError)
        return assert.match(error.problems.join(), says)
      }
      return assert.fail('it was accepted')
    })

  it('with the names around the transform', () => {
    const inner = named('Outer', (pc: PCollection<number>) => named('Inner', untyped(untyped(PCollection.map)(undefined)))(pc))
    assert.throws(() => inner(numbers), InvalidPipelineError, /- Outer\/Inner\/map \(made at/)
  })

  it('windows whose length is a text, in quotes', () => {
    assert.throws(() => untyped(FixedWindows.of)('10'), RangeError, /FixedWindows\.of: the size is .*, and "10" is not: use seconds/)
    assert.throws(() => untyped(SlidingWindows.of)(seconds(1), { every: '1' }), RangeError, /the period `every` .* "1" is not/)
  })

  it('a window function of its own without its functions', () => {
    assert.throws(
      () => untyped(WindowFn.merging)({ name: 'mine', assign: () => [] }),
      TypeError,
      /merge of "mine" is a function, and was undefined/,
    )
    assert.throws(() => untyped(WindowFn.of)({ name: 'mine' }), TypeError, /assign of "mine" is a function/)
    assert.throws(() => untyped(WindowFn.of)({ assign: () => [] }), RangeError, /needs a name/)
  })

  it('a definition whose function gives no end of a pipeline', () => {
    const ends: ReadonlyArray<readonly [unknown, RegExp]> = [
      [undefined, /"d" cannot run:\n- its function gave undefined: return the last write or ignored collection/],
      [Promise.resolve(1), /its function gave a promise: .*Take async and await away/],
      [numbers, /its function returned a collection that no branch ends/],
      [[numbers], /leaf 1 is not a finished branch/],
      [5, /its function gave 5/],
    ]
    for (const [given, says] of ends)
      assert.throws(() => untyped(untyped(Pipeline.define)(import.meta, 'd', () => given))(), InvalidPipelineError, says)
    assert.throws(
      () => untyped(Pipeline.define)(import.meta, () => numbers),
      RangeError,
      /the second argument is the definition's name, and was a function/,
    )
    assert.throws(
      () => untyped(Pipeline.define)(import.meta, 'd'),
      RangeError,
      /the definition "d" takes a function that builds it, and was given undefined/,
    )
    assert.throws(() => untyped(Pipeline.of)(undefined), InvalidPipelineError, /leaf 1 is not a finished branch but undefined: /)
  })

  it('unknown options of checkpoints', () => {
    assert.throws(
      () => untyped(Checkpoints.directory)('./state', { evry: 5 }),
      RangeError,
      /directory has no option evry\. Its options are every, keep/,
    )
    assert.throws(
      () => untyped(Checkpoints.jetstream)({ steam: 'X' }),
      RangeError,
      /jetstream has no option steam\. .* stream, connection, replicas/,
    )
    assert.throws(() => untyped(Checkpoints.jetstream)('jetstream'), RangeError, /takes options by name, .*was given what is string/)
  })

  it('and what is right is taken', () => {
    const trigger = AfterWatermark.pastEndOfWindow({ early: Repeatedly.forever(AfterWatermark.pastEndOfWindow()) })
    const mine = WindowFn.merging({ name: 'mine', assign: () => [IntervalWindow.of(0, 1)], merge: () => [] })
    assert.doesNotThrow(() => Window.into(mine, { trigger, accumulation: 'discarding', closingBehavior: undefined })(numbers))
  })
})
