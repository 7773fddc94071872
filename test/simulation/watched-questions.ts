// Watches the questions to workers: each that a run asked has ended when the run has. One whose promise nothing settles keeps its checkpoint's
// snapshots, which no output shows.
import { type AnswerTag, type Question, Questions } from '../../runners/worker-threads/questions.ts'

const pending = new WeakMap<Questions, Map<Promise<unknown>, AnswerTag>>()
let left: string[] = []

/** What was left since the last call. */
export const takeLeftQuestions = (): ReadonlyArray<string> => {
  const taken = left
  left = []
  return taken
}

/** From here on, for the whole process. */
export const watchQuestions = (): void => {
  const ask = Reflect.get(Questions.prototype, 'ask') as (this: Questions, question: Question<AnswerTag>) => Promise<never>
  const close = Reflect.get(Questions.prototype, 'close') as (this: Questions) => void
  Questions.prototype.ask = function (this: Questions, question): Promise<never> {
    const mine = pending.get(this) ?? new Map<Promise<unknown>, AnswerTag>()
    pending.set(this, mine)
    const answer = ask.call(this, question)
    mine.set(answer, question.tag)
    const settle = (): void => void mine.delete(answer)
    answer.then(settle, settle)
    return answer
  }
  Questions.prototype.close = function (this: Questions): void {
    close.call(this)
    // Those that it ends are settled by then.
    void Promise.resolve()
      .then(() => undefined)
      .then(() => {
        for (const tag of pending.get(this)?.values() ?? []) left.push(`the run has ended, and its question for ${tag} has not`)
      })
  }
}
