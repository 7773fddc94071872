// The graph's nodes: what a user's verbs make. A node is its reference: never compared, hashed or keyed by value.
import type { Coder } from '../coders/index.ts'
import type { BundleSpec } from '../stateful/bundle.ts'
import type { ErasedStateful } from '../stateful/erased.ts'
import type { ErasedSplittable } from '../splittable/erased.ts'
import type { AnyCombineFn } from './combine-fn.ts'
import type { HostContext } from '../model/bindings.ts'
import type { Retry } from '../model/failure.ts'
import type { Windowed } from '../model/pane.ts'
import type { StrategyChange, WindowingStrategy } from '../model/windowing-strategy.ts'
import type { Source } from '../splittable/source.ts'
import type { WatermarkPolicy } from '../splittable/watermark-policy.ts'
import type { Sink } from './sink.ts'
import type { NamedView } from './view.ts'

/** A user's function with its types erased: only the plan calls it, with what the types of the verb have checked. */
export type UserFunction = (...input: never) => unknown
/** How a thread gets what asynchronous calls go through: a connection, with its erased type. */
export type ConnectClient = (context: HostContext) => Promise<{ readonly client: unknown; readonly close: () => Promise<void> }>
type AnyCoder = Coder<never> | Coder<unknown>

/** What a node does. Each verb of the SDK makes one or a few of these; the plan and the engine know them by tag. */
export type Transform =
  | { readonly _tag: 'Create'; readonly elements: ReadonlyArray<unknown>; readonly coder: AnyCoder | null }
  | {
      readonly _tag: 'Read'
      readonly source: Source
      /** From what the reader hands over to the element. Pure. */
      readonly decode: UserFunction
      /** (element, raw) to milliseconds. */
      readonly timestamp: UserFunction
      /** Whether an element's timestamp moves the watermark: that of one which tells no event time must not. null: all do. */
      readonly movesWatermark: UserFunction | null
      readonly watermark: WatermarkPolicy
    }
  | { readonly _tag: 'Map'; readonly f: UserFunction }
  | { readonly _tag: 'FlatMap'; readonly f: UserFunction }
  | { readonly _tag: 'Filter'; readonly f: UserFunction }
  | { readonly _tag: 'FilterMap'; readonly f: UserFunction }
  | { readonly _tag: 'KeyBy'; readonly f: UserFunction; readonly coder: AnyCoder | null }
  | { readonly _tag: 'MapValues'; readonly f: UserFunction }
  /** `coder`: of the new keys, by that of the old ones; null: they have the default one. */
  | { readonly _tag: 'MapKeys'; readonly f: UserFunction; readonly coder: ((of: Coder<unknown> | null) => Coder<unknown> | null) | null }
  | { readonly _tag: 'Keys' }
  | { readonly _tag: 'Values' }
  /** Throws become Lefts with a Failure. */
  | { readonly _tag: 'TryMap'; readonly f: UserFunction }
  | {
      readonly _tag: 'MapAsync'
      /** (element, call) to a promise of the result; a TaskEither verb calls the task inside. */
      readonly f: UserFunction
      /** end: a rejection ends the pipeline; failure: it becomes Left(Failure); either: f gives an Either, a Left of which may be tried again. */
      readonly onRejected: 'end' | 'failure' | 'either'
      readonly concurrency: number
      readonly timeoutMs: number
      readonly ordered: boolean
      readonly retry: Retry<never> | null
      /** What `f` finds in its call as `client`: one a thread, made before the first call. null: it needs none. */
      readonly client: ConnectClient | null
    }
  /** Outputs 'left' and 'right' of an Either. */
  | { readonly _tag: 'Separate' }
  /** One output for each name. */
  | { readonly _tag: 'Partition'; readonly names: ReadonlyArray<string>; readonly f: UserFunction }
  /** A Left ends the pipeline. */
  | { readonly _tag: 'OrFail' }
  | { readonly _tag: 'WithTimestamps'; readonly f: UserFunction; readonly allowedSkewMs: number }
  | { readonly _tag: 'WithCoder'; readonly coder: AnyCoder }
  | { readonly _tag: 'WindowInto'; readonly strategy: WindowingStrategy }
  /** Elements stay in their windows; what changes is how groupings behind it fire. */
  | { readonly _tag: 'WithStrategy'; readonly change: StrategyChange }
  /** `of`: of the element, or of a pair's value, whose key stays. */
  | { readonly _tag: 'ReifyWindowed'; readonly of: 'element' | 'value' }
  /** `sided`: its input is a Sided's output, and `process` gets the side inputs in its context. */
  | { readonly _tag: 'Bundled'; readonly spec: BundleSpec; readonly sided: boolean }
  /** Over pairs: state and timers for each key and window. */
  | { readonly _tag: 'Stateful'; readonly spec: ErasedStateful }
  /**
   * Elements with side inputs: the first input is the main one, input i + 1 is that of side i. Each element waits for its sides' windows,
   * then goes on as a pair of the sides' values, by name, and the element: only the verb that made it reads that pair.
   */
  | { readonly _tag: 'Sided'; readonly sides: ReadonlyArray<NamedView> }
  /** f(element, sides) over a Sided's pairs. */
  | { readonly _tag: 'MapWith'; readonly f: UserFunction }
  | { readonly _tag: 'FlatMapWith'; readonly f: UserFunction }
  /** The element of a Sided's pair, alone. */
  | { readonly _tag: 'WithoutSides' }
  /** Reads what each element describes, restriction by restriction. */
  | { readonly _tag: 'Splittable'; readonly fn: ErasedSplittable }
  /** Spreads elements over all tasks; nothing is fused across it. */
  | { readonly _tag: 'Reshuffle' }
  | { readonly _tag: 'GroupByKey' }
  /**
   * `withDefault`: a global combine gives one value even of nothing, in the global window. `oneKey`: all elements have the same key, so
   * each pane of a window is the whole window's.
   */
  | { readonly _tag: 'CombinePerKey'; readonly fn: AnyCombineFn; readonly withDefault: boolean; readonly oneKey: boolean }
  /** `like`: its windowing and its keys' coder are those of all its inputs, which agree, or those of the first, with which the others are made to fit. */
  | { readonly _tag: 'Flatten'; readonly like: 'all' | 'first' }
  /** Passes its only input on; whoever keeps its output keeps `leaves`, which are branches' ends. */
  | { readonly _tag: 'Along'; readonly leaves: ReadonlyArray<Node> }
  | { readonly _tag: 'Write'; readonly sink: Sink }
  | { readonly _tag: 'Ignore' }
  /** Gathers, for tests: all elements are handed to `check` when the run ends, with the assertion's path. It throws what is wrong. */
  | { readonly _tag: 'Assert'; readonly check: (elements: ReadonlyArray<AssertedElement>, path: string) => void }

export type AssertedElement = Windowed<unknown>

/** One of a node's outputs: most have only 'out'. */
export interface Output {
  readonly node: Node
  readonly tag: string
}

export interface Node {
  readonly transform: Transform
  readonly inputs: ReadonlyArray<Output>
  /** The names around it, outermost first. */
  readonly scope: ReadonlyArray<string>
  /** How an unnamed node is called; `name` if the user gave one. */
  readonly kind: string
  readonly name: string | null
  /** Where the user's program made it: file, line and column. */
  readonly createdAt: string
}
