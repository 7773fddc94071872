// What DoFns ask to be called once their outputs are durable: when it is called, and when never.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import { alwaysHeld } from '../../../runners/host/thread-lease.ts'
import { systemClock } from '../../../runners/host/clock.ts'
import { type DirectOptions, DirectRunner } from '../../../runners/direct/index.ts'
import { Finalizers } from '../../../runners/host/finalizers.ts'
import {
  afterCommit,
  Checkpoints,
  Coder,
  Create,
  DoFn,
  emit,
  Instant,
  type Job,
  type KeyedElement,
  millis,
  named,
  orThrow,
  ParDo,
  PCollection,
  pipe,
  Pipeline,
  State,
  Timer,
} from '../../../sdk/index.ts'
import { StatefulTest } from '../../../sdk/testing/index.ts'
import { Feed, Journal, until } from './feed.ts'

const numbersTo = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)

describe('afterCommit', () => {
  let folder = ''
  const kept = (): DirectOptions => ({ checkpoints: Checkpoints.directory(folder, { every: millis(5) }), job: 'job', log: () => undefined })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-finalization-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  /** Hands on what it gets, and after the commit of each bundle notes its elements. */
  const noting = (note: (bundle: ReadonlyArray<unknown>) => void) =>
    ParDo.bundled({
      startBundle: (): unknown[] => [],
      process: ({ value }, { bundle }) => {
        bundle.push(value)
        return [emit(value)]
      },
      finishBundle: ({ bundle }) => [afterCommit(async () => note(bundle))],
    })

  it('is called for each bundle once its outputs are published, with a store and without', async () => {
    for (const o of [{}, kept()]) {
      const [journal, seen] = [new Journal(), [] as unknown[]]
      const note = noting(bundle => {
        assert.includeMembers([...journal.values()], [...bundle])
        seen.push(...bundle)
      })
      const logged: string[] = []
      const pipeline = Pipeline.of(pipe(Create.of(numbersTo(20)), note, journal.write()))
      const log = (level: string, message: string): void => {
        if (level !== 'info') logged.push(message)
      }
      await orThrow(DirectRunner.run({ ...o, bundling: 'random', seed: 3, log })(pipeline))
      assert.deepEqual(logged, [])
      assert.sameOrderedMembers(seen, [...numbersTo(20)])
    }
  })

  it('is called once a checkpoint that was taken behind its bundle is complete', async () => {
    const feed = new Feed()
    const completed: number[] = []
    const asking: { job: Job | null } = { job: null }
    const taken = (): number => asking.job?.metrics().checkpoints.completed ?? 0
    const ask = ParDo.bundled({
      process: () => {
        const before = taken()
        return [afterCommit(async () => void completed.push(taken() - before))]
      },
    })
    asking.job = await orThrow(DirectRunner.start(kept())(Pipeline.of(pipe(feed.read(), ask, PCollection.ignore))))
    await until(() => taken() > 0)
    feed.push({ key: 'a', n: 1, at: 1 })
    await until(() => completed.length > 0)
    await orThrow(asking.job.cancel)
    assert.isAbove(completed[0] ?? 0, 0)
  })

  it('is an effect of a stateful DoFn too, of its elements, timers and expiring windows', async () => {
    const [journal, seen] = [new Journal(), [] as string[]]
    const note = (what: string) => afterCommit(async () => void seen.push(what))
    const totals = ParDo.stateful({
      state: { total: State.value(Coder.varint, 0) },
      timers: { idle: Timer.eventTime },
      process: ({ key, value }: KeyedElement<string, number>, { total, idle }) => [
        total.write(total.read + value),
        idle.set(Instant.ofMillis(10)),
        note(`${key} ${value}`),
      ],
      onTimer: { idle: ({ key }, { total }) => [emit(`${key} ${total.read}`), note(`${key} idle`)] },
      onWindowExpiration: ({ key }) => [note(`${key} over`)],
    })
    const pairs = Create.of([
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const)
    await orThrow(DirectRunner.run(kept())(Pipeline.of(pipe(pairs, totals, journal.write()))))
    assert.sameMembers(seen, ['a 1', 'b 2', 'a 3', 'a idle', 'b idle', 'a over', 'b over'])
    assert.sameMembers([...journal.values()], ['a 4', 'b 2'])
  })

  it('is never called where the run fails before its outputs are published', async () => {
    const journal = new Journal()
    journal.onCommit = () => Promise.reject(new Error('the destination is away'))
    let called = 0
    const pipeline = Pipeline.of(
      pipe(
        Create.of([1, 2, 3]),
        noting(() => called++),
        journal.write(),
      ),
    )
    assert.isTrue(E.isLeft(await DirectRunner.run()(pipeline)()))
    const throwing = pipe(
      Create.of([1, 2, 3]),
      noting(() => called++),
      PCollection.map(() => {
        throw new Error('not this one')
      }),
      PCollection.ignore,
    )
    assert.isTrue(E.isLeft(await DirectRunner.run(kept())(Pipeline.of(throwing))()))
    assert.strictEqual(called, 0)
  })

  it('is logged with the path of the transform where it rejects, and the run goes on', async () => {
    const logged: string[] = []
    const ask = ParDo.bundled({ process: () => [afterCommit(() => Promise.reject(new Error('nobody takes it')))] })
    const pipeline = Pipeline.of(pipe(Create.of([1]), named('Acknowledge', ask), PCollection.ignore))
    const { state } = await orThrow(DirectRunner.run({ log: (_, message) => void logged.push(message) })(pipeline))
    assert.strictEqual(state, 'done')
    assert.deepEqual(logged, ['Acknowledge/ParDo#1: a function given to afterCommit failed: nobody takes it'])
  })

  it('goes into the next checkpoint where one comes to nothing', async () => {
    const called: string[] = []
    const finalizers = new Finalizers(() => undefined, systemClock, alwaysHeld)
    const add = (what: string): void => finalizers.add('task@0', [{ transform: 'Path', call: async () => void called.push(what) }])
    add('first')
    const taken = finalizers.take('task@0')
    add('second')
    finalizers.giveBack(taken)
    await finalizers.settle()
    assert.deepEqual(called, [])
    finalizers.run(finalizers.take('task@0'))
    await finalizers.settle()
    assert.sameMembers(called, ['first', 'second'])
  })

  it('is data that a test compares without a runner', () => {
    const acknowledge = (): Promise<void> => Promise.resolve()
    const fn = DoFn.stateful({ state: {}, process: (_: KeyedElement<string, number>) => [afterCommit(acknowledge)] })
    const effects = fn.process(StatefulTest.element({ key: 'a', value: 1, timestamp: Instant.ofMillis(0) }), StatefulTest.cells(fn))
    assert.deepEqual(StatefulTest.effects(effects), [afterCommit(acknowledge)])
  })
})
