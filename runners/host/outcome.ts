// What an asynchronous call's outcome means for its element.
import * as E from 'fp-ts/lib/Either.js'
import type { Failure } from '../../sdk/model/failure.ts'
import type { CallOutcome } from '../engine/messages.ts'
import { messageOf, UserCodeError } from '../harness/errors.ts'
import type { Stage } from '../plan/stage.ts'

/** Throws a UserCodeError where a rejection ends the run. */
export const outcomeIn =
  (stage: Stage) =>
  (element: unknown, outcome: CallOutcome): unknown => {
    const { head } = stage
    if (head._tag !== 'Async') throw new Error(`${stage.id} makes no calls`)
    if (outcome._tag === 'Resolved') return head.call.onRejected === 'failure' ? E.right(outcome.value) : outcome.value
    if (head.call.onRejected !== 'failure') throw UserCodeError.onElement(stage.id, element, outcome.error)
    const { error, attempts } = outcome
    const failure: Failure<unknown> = {
      _tag: 'Failure',
      element,
      transform: stage.id,
      message: messageOf(error),
      stack: error instanceof Error ? (error.stack ?? '') : '',
      attempts,
    }
    return E.left(failure)
  }
