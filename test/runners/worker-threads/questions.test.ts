// Questions to worker threads: an answer belongs to the question whose number it carries, and each question ends.
import { assert } from 'chai'
import { Questions } from '../../../runners/worker-threads/questions.ts'

interface Timer {
  readonly ms: number
  readonly callback: () => void
}

const setUp = () => {
  const timers = new Set<Timer>()
  const after = (ms: number, callback: () => void): (() => void) => {
    const timer = { ms, callback }
    timers.add(timer)
    return () => void timers.delete(timer)
  }
  const questions = new Questions({ after })
  const sent: number[] = []
  const ask = (worker: number, signal?: AbortSignal) =>
    questions.ask({ worker, tag: 'Positions', limitMs: 5_000, signal, send: question => sent.push(question) })
  const positions = (question: number, epoch: number) => ({ _tag: 'Positions', question, epoch, positions: { sink: epoch } }) as const
  return { questions, timers, sent, ask, positions }
}
const rejected = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => assert.fail('it was answered'),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )

describe('a question to a worker', () => {
  it('is not answered by the late answer to an earlier one', async () => {
    const { questions, sent, ask, positions } = setUp()
    const givenUp = new AbortController()
    const first = ask(0, givenUp.signal)
    givenUp.abort(new Error('the checkpoint was given up'))
    assert.strictEqual(await rejected(first), 'the checkpoint was given up')
    const second = ask(0)
    const [one = 0, two = 0] = sent
    questions.take(0, positions(one, 1))
    questions.take(0, positions(two, 2))
    assert.strictEqual((await second).epoch, 2)
    assert.strictEqual(questions.stale, 1)
  })

  it('ends with the run, and so does its timer, which would keep the process alive', async () => {
    const { questions, timers, ask } = setUp()
    const asked = [ask(0), ask(1)]
    assert.strictEqual(timers.size, 2)
    questions.close()
    assert.deepEqual(await Promise.all(asked.map(rejected)), ['the run has ended', 'the run has ended'])
    assert.strictEqual(timers.size, 0)
    assert.strictEqual(questions.open, 0)
  })

  it('keeps its own answer where the same worker is asked twice', async () => {
    const { questions, sent, ask, positions } = setUp()
    const asked = [ask(0), ask(0)]
    for (const question of [...sent].reverse()) questions.take(0, positions(question, question))
    assert.deepEqual(
      (await Promise.all(asked)).map(({ question }) => question),
      sent,
    )
    assert.strictEqual(questions.open, 0)
  })

  it('is not answered by another worker, by another kind of answer, or twice', async () => {
    const { questions, sent, ask, positions } = setUp()
    const asked = ask(1)
    const [question = 0] = sent
    questions.take(0, positions(question, 1))
    questions.take(1, { _tag: 'Undone', question, epoch: 1 })
    questions.take(1, positions(question, 1))
    questions.take(1, positions(question, 1))
    assert.strictEqual((await asked).epoch, 1)
    assert.strictEqual(questions.stale, 3)
  })

  it('ends at its deadline with the name of the worker, and leaves no timer', async () => {
    const { questions, timers, ask } = setUp()
    const asked = ask(2)
    for (const { callback } of [...timers]) callback()
    assert.match(await rejected(asked), /worker 2 did not answer with Positions within 5 s/)
    assert.strictEqual(timers.size + questions.open, 0)
  })

  it('ends when its worker dies, and so does one that is asked afterwards', async () => {
    const { questions, timers, sent, ask, positions } = setUp()
    const [dies, lives] = [ask(0), ask(1)]
    questions.onDeath(0, new Error('worker 0 died'))
    assert.strictEqual(await rejected(dies), 'worker 0 died')
    assert.strictEqual(await rejected(ask(0)), 'worker 0 died')
    assert.lengthOf(sent, 2, 'a dead worker is asked nothing')
    questions.take(1, positions(sent[1] ?? 0, 1))
    assert.strictEqual((await lives).epoch, 1)
    assert.strictEqual(timers.size + questions.open, 0)
  })
})
