// What is known of a node's outputs without running it: how they are windowed, and which coder their keys have.
import type { Coder } from '../coders/index.ts'
import type { Trigger } from '../model/trigger.ts'
import { AfterCount } from '../model/trigger.ts'
import { defaultStrategy, isMerging, type WindowingStrategy } from '../model/windowing-strategy.ts'
import type { Transform } from './node.ts'

export const outputStrategy = (transform: Transform, inputs: ReadonlyArray<WindowingStrategy>): WindowingStrategy => {
  const input = inputs[0] ?? defaultStrategy
  switch (transform._tag) {
    case 'WindowInto':
      return transform.strategy
    case 'WithStrategy':
      return Object.freeze({ ...input, ...transform.change })
    case 'GroupByKey':
    case 'CombinePerKey':
      return continued(input)
    default:
      return input
  }
}

const continuations = new WeakMap<WindowingStrategy, WindowingStrategy>()

/** Kept, so that the nodes behind one grouping share one strategy. */
const continued = (strategy: WindowingStrategy): WindowingStrategy => {
  const known = continuations.get(strategy)
  if (known !== undefined) return known
  const trigger = continuationOf(strategy.trigger)
  const merges = isMerging(strategy)
  const next =
    trigger === strategy.trigger && !merges
      ? strategy
      : Object.freeze({ ...strategy, trigger, alreadyMerged: strategy.alreadyMerged || merges })
  continuations.set(strategy, next)
  return next
}

/**
 * The trigger behind a grouping: a second grouping passes a pane on as soon as it comes, instead of waiting once more for a count or a
 * delay (Beam's getContinuationTrigger).
 */
const continuationOf = (trigger: Trigger): Trigger => {
  switch (trigger._tag) {
    case 'Default':
    case 'Never':
    case 'Always':
      return trigger
    case 'AfterCount':
      return trigger.count === 1 ? trigger : AfterCount.of(1)
    // Beam waits until the panes of one instant have come from all workers; here each is passed on.
    case 'AfterProcessingTime':
      return AfterCount.of(1)
    case 'AfterWatermark':
      return Object.freeze({
        ...trigger,
        early: trigger.early === null ? null : continuationOf(trigger.early),
        late: trigger.late === null ? null : continuationOf(trigger.late),
      })
    case 'Repeatedly':
      return Object.freeze({ ...trigger, repeated: continuationOf(trigger.repeated) })
    // Panes of all phases come here, and only in their order: as in Beam, the phases are not told apart again.
    case 'AfterEach':
      return repeatedly(
        Object.freeze({ _tag: 'AfterAny', urn: 'beam:trigger:after_any:v1', triggers: trigger.triggers.map(continuationOf) }),
      )
    case 'AfterAll':
    case 'AfterAny':
      return Object.freeze({ ...trigger, triggers: trigger.triggers.map(continuationOf) })
    case 'OrFinally':
      return repeatedly(Object.freeze({ ...trigger, main: continuationOf(trigger.main), until: continuationOf(trigger.until) }))
  }
}

const repeatedly = (repeated: Trigger): Trigger => Object.freeze({ _tag: 'Repeatedly', urn: 'beam:trigger:repeat:v1', repeated })

type KeyCoder = Coder<unknown> | null

/** From `keyBy`'s option or `withCoder(Coder.kv(…))`, for as long as keys stay what they are. */
export const outputKeyCoder = (transform: Transform, inputs: ReadonlyArray<KeyCoder>): KeyCoder => {
  const input = inputs[0] ?? null
  switch (transform._tag) {
    case 'ReifyWindowed':
      return transform.of === 'value' ? input : null
    case 'KeyBy':
      return erased(transform.coder)
    case 'WithCoder':
      return keyCoderIn(transform.coder) ?? input
    case 'Create':
      return keyCoderIn(transform.coder)
    case 'Flatten':
      return transform.like === 'first' || inputs.every(other => other === input) ? input : null
    case 'MapKeys':
      return transform.coder === null ? null : transform.coder(input)
    case 'MapValues':
    case 'Filter':
    case 'WithTimestamps':
    case 'WindowInto':
    case 'WithStrategy':
    case 'GroupByKey':
    case 'CombinePerKey':
    case 'Along':
    case 'Reshuffle':
    case 'Partition':
    case 'Ignore':
    case 'Write':
    case 'Assert':
    case 'Sided':
    case 'WithoutSides':
      return input
    case 'Read':
    case 'Map':
    case 'FlatMap':
    case 'FilterMap':
    case 'Keys':
    case 'Values':
    case 'TryMap':
    case 'MapAsync':
    case 'Separate':
    case 'OrFail':
    case 'Bundled':
    case 'Stateful':
    case 'MapWith':
    case 'FlatMapWith':
    case 'Splittable':
      return null
  }
}

/** The key's part of a coder of pairs, which Coder.kv shows as `keyCoder`. */
const keyCoderIn = (coder: Coder<never> | Coder<unknown> | null): KeyCoder =>
  coder !== null && 'keyCoder' in coder ? erased(coder.keyCoder as Coder<unknown>) : null

/** The verb has checked that its keys are of the coder's type; from here on both are only carried. */
const erased = (coder: Coder<never> | Coder<unknown> | null): KeyCoder => coder as KeyCoder
