// A DoFn's bundle while a stage runs: begun by its first element, ended when the batch ends.
import { requireTimestamp } from '../../sdk/model/timestamp-error.ts'
import type { UserFunction } from '../../sdk/graph/node.ts'
import { NO_FIRING, type PaneInfo } from '../../sdk/model/pane.ts'
import { SideInputError } from '../../sdk/model/side-input.ts'
import { type BoundedWindow, GlobalWindow, showWindow } from '../../sdk/model/window.ts'
import type { WindowFn } from '../../sdk/model/custom-window-fn.ts'
import type { WindowingStrategy } from '../../sdk/model/windowing-strategy.ts'
import type { BundleSpec } from '../../sdk/stateful/bundle.ts'
import type { AfterCommit, Emit } from '../../sdk/stateful/effects.ts'
import { Instant } from '../../sdk/model/time.ts'
import type { Windows } from './batch.ts'
import { showElement, UserCodeError } from './errors.ts'
import type { Room } from './room.ts'
import { windowsOf } from './window-assignment.ts'

type After = (value: unknown, timestamp: number, windows: Windows | null, pane: PaneInfo) => void
interface Context {
  readonly setup: unknown
  readonly bundle: unknown
  readonly sides: unknown
}

const noContext: Context = { setup: undefined, bundle: undefined, sides: undefined }

export class Bundle {
  readonly #path: string
  readonly #room: Room
  readonly #spec: BundleSpec
  readonly #windowFn: WindowFn<never>
  readonly #process: (element: unknown, context: Context) => unknown
  readonly #afterCommit: (effect: AfterCommit) => void
  #windowsOf: ReturnType<typeof windowsOf> | null = null
  #setup: unknown = undefined
  #context: Context | null = null
  #withSides: Context = noContext

  constructor(
    path: string,
    spec: BundleSpec,
    strategy: WindowingStrategy,
    guard: (f: UserFunction) => unknown,
    afterCommit: (effect: AfterCommit) => void,
    room: Room,
  ) {
    this.#path = path
    this.#room = room
    this.#spec = spec
    this.#afterCommit = afterCommit
    this.#windowFn = strategy.windowFn
    this.#process = guard(spec.process) as (element: unknown, context: Context) => unknown
  }

  /** Rejects with a UserCodeError. */
  async setup(): Promise<void> {
    try {
      this.#setup = await this.#spec.setup?.()
    } catch (cause) {
      throw UserCodeError.meanwhile(this.#path, 'was set up', cause)
    }
  }

  /** Rejects with a UserCodeError. */
  async teardown(): Promise<void> {
    try {
      await (this.#spec.teardown as ((setup: unknown) => unknown) | undefined)?.(this.#setup)
    } catch (cause) {
      throw UserCodeError.meanwhile(this.#path, 'was torn down', cause)
    }
  }

  process(
    value: unknown,
    timestamp: number,
    window: BoundedWindow,
    alone: Windows | null,
    pane: PaneInfo,
    sides: unknown,
    after: After,
  ): void {
    this.#context ??= this.#begin()
    // The elements of a window share their sides, so they share this too.
    if (sides !== this.#withSides.sides) this.#withSides = { setup: this.#context.setup, bundle: this.#context.bundle, sides }
    const outputs = this.#emitted(this.#process({ value, timestamp, window, pane }, sides === undefined ? this.#context : this.#withSides))
    // All are looked at before any goes on: what fails behind this DoFn would be taken for the failing transform.
    for (const { timestamp: at } of outputs) {
      if (at !== null && !Number.isSafeInteger(at)) requireTimestamp('the timestamp of emitAt', at)
      if (at !== null && at < timestamp)
        throw new RangeError(`emitAt(${at}) lies before the element's own timestamp ${timestamp}: the watermark may have passed it`)
    }
    for (const { value: out, timestamp: at } of outputs) {
      after(out, at ?? timestamp, alone, pane)
      if (--this.#room.left <= 0) this.#room.look()
    }
  }

  #begin(): Context {
    const startBundle = this.#spec.startBundle as ((setup: unknown) => unknown) | undefined
    return {
      setup: this.#setup,
      bundle: startBundle?.(this.#setup),
      // What finishBundle is given: outside of an element there is no window whose sides could be meant.
      get sides(): never {
        throw new SideInputError(
          'notReady',
          'sides',
          'side inputs are read in `process` alone: they belong to the window of its element, and here is none. Keep what you need of them in the bundle',
        )
      },
    }
  }

  finish(after: After): void {
    const context = this.#context
    if (context === null) return
    this.#context = null
    this.#withSides = noContext
    const finishBundle = this.#spec.finishBundle as ((context: Context) => unknown) | undefined
    if (finishBundle === undefined) return
    let outputs: ReadonlyArray<Emit<unknown>>
    try {
      outputs = this.#emitted(finishBundle(context))
      for (const { timestamp } of outputs) if (timestamp !== null) requireTimestamp('the timestamp of emitAt', timestamp)
    } catch (cause) {
      throw UserCodeError.meanwhile(this.#path, 'finished a bundle', cause)
    }
    for (const { value, timestamp } of outputs) {
      this.#emitAtEnd(value, timestamp, after)
      if (--this.#room.left <= 0) this.#room.look()
    }
  }

  // No element is at hand, so its window must follow from a timestamp.
  #emitAtEnd(value: unknown, timestamp: number | null, after: After): void {
    if (this.#windowFn.kind._tag === 'Global') return after(value, timestamp ?? Instant.min, null, NO_FIRING)
    if (timestamp === null) {
      const message = `finishBundle emitted ${showElement(value)} without a timestamp, and its collection is not in ${showWindow(GlobalWindow)}: use emitAt(timestamp)(value)`
      throw UserCodeError.meanwhile(this.#path, 'finished a bundle', new TypeError(message))
    }
    this.#windowsOf ??= windowsOf(this.#windowFn)
    const windows = this.#windowsOf(value, timestamp)
    if (windows.length > 0) after(value, timestamp, windows, NO_FIRING)
  }

  /** What is to go on; what waits for a checkpoint is told to whoever knows of them. */
  #emitted(effects: unknown): ReadonlyArray<Emit<unknown>> {
    if (!Array.isArray(effects)) return refuseResult(effects)
    const outputs: Emit<unknown>[] = []
    for (let i = 0; i < effects.length; i++) {
      const effect: unknown = effects[i]
      if (effect === false) continue
      if (!isEffect(effect)) return refuseEffect(effect)
      if (effect._tag === 'Emit') outputs.push(effect)
      else this.#afterCommit(effect)
    }
    return outputs
  }
}

const isEffect = (effect: unknown): effect is Emit<unknown> | AfterCommit =>
  typeof effect === 'object' && effect !== null && '_tag' in effect && (effect._tag === 'Emit' || effect._tag === 'AfterCommit')

const refuseResult = (result: unknown): never => {
  if (result instanceof Promise) {
    result.catch(() => undefined)
    throw new TypeError('the DoFn gave a promise: use PCollection.mapAsync for asynchronous work')
  }
  throw new TypeError(`a DoFn gives an array of emit(…) or false, and gave ${showElement(result)}`)
}

const refuseEffect = (effect: unknown): never => {
  throw new TypeError(`a DoFn gives an array of emit(…) or false, and the array holds ${showElement(effect)}: wrap it in emit`)
}
