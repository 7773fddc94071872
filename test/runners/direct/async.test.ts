// Asynchronous calls on the direct runner: how many at once, in which order, how long, how often.
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { type DirectOptions, DirectRunner } from '../../../runners/direct/index.ts'
import type { PCollection as Collection } from '../../../sdk/graph/pcollection.ts'
import { Create, millis, named, PCollection, pipe, Pipeline, type PipelineError, type PipelineResult } from '../../../sdk/index.ts'
import { Journal } from './feed.ts'

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

const run = async (
  pc: Collection<unknown>,
  o: DirectOptions = {},
): Promise<{ readonly result: E.Either<PipelineError, PipelineResult>; readonly values: ReadonlyArray<unknown> }> => {
  const journal = new Journal()
  const result = await DirectRunner.run(o)(Pipeline.of(pipe(pc, journal.write())))()
  return { result, values: journal.values() }
}
const valuesOf = async (pc: Collection<unknown>, o?: DirectOptions): Promise<ReadonlyArray<unknown>> => {
  const { result, values } = await run(pc, o)
  if (E.isLeft(result)) throw new Error(result.left.message)
  return values
}
const errorOf = async (pc: Collection<unknown>): Promise<PipelineError> => {
  const { result } = await run(pc)
  if (E.isRight(result)) throw new Error(`it ended as ${result.right.state}`)
  return result.left
}

describe('asynchronous calls', () => {
  const numbers = Create.of([5, 1, 4, 2, 3])

  it('are as many at once as was said, and no more', async () => {
    let [now, most] = [0, 0]
    const slow = async (n: number): Promise<number> => {
      most = Math.max(most, ++now)
      await pause(5)
      now--
      return n
    }
    assert.sameMembers(
      [...(await valuesOf(pipe(Create.of(Array.from({ length: 20 }, (_, i) => i)), PCollection.mapAsync(slow, { concurrency: 4 }))))],
      Array.from({ length: 20 }, (_, i) => i),
    )
    assert.strictEqual(most, 4)
  })

  it('keep the order unless it was given up', async () => {
    /** Answers when all are asked, and whoever asked waits: the smallest first. */
    const smallestFirst = (): ((n: number) => Promise<number>) => {
      const answers = new Map<number, () => void>()
      return n =>
        new Promise(resolve => {
          answers.set(n, () => resolve(n))
          if (answers.size === 5) setImmediate(() => [1, 2, 3, 4, 5].forEach(one => answers.get(one)?.()))
        })
    }
    assert.deepEqual(await valuesOf(pipe(numbers, PCollection.mapAsync(smallestFirst()))), [5, 1, 4, 2, 3])
    assert.deepEqual(await valuesOf(pipe(numbers, PCollection.mapAsync(smallestFirst(), { ordered: false }))), [1, 2, 3, 4, 5])
  })

  it('end the run where one rejects, with the transform and the element', async () => {
    const error = await errorOf(
      pipe(
        numbers,
        named(
          'Ask',
          PCollection.mapAsync(async (n: number) => {
            if (n === 4) throw new Error('no four')
            return n
          }),
        ),
      ),
    )
    assert.strictEqual(error._tag, 'UserCodeFailed')
    assert.match(error.message, /^Ask.*: no four\n.*4$/)
  })

  it('have a deadline, which their signal tells', async () => {
    let reason: unknown = null
    const never = (_: number, { signal }: { readonly signal: AbortSignal }): Promise<number> =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          reason = signal.reason
          reject(signal.reason as Error)
        }),
      )
    assert.match(
      (await errorOf(pipe(Create.of([1]), PCollection.mapAsync(never, { timeout: millis(20) })))).message,
      /no answer within 20 ms/,
    )
    assert.instanceOf(reason, Error)
    assert.match(
      (
        await errorOf(
          pipe(
            Create.of([1]),
            PCollection.mapAsync(() => new Promise<number>(() => undefined), { timeout: millis(20) }),
          ),
        )
      ).message,
      /no answer within 20 ms/,
    )
  })

  it('are tried again as often as was said', async () => {
    const attempts: number[] = []
    const flaky = async (n: number, { attempt }: { readonly attempt: number }): Promise<number> => {
      attempts.push(attempt)
      if (attempt < 3) throw new Error('not yet')
      return n
    }
    assert.deepEqual(await valuesOf(pipe(Create.of([7]), PCollection.mapAsync(flaky, { retry: { attempts: 3, initial: millis(1) } }))), [7])
    assert.deepEqual(attempts, [1, 2, 3])
    assert.match(
      (await errorOf(pipe(Create.of([7]), PCollection.mapAsync(flaky, { retry: { attempts: 2, initial: millis(1) } })))).message,
      /not yet/,
    )
  })

  it('become a Left under tryMapAsync, with the element and the number of attempts', async () => {
    const odd = async (n: number): Promise<number> => {
      if (n % 2 === 1) throw new Error('odd')
      return n
    }
    const shown = await valuesOf(
      pipe(
        Create.of([1, 2]),
        named('Odd', PCollection.tryMapAsync(odd, { retry: { attempts: 2, initial: millis(1) } })),
        PCollection.map(
          E.match(
            f => [f.element, f.message, f.attempts, f.transform.startsWith('Odd')],
            n => n as unknown,
          ),
        ),
      ),
    )
    assert.deepEqual(shown, [[1, 'odd', 2, true], 2])
  })

  it('flow on as typed failures under mapTaskEither, tried again only while it is worth it', async () => {
    const calls: number[] = []
    const ask =
      (n: number): TE.TaskEither<'busy' | 'gone', number> =>
      () => (calls.push(n), Promise.resolve(n === 1 ? E.left('gone' as const) : n === 2 ? E.left('busy' as const) : E.right(n)))
    const shown = await valuesOf(
      pipe(
        Create.of([1, 2, 3]),
        PCollection.mapTaskEither(ask, { concurrency: 1, retry: { attempts: 3, initial: millis(1), while: error => error === 'busy' } }),
        PCollection.map(
          E.match(
            e => e as string | number,
            n => n,
          ),
        ),
      ),
    )
    assert.deepEqual(shown, ['gone', 'busy', 3])
    assert.deepEqual(calls, [1, 2, 2, 2, 3])
  })

  it('give the same in strict mode and with several tasks', async () => {
    const pc = (): Collection<unknown> =>
      pipe(
        Create.of([3, 1, 2]),
        PCollection.mapAsync(async n => (await pause(n), n * 2)),
      )
    for (const o of [{ strict: true }, { tasks: 3 }, { tasks: 2, strict: true }])
      assert.sameMembers([...(await valuesOf(pc(), o))], [6, 2, 4])
  })
})
