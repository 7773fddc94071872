// Runs the generators of splittable DoFns: asks each for its next batch when there is room, and hands what it gives to its task.
import * as E from 'fp-ts/lib/Either.js'
import { Instant } from '../../sdk/model/time.ts'
import type { ErasedSplittable } from '../../sdk/splittable/erased.ts'
import type { RestrictionCommand, RestrictionEvent } from '../engine/splittable/messages.ts'
import type { Task } from '../engine/task.ts'
import { showElement, UserCodeError } from '../harness/errors.ts'
import type { Finalizer } from '../harness/stage-instance.ts'
import { withinScope } from './call-scope.ts'
import type { Clock } from './clock.ts'
import type { Finalizers } from './finalizers.ts'
import type { Random } from './random.ts'
import { inTime } from './time-limit.ts'

/** How long the end of a run waits for generators to put away what they use. */
const closingMs = 1_000
/** In strict mode: how often an active restriction is split, each time that the host looks. */
const splitShare = 0.1
/** Each task's restrictions are not split into more than this by chance. */
const mostByChance = 64

type Start = Extract<RestrictionCommand, { readonly _tag: 'Start' }>

interface Running {
  readonly task: Task
  readonly id: number
  readonly element: unknown
  readonly generator: AsyncGenerator<unknown, unknown, void>
  readonly controller: AbortController
  readonly finalizers: Finalizer[]
  /** Asked for its next batch. */
  asked: boolean
  /** Nobody waits for it. */
  stopped: boolean
}

/** What the runner needs of its host. */
export interface RestrictionHost {
  readonly now: () => number
  readonly clock: Pick<Clock, 'after'>
  /** Work that waits; what it gives back is done in the host's own time. */
  readonly later: (work: () => Promise<() => void>) => void
  readonly onRead: (elements: number) => void
  readonly finalizers: Finalizers
  /** Restrictions are passed through their coder, and split at random. */
  readonly strict: boolean
  readonly random: Random
}

export class RestrictionRunner {
  readonly #host: RestrictionHost
  readonly #running = new Map<Task, Map<number, Running>>()
  readonly #closing = new Set<Promise<unknown>>()
  #stopped = false

  constructor(host: RestrictionHost) {
    this.#host = host
  }

  readonly carryOut = (task: Task, command: RestrictionCommand): void => {
    if (this.#stopped) return
    switch (command._tag) {
      case 'Ask':
        return this.#ask(task, command.id, command.element)
      case 'Start':
        return this.#start(task, command)
      case 'Stop': {
        const running = this.#of(task).get(command.id)
        if (running !== undefined) this.#stop(running)
        return
      }
    }
  }

  #of(task: Task): Map<number, Running> {
    const known = this.#running.get(task)
    if (known !== undefined) return known
    const made = new Map<number, Running>()
    this.#running.set(task, made)
    return made
  }

  #ask(task: Task, id: number, element: unknown): void {
    const fn = fnOf(task)
    const { random, strict } = this.#host
    this.#host.later(async () => {
      const restriction = await attributed(task, element, async () =>
        this.#survived(fn, await withinScope(task.instance.headScope, () => fn.initial(element))),
      )
      const desired = strict ? 1 + Math.floor(random() * 4) : 1
      return () => this.#tell(task, { _tag: 'Asked', id, restriction, desired })
    })
  }

  /** In strict mode: what another worker would get of it. */
  #survived({ restriction: { coder } }: ErasedSplittable, restriction: unknown): unknown {
    if (!this.#host.strict) return restriction
    const decoded = coder.decode(coder.encode(restriction))
    if (E.isLeft(decoded))
      throw new TypeError(`the restriction ${showElement(restriction)} does not survive its coder: ${decoded.left.reason}`)
    return decoded.right
  }

  #start(task: Task, { id, element, tracker, cell }: Start): void {
    const fn = fnOf(task)
    const controller = new AbortController()
    const finalizers: Finalizer[] = []
    const context = {
      watermark: fn.watermark.make(cell, () => Instant.ofMillis(this.#host.now())),
      signal: controller.signal,
      afterCommit: (call: () => Promise<void>) => void finalizers.push({ transform: task.stage.id, call }),
    }
    const generator = attributedNow(task, element, () => generatorOf(fn.process(element, tracker, context)))
    this.#of(task).set(id, { task, id, element, generator, controller, finalizers, asked: false, stopped: false })
  }

  /** Asks each generator that waits for its next batch, where there is room behind its task. */
  pull(mustWait: (task: Task) => boolean): void {
    if (this.#stopped) return
    for (const [task, all] of this.#running) {
      if (all.size === 0) continue
      for (const running of all.values()) {
        if (running.asked) continue
        if (mustWait(task)) break
        this.#next(running)
      }
      if (this.#host.strict) this.#splitByChance(task, all)
    }
  }

  #next(running: Running): void {
    running.asked = true
    this.#host.later(async () => {
      const result = await this.#resultOf(running)
      return () => {
        if (!running.stopped && result !== null) this.#onResult(running, result)
      }
    })
  }

  /** null: nobody wants to know any more. */
  async #resultOf({ task, element, generator, ...running }: Running): Promise<IteratorResult<unknown, unknown> | null> {
    try {
      return await withinScope(task.instance.headScope, () => generator.next())
    } catch (cause) {
      // Most of what is aborted rejects.
      if (running.controller.signal.aborted) return null
      throw UserCodeError.onElement(task.stage.id, element, cause)
    }
  }

  #onResult(running: Running, { done, value }: IteratorResult<unknown, unknown>): void {
    const { task, id } = running
    running.asked = false
    if (done === true) this.#of(task).delete(id)
    if (done !== true && Array.isArray(value)) this.#host.onRead(value.length)
    this.#tell(task, done === true ? { _tag: 'Returned', id, continuation: value } : { _tag: 'Yielded', id, outputs: value })
    // Behind the outputs: both belong to the task's next snapshot.
    this.#host.finalizers.add(task.name, running.finalizers.splice(0))
  }

  #tell(task: Task, event: RestrictionEvent): void {
    if (!this.#stopped) task.onRestriction(event, this.#host.now())
  }

  /** So that every test shows what a split does, at any moment. */
  #splitByChance(task: Task, all: ReadonlyMap<number, Running>): void {
    const { random, now } = this.#host
    if (all.size === 0 || (task.restrictions?.size() ?? 0) > mostByChance || random() >= splitShare) return
    const id = [...all.keys()][Math.floor(random() * all.size)]
    if (id !== undefined) task.restrictions?.trySplit(id, random(), now())
  }

  #stop(running: Running): void {
    this.#of(running.task).delete(running.id)
    running.stopped = true
    running.controller.abort(new Error('nobody waits for this generator any more'))
    // It runs its finally blocks, as soon as it has come to where it can be ended; what they throw, nobody is there to hear.
    const closing = running.generator
      .return(undefined)
      .catch(() => undefined)
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  /** Everything ends where it stands: what tasks have of it is as of the last yields. */
  stopAll(): void {
    this.#stopped = true
    for (const all of this.#running.values()) for (const running of [...all.values()]) this.#stop(running)
  }

  async close(): Promise<void> {
    this.stopAll()
    await inTime<unknown>(this.#host.clock, Promise.all(this.#closing), closingMs, () => undefined)
  }
}

const fnOf = ({ stage, name }: Task): ErasedSplittable => {
  if (stage.head._tag !== 'Splittable') throw new Error(`${name} reads no restrictions`)
  return stage.head.fn
}

/** What the compiler has checked, for programs that it has not seen. */
const generatorOf = (made: AsyncGenerator<unknown, unknown, void>): AsyncGenerator<unknown, unknown, void> => {
  const given: unknown = made
  if (typeof given === 'object' && given !== null && Symbol.asyncIterator in given && 'return' in given) return made
  if (given instanceof Promise) given.catch(() => undefined)
  throw new TypeError(`process must be an async generator, and gave ${showElement(given)}: write async *process(…) { … }`)
}

const attributed = async <A>(task: Task, element: unknown, work: () => Promise<A>): Promise<A> => {
  try {
    return await work()
  } catch (cause) {
    throw UserCodeError.onElement(task.stage.id, element, cause)
  }
}

const attributedNow = <A>(task: Task, element: unknown, work: () => A): A => {
  try {
    return work()
  } catch (cause) {
    throw UserCodeError.onElement(task.stage.id, element, cause)
  }
}
