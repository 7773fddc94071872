// What a compiled stage's text calls besides users' functions: checks, window assignment, bundles, and the error that names a step.
import { readable } from '../../sdk/model/error-text.ts'
import * as E from 'fp-ts/lib/Either.js'
import { requireTimestamp } from '../../sdk/model/timestamp-error.ts'
import type { UserFunction } from '../../sdk/graph/node.ts'
import type { Failure } from '../../sdk/model/failure.ts'
import { countFailure } from '../../sdk/model/metric-scope.ts'
import { NO_FIRING, type PaneInfo } from '../../sdk/model/pane.ts'
import { Instant } from '../../sdk/model/time.ts'
import { type BoundedWindow, GlobalWindow } from '../../sdk/model/window.ts'
import type { WindowFn } from '../../sdk/model/custom-window-fn.ts'
import type { Stage } from '../plan/stage.ts'
import type { Windows } from './batch.ts'
import type { Bundle } from './bundle.ts'
import type { CodeWriter } from './code-writer.ts'
import { messageOf, showElement, UserCodeError } from './errors.ts'
import type { ExitBuffer } from './exit-buffer.ts'
import { refusalText, shownInput } from './refusal-text.ts'
import type { Room } from './room.ts'
import type { Strictness } from './strictness.ts'
import { windowsOf } from './window-assignment.ts'

export interface StageHooks {
  readonly exits: ReadonlyArray<ExitBuffer>
  readonly room: Room
  readonly progress: { maxTimestamp: number }
  readonly bundle: (step: number) => Bundle
  readonly minTimestamp: number
  readonly maxTimestamp: number
  readonly noPane: PaneInfo
  readonly globalWindow: BoundedWindow
  readonly fail: (error: unknown, step: number, element: unknown, position: number | null) => never
  readonly refusePromise: (result: unknown) => never
  readonly refuseUnkeyed: (element: unknown) => never
  readonly requireTimestamp: (timestamp: unknown) => void
  readonly refuseName: (name: unknown, names: ReadonlyArray<string>) => never
  readonly failLeft: (left: unknown) => never
  readonly checkSkew: (to: number, from: number, allowedSkewMs: number) => void
  readonly refuseNoOption: (result: unknown) => never
  /** Gives the items of an iterable that is no array, some at a time; none at its end. */
  readonly partsOf: (many: unknown) => () => ReadonlyArray<unknown>
  readonly tryCall: (f: (element: unknown) => unknown, element: unknown, path: string) => E.Either<Failure<unknown>, unknown>
  readonly windowsOf: (windowFn: WindowFn<never>) => (element: unknown, timestamp: number) => Windows
  readonly userFunction: (f: UserFunction, path: string) => unknown
  /** The name of what is handed on for `name`: in strict mode what its coder gives back. */
  readonly survive: (out: CodeWriter, name: string) => string
}

export const hooksOf = (
  stage: Stage,
  exits: ReadonlyArray<ExitBuffer>,
  room: Room,
  bundles: ReadonlyMap<number, Bundle>,
  strictness: Strictness | null,
): StageHooks => ({
  exits,
  room,
  progress: { maxTimestamp: Instant.min },
  bundle: step => bundles.get(step) ?? missing(stage, step),
  minTimestamp: Instant.min,
  maxTimestamp: Instant.max,
  noPane: NO_FIRING,
  globalWindow: GlobalWindow,
  fail: (thrown, step, element, position) => {
    const error = readable(thrown)
    throw error instanceof UserCodeError
      ? error
      : UserCodeError.onElement(pathOf(stage, step), element, error, { shown: shownInput(element), position })
  },
  refusePromise: result => {
    // Nobody will look at it: a rejection later must not bring the process down.
    if (result instanceof Promise) result.catch(() => undefined)
    throw new TypeError(
      'the function gave a promise, which would flow on as a value. Use PCollection.mapAsync (or tryMapAsync, mapTaskEither) for asynchronous work',
    )
  },
  refuseUnkeyed: element => {
    throw new TypeError(
      `the transform takes pairs of key and value, and got ${showElement(element)}. Put PCollection.keyBy before it, or make pairs with KV.of`,
    )
  },
  requireTimestamp: timestamp => requireTimestamp('the timestamp', timestamp),
  refuseName: (name, names) => {
    throw new RangeError(
      `the element belongs to ${showElement(name)}, and the partition has only ${names.join(', ')}. Add the name to the list`,
    )
  },
  failLeft: left => {
    throw left instanceof Error
      ? left
      : new Error(
          `a Left reached PCollection.orFail: ${refusalText(left) ?? showElement(left)}. Use separate or deadLetter to go on with the others`,
          { cause: left },
        )
  },
  checkSkew: (to, from, allowedSkewMs) => {
    requireTimestamp('the timestamp', to)
    if (to < from - allowedSkewMs) {
      throw new RangeError(
        `the new timestamp ${to} lies ${from - to} ms before the element's own, and allowedSkew permits ${allowedSkewMs} ms: the watermark may have passed it. Raise allowedSkew, or stamp elements at the source`,
      )
    }
  },
  partsOf: many => {
    if (typeof many === 'object' && many !== null && Symbol.iterator in many) return partsIn(many as Iterable<unknown>)
    if (typeof many === 'string') return partsIn(many)
    throw new TypeError(`the function must give an array or another iterable, and gave ${showElement(many)}`)
  },
  refuseNoOption: result => {
    throw new TypeError(
      `the function must give an Option, and gave ${showElement(result)}. Give O.some(value), or O.none to drop the element`,
    )
  },
  tryCall: (f, element, path) => {
    const result = E.tryCatch(
      () => f(element),
      (error): Failure<unknown> => {
        countFailure(error)
        return {
          _tag: 'Failure',
          element,
          transform: path,
          message: messageOf(error),
          stack: error instanceof Error ? (error.stack ?? '') : '',
          attempts: 1,
        }
      },
    )
    if (E.isRight(result) && result.right instanceof Promise) {
      result.right.catch(() => undefined)
      throw new TypeError('the function gave a promise: use PCollection.tryMapAsync')
    }
    return result
  },
  windowsOf,
  userFunction: (f, path) => (strictness === null ? f : strictness.guard(f, path)),
  survive: (out, name) => {
    if (strictness === null) return name
    const survivor = out.fresh('s')
    out.line(`const ${survivor} = ${out.constant(strictness.survive)}(${name})`)
    return survivor
  },
})

/** What a generator gives may be more than memory holds. */
const largestPart = 256

const partsIn = (many: Iterable<unknown>): (() => ReadonlyArray<unknown>) => {
  const iterator: Iterator<unknown, unknown> = many[Symbol.iterator]()
  let isOver = false
  return () => {
    const part: unknown[] = []
    while (!isOver && part.length < largestPart) {
      const { done, value } = iterator.next()
      if (done === true) isOver = true
      else part.push(value)
    }
    return part
  }
}

/** The transform whose function a step calls. */
export const pathOf = (stage: Stage, step: number): string => {
  if (step === -1) return stage.id
  if (step >= 0) return stage.steps[step]?.path ?? stage.id
  const exit = stage.exits[-2 - step]
  switch (exit?._tag) {
    case 'Sink':
      return exit.sinkId
    case 'Assert':
      return exit.assertId
    case 'Shuffle':
    case 'Forward':
    case 'Side':
      return exit.to
    case undefined:
      return stage.id
  }
}

const missing = (stage: Stage, step: number): never => {
  throw new Error(`harness: stage ${stage.id} has no bundle for step ${step}`)
}
