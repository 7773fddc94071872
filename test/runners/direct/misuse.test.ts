// What is wrongly put together is named, with the path of its transform and the way out.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import { type DirectOptions, DirectRunner } from '../../../runners/direct/index.ts'
import { PAssert, empty } from '../../../runners/direct/testing.ts'
import {
  Checkpoints,
  Coder,
  Create,
  type Duration,
  GroupByKey,
  InvalidPipelineError,
  type KV,
  type KeyedElement,
  ParDo,
  PCollection,
  Pipeline,
  type PipelineError,
  SideInputError,
  State,
  View,
  emit,
  flow,
  millis,
  named,
  orThrow,
  pipe,
} from '../../../sdk/index.ts'
import { read } from '../../sdk/graph/endpoints.ts'
import { Feed } from './feed.ts'

/** The one problem that a pipeline is refused for. */
const problemOf = (build: () => unknown): string => {
  try {
    build()
  } catch (error) {
    assert.instanceOf(error, InvalidPipelineError)
    assert.strictEqual(error.name, 'InvalidPipelineError')
    assert.lengthOf(error.problems, 1)
    return error.problems.join()
  }
  return assert.fail('the pipeline was not refused')
}
const failureOf = async (pc: PCollection<unknown>): Promise<PipelineError> => {
  const result = await pipe(Pipeline.of(pipe(pc, PCollection.ignore)), DirectRunner.run())()
  return E.isLeft(result) ? result.left : assert.fail('the run did not fail')
}
/** What the transform's function threw. */
const causeOf = (error: PipelineError): unknown => {
  assert.strictEqual(error._tag, 'UserCodeFailed')
  return 'cause' in error ? error.cause : null
}

describe('a misuse is named, with the path of its transform', () => {
  it('what is no pipeline, a definition that nobody called before all', async () => {
    const copy = Pipeline.define(import.meta, 'copy', () => pipe(Create.of([1]), PCollection.ignore))
    const strangers: ReadonlyArray<readonly [unknown, RegExp]> = [
      [copy, /it is a definition: call it/],
      [undefined, /handed what is undefined/],
      [Create.of([1]), /handed another object/],
    ]
    for (const [stranger, said] of strangers)
      for (const verb of [DirectRunner.run(), DirectRunner.start(), DirectRunner.explain()]) {
        const result = await verb(stranger as Pipeline)()
        assert.match(E.isLeft(result) ? result.left.message : 'it ran', said)
      }
  })

  it('the worker-thread runner’s number of workers means nothing here, so that runners can be swapped', async () => {
    const options = { workers: 3, seed: 1 }
    const pipeline = Pipeline.of(pipe(Create.of([1]), PCollection.ignore))
    await orThrow(DirectRunner.run(options)(pipeline))
    assert.include(await orThrow(DirectRunner.explain(options)(pipeline)), 'no checkpoints')
  })

  it('options of a run that are none, or hold what they cannot, all at once', async () => {
    const odd: object = {
      checkpoints: './state',
      every: '1s',
      restart: 3,
      signal: 'SIGINT',
      onEvent: 'log',
      bundling: 'some',
      tasks: 0,
      threads: Infinity,
      log: console.info.name,
      until: undefined,
    }
    for (const options of [odd as DirectOptions, 5 as DirectOptions]) {
      const pipeline = Pipeline.of(pipe(Create.of([1]), PCollection.ignore))
      for (const verb of [DirectRunner.run(options), DirectRunner.explain(options)]) {
        const result = await verb(pipeline)()
        const problems = E.isLeft(result) && result.left._tag === 'InvalidPipeline' ? result.left.problems : assert.fail('it ran')
        assert.deepEqual(
          problems.map(problem => problem.split(', and')[0]?.split('. There are')[0]),
          options === odd
            ? [
                'checkpoints is where they are kept: Checkpoints.directory(path) or Checkpoints.jetstream()',
                'there is no option every of a run here',
                'restart is { attempts: 3, initial: seconds(1), max: minutes(1) }: how often',
                'signal is an AbortSignal',
                'onEvent is a function',
                "bundling is 'element', 'all', 'key' or 'random'",
                'tasks is a number of tasks from 1 to 1,024',
                'threads is a number of threads from 1 to 1,024',
                'log is a function, or a logger with info, warn and error',
              ]
            : ['its options are an object'],
        )
      }
    }
    // What the types refuse already.
    const text = (value: unknown) => value as Duration
    assert.throws(() => Checkpoints.directory('./state', { every: text('1s') }), /every is a time between checkpoints, and "1s" is none/)
    assert.throws(() => Checkpoints.jetstream({ timeout: text('1m') }), /timeout is the longest .* and "1m" is no time/)
  })

  it('state for elements without keys, which only a program without types can ask for', async () => {
    // What the type says is not so: this is what JavaScript lets through.
    const unkeyed = Create.of(['a']) as PCollection<unknown> as PCollection<KV<string, string>>
    const counting = ParDo.stateful({
      state: { n: State.value(Coder.varint, 0) },
      process: ({ value }: { readonly value: string }) => [emit(value)],
    })
    const error = await failureOf(pipe(unkeyed, named('Counted', counting)))
    const cause = causeOf(error)
    assert.instanceOf(cause, TypeError)
    assert.match(
      error.message,
      /^Counted\/ParDo#1: the transform takes pairs of key and value, and got "a"\. Put PCollection\.keyBy before it/,
    )
  })

  it('keys whose coder is not deterministic', () => {
    const keyed = PCollection.keyBy((a: string) => a, { coder: Coder.json((a): a is string => typeof a === 'string') })
    assert.match(
      problemOf(() => Pipeline.of(pipe(Create.of(['a']), keyed, named('Grouped', GroupByKey.of), PCollection.ignore))),
      /^Grouped\/GroupByKey#1 \(made at .*misuse\.test\.ts:\d+:\d+\) groups by keys of the coder .*, which is not deterministic/,
    )
  })

  it('a grouping of an unbounded collection in the global window, without a trigger', () => {
    const grouped = named(
      'Grouped',
      flow(
        PCollection.keyBy((a: string) => a),
        GroupByKey.of,
      ),
    )
    assert.match(
      problemOf(() => Pipeline.of(pipe(read<string>('WORDS'), grouped, PCollection.ignore))),
      /^Grouped\/GroupByKey#1 \(made at .*misuse\.test\.ts:\d+:\d+\) groups an unbounded collection in the global window/,
    )
  })

  it('an assertion that nobody goes on from', () => {
    const numbers = Create.of([1, 2])
    pipe(numbers, named('Checked', PAssert.that(empty)))
    assert.match(
      problemOf(() => Pipeline.of(pipe(numbers, PCollection.ignore))),
      /^Checked\/PAssert\.that \(made at .*misuse\.test\.ts:\d+:\d+\) would never be checked/,
    )
  })

  it('a side input that is read before there is an element', async () => {
    const spec = {
      sides: { limits: View.asList(Create.of([1])) },
      process: () => [],
      // Its type hides the sides here; at run time whoever has no types finds them.
      finishBundle: (context: object) => [emit((context as { readonly sides: unknown }).sides)],
    }
    const error = await failureOf(pipe(Create.of([1]), named('Limited', ParDo.bundled(spec))))
    const cause = causeOf(error)
    assert.instanceOf(cause, SideInputError)
    assert.deepInclude(cause, { name: 'SideInputError', kind: 'notReady' })
    assert.match(error.message, /^Limited\/ParDo#1: side inputs are read in `process` alone/)
  })

  it('a side input whose window is over, and that never had a value', async () => {
    const limit = View.asSingleton(Create.of<number>([]))
    const limited = PCollection.mapWith({ limit }, (n: number, { limit }) => n + limit)
    const error = await failureOf(pipe(Create.of([1]), named('Limited', limited)))
    const cause = causeOf(error)
    assert.instanceOf(cause, SideInputError)
    assert.deepInclude(cause, { name: 'SideInputError', kind: 'empty', side: 'limit' })
    assert.match(error.message, /^Limited\/mapWith#1: the side input "limit" has no element in the global window/)
  })

  it('what the coder of a state refuses: strictly by the element, else at the checkpoint by the state and the key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-misuse-'))
    try {
      const totals = ParDo.stateful({
        state: { total: State.value(Coder.varint, 0) },
        process: ({ value }: KeyedElement<string, number>, { total }) => [total.write(total.read + value)],
        onWindowExpiration: () => [],
      })
      // Its window is open when the checkpoint is taken.
      const halves = (feed: Feed) =>
        pipe(
          feed.read(),
          PCollection.keyBy(({ key }) => key),
          PCollection.mapValues(({ n }) => n / 2),
          named('Totals', totals),
          PCollection.ignore,
        )
      const message = async (o: DirectOptions): Promise<string> => {
        const feed = new Feed().push({ key: 'k', n: 1, at: 1 })
        const job = await orThrow(DirectRunner.start(o)(Pipeline.of(halves(feed))))
        const result = await job.done()
        return E.isLeft(result) ? result.left.message : assert.fail('the run did not fail')
      }
      assert.match(
        await message({ strict: true }),
        /^Totals\/ParDo#1: what was put into the state total: cannot encode \$: the number 0\.5, where a whole number .*\n {2}while it processed \["k", 0\.5\]/,
      )
      assert.match(
        await message({ checkpoints: Checkpoints.directory(folder, { every: millis(5) }), job: 'misuse' }),
        /^Totals\/ParDo#1: the state total of the key "k": cannot encode \$: the number 0\.5, where a whole number .*\n {2}while it wrote what it keeps into a checkpoint/,
      )
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
