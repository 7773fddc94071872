import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { assert } from 'chai'
import {
  AfterAll,
  AfterAny,
  AfterCount,
  AfterEach,
  AfterProcessingTime,
  AfterWatermark,
  Combine,
  CombineFn,
  Count,
  Create,
  DefaultTrigger,
  FixedWindows,
  Flatten,
  GlobalWindows,
  GroupByKey,
  InvalidPipelineError,
  KV,
  Never,
  OrFinally,
  Partition,
  PCollection,
  Pipeline,
  Repeatedly,
  Sessions,
  type Trigger,
  View,
  Wait,
  Window,
  flow,
  millis,
  minutes,
  named,
  pipe,
  seconds,
} from '../../../sdk/index.ts'
import { read, write } from './endpoints.ts'

const problemsOf = (build: () => unknown): ReadonlyArray<string> => {
  try {
    build()
  } catch (error) {
    assert.instanceOf(error, InvalidPipelineError)
    assert.strictEqual(error._tag, 'InvalidPipeline')
    for (const problem of error.problems) assert.include(error.message, problem)
    return error.problems
  }
  return []
}
/** One problem, which says what, where and how. */
const assertProblem = (build: () => unknown, ...says: ReadonlyArray<RegExp>): void => {
  const problems = problemsOf(build)
  assert.lengthOf(problems, 1, problems.join('\n'))
  for (const text of [...says, /validate\.test\.ts:\d+:\d+/]) assert.match(problems[0] ?? '', text)
}
const perMinute = FixedWindows.of(minutes(1))

describe('a pipeline is refused', () => {
  it('when it has no leaf', () => {
    const [problem, ...others] = problemsOf(() => Pipeline.of())
    assert.match(problem ?? '', /nothing to run.*PCollection\.ignore/)
    assert.isEmpty(others)
  })

  describe('when its trigger is unsafe', () => {
    const grouped =
      (trigger: Trigger, allowedLateness = millis(0), allowUnsafeTrigger?: boolean) =>
      (): unknown =>
        Pipeline.of(
          pipe(
            Create.of([KV.of('a', 1)]),
            Window.into(perMinute, { trigger, allowedLateness, accumulation: 'discarding', allowUnsafeTrigger }),
            GroupByKey.of,
            PCollection.ignore,
          ),
        )
    const delay = AfterProcessingTime.pastFirstElement(seconds(1))
    const count = AfterCount.of(2)

    it('because it finishes, and what comes afterwards would be lost', () => {
      for (const trigger of [
        count,
        delay,
        AfterAny.of(Repeatedly.forever(count), delay),
        AfterAll.of(count, delay),
        AfterEach.inOrder(count, delay),
        OrFinally.of(Repeatedly.forever(count), AfterWatermark.pastEndOfWindow()),
      ])
        assertProblem(
          grouped(trigger),
          /has an unsafe trigger: .* finishes.*Wrap it in Repeatedly\.forever, or set allowUnsafeTrigger: true/,
        )
    })

    it('because the watermark closes its window while late elements may come', () =>
      assertProblem(grouped(AfterWatermark.pastEndOfWindow({ early: count }), minutes(1)), /unsafe trigger: AfterWatermark.*late firings/))

    it('but not where nothing can be lost, or where it is allowed', () => {
      for (const build of [
        grouped(DefaultTrigger, minutes(1)),
        grouped(Never, minutes(1)),
        grouped(AfterWatermark.pastEndOfWindow()),
        grouped(AfterWatermark.pastEndOfWindow({ late: count }), minutes(1)),
        grouped(Repeatedly.forever(count), minutes(1)),
        grouped(AfterEach.inOrder(count, Repeatedly.forever(count)), minutes(1)),
        grouped(AfterAll.of(Repeatedly.forever(count), delay), minutes(1)),
        grouped(count, minutes(1), true),
      ])
        assert.deepEqual(problemsOf(build), [])
    })
  })

  it('when a side input can never be there: of an unbounded collection in the global window', () =>
    assertProblem(
      () =>
        Pipeline.of(
          pipe(
            read<string>('WORDS'),
            Window.into(perMinute),
            PCollection.mapWith({ all: View.asList(read<string>('RULES')) }, (w, { all }) => [w, all.length]),
            write('OUT'),
          ),
        ),
      /^View\.asList#1 .*unbounded.*global window/,
    ))

  it('when the windows of a side input merge, or only the side has windows', () => {
    const with_ = (main: PCollection<string>, side: PCollection<string>) => () =>
      Pipeline.of(
        pipe(
          main,
          PCollection.mapWith({ all: View.asList(side) }, (w, { all }) => [w, all.length]),
          write('OUT'),
        ),
      )
    const [words, rules] = [read<string>('WORDS'), read<string>('RULES')]
    const sessions = pipe(rules, Window.into(Sessions.withGap(minutes(1))))
    assertProblem(
      with_(pipe(words, Window.into(perMinute)), sessions),
      /^mapWith\.sides#1 .* reads the side input "all", whose windows merge \(Sessions\).*FixedWindows/,
    )
    assertProblem(
      with_(words, pipe(rules, Window.into(perMinute))),
      /^mapWith\.sides#1 .* is in the global window and reads the side input "all", which has windows.*Window\.into/,
    )
    assert.isEmpty(problemsOf(with_(pipe(words, Window.into(perMinute)), pipe(rules, Window.into(FixedWindows.of(minutes(60)))))))
  })

  it('when it waits for what is never done', () => {
    const words = pipe(read<string>('WORDS'), Window.into(perMinute))
    const rules = read<string>('RULES')
    assertProblem(
      () => Pipeline.of(pipe(words, Wait.on(rules), write('OUT'))),
      /^Wait\.on\.sides#1 .* waits for .*RULES.*, which is unbounded and in the global window/,
    )
    assert.isEmpty(problemsOf(() => Pipeline.of(pipe(words, Wait.on(pipe(rules, Window.into(perMinute))), write('OUT')))))
  })

  it('not for what a side input is: an unbounded table beside a bounded collection that is grouped as a whole', () => {
    const changes = pipe(
      read<string>('FLAGS'),
      PCollection.map((w): KV<string, O.Option<number>> => [w, O.none]),
    )
    assert.isEmpty(
      problemsOf(() =>
        Pipeline.of(
          pipe(
            Create.of(['a']),
            PCollection.mapWith({ flags: View.asTable(changes) }, (w, { flags }) => [w, flags.has(w)] as const),
            GroupByKey.of,
            write('OUT'),
          ),
        ),
      ),
    )
  })

  it('when an unbounded collection is grouped in the global window, whose end never comes', () => {
    const grouped = () =>
      Pipeline.of(
        pipe(
          read<string>('WORDS'),
          PCollection.keyBy(w => w),
          GroupByKey.of,
          write('OUT'),
        ),
      )
    assertProblem(grouped, /^GroupByKey#1 \(made at/, /unbounded collection in the global window/, /Window\.into\(FixedWindows/)
    assertProblem(
      () => Pipeline.of(pipe(read<string>('WORDS'), named('Words', Count.perElement), write('OUT'))),
      /^Words\/Count\.perElement#1/,
    )
    const atTheEnd = Window.into(GlobalWindows, {
      trigger: AfterWatermark.pastEndOfWindow({ late: AfterCount.of(1) }),
      accumulation: 'discarding',
    })
    assertProblem(
      () => Pipeline.of(pipe(read<string>('WORDS'), atTheEnd, Count.globally, write('OUT'))),
      /fires when that window ends: never/,
    )
  })

  it('but not when the collection is bounded, has windows, or a trigger that fires earlier', () => {
    const early = Window.into(GlobalWindows, {
      trigger: AfterWatermark.pastEndOfWindow({ early: AfterCount.of(10) }),
      accumulation: 'discarding',
    })
    for (const words of [
      read<string>('WORDS', { isBounded: true }),
      Create.of(['a']),
      pipe(read<string>('WORDS'), Window.into(perMinute)),
      pipe(read<string>('WORDS'), early),
    ]) {
      assert.isEmpty(problemsOf(() => Pipeline.of(pipe(words, Count.perElement, write('OUT')))))
    }
  })

  it('when an output of separate or Partition is read by nobody', () => {
    const { right } = pipe(Create.of([E.right(1), E.left('no')]), PCollection.separate)
    assertProblem(() => Pipeline.of(pipe(right, write('OUT'))), /nobody reads the output 'left' of separate#1/, /PCollection\.ignore/)
    const { small } = pipe(
      Create.of([1, 20]),
      Partition.by(['small', 'large'], n => (n > 10 ? 'large' : 'small')),
    )
    assertProblem(() => Pipeline.of(pipe(small, write('OUT'))), /the output 'large' of Partition\.by#1/)
  })

  it('but not when that output is ignored on purpose', () => {
    const { left, right } = pipe(Create.of([E.right(1), E.left('no')]), PCollection.separate)
    assert.isEmpty(problemsOf(() => Pipeline.of(pipe(right, write('OUT')), pipe(left, PCollection.ignore))))
  })

  it('when collections of unlike windows are flattened', () => {
    const joined = (seconds1: number) =>
      Flatten.of(
        pipe(Create.of([1]), Window.into(perMinute)),
        pipe(
          Create.of([2]),
          PCollection.map(n => n),
          Window.into(FixedWindows.of(seconds(seconds1))),
        ),
      )
    assertProblem(
      () => Pipeline.of(pipe(joined(30), write('OUT'))),
      /^Flatten#1/,
      /windows of 1 min/,
      /windows of 30 s/,
      /same Window\.into/,
    )
    assert.isEmpty(problemsOf(() => Pipeline.of(pipe(joined(60), write('OUT')))))
  })

  it('when a name is used twice in one scope', () => {
    const count = named('Count', Count.perElement)
    const words = Create.of(['a'])
    assertProblem(
      () => Pipeline.of(pipe(words, count, write('A')), pipe(words, count, write('B'))),
      /the name Count is used 2 times, at .*validate.* and at .*validate/,
      /named\(/,
    )
    assertProblem(
      () => Pipeline.of(pipe(Create.of([1], { name: 'In' }), write('A')), pipe(Create.of([2], { name: 'In' }), write('B'))),
      /the name In is used 2 times/,
    )
    const outer = named(
      'Outer',
      flow(
        named(
          'Inner',
          PCollection.map((w: string) => w),
        ),
        named(
          'Inner',
          PCollection.map((w: string) => w),
        ),
      ),
    )
    assertProblem(() => Pipeline.of(pipe(words, outer, write('A'))), /the name Outer\/Inner is used 2 times/)
  })

  it('but not when the scopes around it differ', () => {
    const count = named('Count', Count.perElement)
    const words = Create.of(['a'])
    assert.isEmpty(
      problemsOf(() => Pipeline.of(pipe(words, named('First', count), write('A')), pipe(words, named('Second', count), write('B')))),
    )
  })

  it('when a node has a name that would break its path', () => {
    assertProblem(() => Pipeline.of(pipe(Create.of([1], { name: 'a/b' }), write('A'))), /cannot have the name "a\/b"/)
    assert.throws(() => named('a#1', PCollection.ignore), RangeError, /separates the parts of a path/)
    assert.throws(() => named(' ', PCollection.ignore), RangeError, /it is empty/)
  })

  it('with all of its problems at once', () => {
    const { right } = pipe(read<E.Either<string, string>>('WORDS'), PCollection.separate)
    assert.lengthOf(
      problemsOf(() => Pipeline.of(pipe(right, Count.perElement, write('OUT')))),
      2,
    )
  })
})

describe('a pipeline warns', () => {
  const refined = Window.into(perMinute, {
    trigger: AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1) }),
    accumulation: 'accumulating',
  })
  const largest = Combine.globally(
    CombineFn.top(10, {
      equals: (a: readonly [string, number], b) => a[1] === b[1],
      compare: ([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0),
    }),
  )

  it('when an aggregation counts again what an accumulating one has fired before', () => {
    const { warnings } = Pipeline.of(
      pipe(
        read<string>('WORDS'),
        refined,
        Count.perElement,
        PCollection.filter(([, n]) => n > 1),
        largest,
        write('OUT'),
      ),
    )
    assert.lengthOf(warnings, 1)
    assert.match(
      warnings[0] ?? '',
      /^Combine\.globally#1 \(made at .*validate\.test\.ts:\d+:\d+\) counts again what Count\.perElement#1 .*CombineFn\.groupBy/,
    )
  })

  it('not when panes are discarded, or a window fires once', () => {
    for (const window of [
      Window.into(perMinute),
      Window.into(perMinute, { trigger: AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1) }), accumulation: 'discarding' }),
    ]) {
      assert.isEmpty(Pipeline.of(pipe(read<string>('WORDS'), window, Count.perElement, largest, write('OUT'))).warnings)
    }
  })

  it('not of a side input, whose elements are only looked at', () => {
    const side = pipe(
      read<string>('RULES'),
      Window.into(perMinute, { trigger: AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1) }), accumulation: 'accumulating' }),
      View.asList,
    )
    const { warnings } = Pipeline.of(
      pipe(
        read<string>('WORDS'),
        Window.into(perMinute),
        PCollection.mapWith({ side }, (w, { side }) => [w, side.length] as const),
        Count.perKey,
        write('OUT'),
      ),
    )
    assert.isEmpty(warnings)
  })

  it('not when one combine does both', () => {
    const counted = Combine.globally(
      pipe(
        CombineFn.count,
        CombineFn.groupBy((w: string) => w),
      ),
    )
    assert.isEmpty(Pipeline.of(pipe(read<string>('WORDS'), refined, counted, write('OUT'))).warnings)
  })
})
