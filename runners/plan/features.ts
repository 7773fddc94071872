// What a pipeline needs of its runner, so that a runner without it refuses the pipeline when it is built, and not in the middle of a run.
import type { GraphNode } from '../../sdk/graph/graph.ts'
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'
import type { Transform } from '../../sdk/graph/node.ts'
import type { Pipeline } from '../../sdk/graph/pipeline.ts'
import { isChangelog } from '../../sdk/graph/view.ts'
import type { Trigger } from '../../sdk/model/trigger.ts'
import type { WindowFn } from '../../sdk/model/custom-window-fn.ts'

/** Beam's requirement, where it has one; what the feature is called; and what a pipeline can do without it. */
const features = {
  state: ['beam:requirement:pardo:stateful:v1', 'stateful DoFns', 'Say it as a Combine'],
  eventTimers: ['beam:requirement:pardo:stateful:v1', 'event-time timers', 'Let a window and its trigger say when'],
  processingTimers: ['beam:requirement:pardo:stateful:v1', 'processing-time timers', 'Use an event-time timer'],
  windowExpiration: [
    'beam:requirement:pardo:on_window_expiration:v1',
    'onWindowExpiration',
    'Set an event-time timer to the end of the window and its allowed lateness',
  ],
  splittable: ['beam:requirement:pardo:splittable_dofn:v1', 'splittable DoFns', 'Read with a source that the runner knows'],
  sideInputs: [null, 'side inputs', 'Join the collections by key'],
  changelogSideInputs: [null, 'side inputs made of a changelog', 'Use a map side input, or join by key'],
  asynchronous: [null, 'asynchronous DoFns', 'Make the call in a synchronous function'],
  customWindows: [null, "window functions of one's own", 'Use one of the standard window functions'],
  mergingWindows: [null, 'windows that merge', 'Use fixed or sliding windows'],
  processingTimeTriggers: [null, 'triggers in processing time', 'Use AfterCount, or AfterWatermark alone'],
  testStream: ['beam:transform:teststream:v1', 'TestStream', 'Give the test a Create with timestamps'],
  noDefinition: [
    null,
    'pipelines without a definition',
    'Its threads build a pipeline again from its module, and Pipeline.of does not say where that is. Export it: export const … = Pipeline.define(import.meta, name, …)',
  ],
} as const

export type Feature = keyof typeof features

/** A runner, as a message calls it, and what it can do. */
export interface Support {
  readonly runner: string
  readonly features: ReadonlySet<Feature>
}

export const allFeatures: ReadonlySet<Feature> = new Set(Object.keys(features) as ReadonlyArray<Feature>) // the keys of that very object

/** What it is called in messages, with Beam's name where it has one. */
export const featureName = (feature: Feature): string => {
  const [requirement, called] = features[feature]
  return requirement === null ? called : `${called} (${requirement})`
}

/** By feature, the paths of the transforms that need it. */
export const featuresOf = (pipeline: Pipeline): ReadonlyMap<Feature, ReadonlyArray<string>> => {
  const needed = new Map<Feature, string[]>()
  if (!('origin' in pipeline)) needed.set('noDefinition', ['the pipeline'])
  for (const node of pipeline.graph.nodes.values()) {
    for (const feature of neededBy(node)) {
      const paths = needed.get(feature)
      if (paths === undefined) needed.set(feature, [node.id])
      else paths.push(node.id)
    }
  }
  return needed
}

/** Throws an InvalidPipelineError that names each feature that is missing, where it is needed and what to do. */
export const refuseUnsupported = (pipeline: Pipeline, support: Support): void => {
  const problems = [...featuresOf(pipeline)].flatMap(([feature, paths]) => {
    if (support.features.has(feature)) return []
    const remedy = features[feature][2]
    return [
      `${paths.join(', ')}: ${support.runner} does not support ${featureName(feature)}. ${remedy}, or run the pipeline on a runner that does`,
    ]
  })
  if (problems.length > 0) throw new InvalidPipelineError(pipeline.name, problems)
}

const neededBy = ({ node: { transform } }: GraphNode): ReadonlySet<Feature> => new Set(ofTransform(transform))

/** A new transform must be considered here. */
const ofTransform = (transform: Transform): ReadonlyArray<Feature> => {
  switch (transform._tag) {
    case 'Read':
      return transform.source.urn === features.testStream[0] ? ['testStream'] : []
    case 'MapAsync':
      return ['asynchronous']
    case 'WindowInto':
      return [...ofWindowFn(transform.strategy.windowFn), ...ofTrigger(transform.strategy.trigger)]
    case 'WithStrategy':
      return transform.change.trigger === undefined ? [] : ofTrigger(transform.change.trigger)
    case 'Stateful': {
      const { timers, onWindowExpiration } = transform.spec
      const ofTimers = Object.values(timers).map(({ domain }): Feature => (domain === 'eventTime' ? 'eventTimers' : 'processingTimers'))
      return ['state', ...ofTimers, ...(onWindowExpiration === null ? [] : ['windowExpiration' as const])]
    }
    case 'Sided':
      return transform.sides.map(({ view }) => (isChangelog(view) ? 'changelogSideInputs' : 'sideInputs'))
    case 'Splittable':
      return ['splittable']
    case 'Create':
    case 'Map':
    case 'FlatMap':
    case 'Filter':
    case 'FilterMap':
    case 'KeyBy':
    case 'MapValues':
    case 'MapKeys':
    case 'Keys':
    case 'Values':
    case 'TryMap':
    case 'Separate':
    case 'Partition':
    case 'OrFail':
    case 'WithTimestamps':
    case 'WithCoder':
    case 'ReifyWindowed':
    case 'Bundled':
    case 'MapWith':
    case 'FlatMapWith':
    case 'WithoutSides':
    case 'Reshuffle':
    case 'GroupByKey':
    case 'CombinePerKey':
    case 'Flatten':
    case 'Along':
    case 'Write':
    case 'Ignore':
    case 'Assert':
      return []
  }
}

const ofWindowFn = ({ kind, merge }: WindowFn<never>): ReadonlyArray<Feature> => [
  ...(kind._tag === 'Custom' ? ['customWindows' as const] : []),
  ...(merge === null ? [] : ['mergingWindows' as const]),
]

const ofTrigger = (trigger: Trigger): ReadonlyArray<Feature> => {
  switch (trigger._tag) {
    case 'AfterProcessingTime':
      return ['processingTimeTriggers']
    case 'Default':
    case 'Never':
    case 'Always':
    case 'AfterCount':
      return []
    case 'AfterWatermark':
      return [trigger.early, trigger.late].flatMap(inner => (inner === null ? [] : ofTrigger(inner)))
    case 'Repeatedly':
      return ofTrigger(trigger.repeated)
    case 'AfterEach':
    case 'AfterAll':
    case 'AfterAny':
      return trigger.triggers.flatMap(ofTrigger)
    case 'OrFinally':
      return [...ofTrigger(trigger.main), ...ofTrigger(trigger.until)]
  }
}
