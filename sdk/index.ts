// The package's public face: `jetbeam`. Names are listed, so that nothing becomes public by accident.
export { flow, pipe } from 'fp-ts/lib/function.js'

export {
  Coder,
  type DecodeError,
  Decoder,
  EncodeError,
  Encoder,
  type JsonCoder,
  type JsonDecoder,
  type StandardSchema,
} from './coders/index.ts'

export type { Binding, HostContext, HostLease, LocalBinding, JetStreamUse } from './model/bindings.ts'
export type { Failure, Retry } from './model/failure.ts'
export type { CheckpointPurpose, JobEvent, JobState, RolledBack } from './model/job-event.ts'
export { Latency, type LatencyHistogram } from './model/histogram.ts'
export type { ErrorMetrics, JobMetrics, SplitMetrics, TransformMetrics, WorkerMetrics } from './model/job-metrics.ts'
export { KV } from './model/kv.ts'
export type { DistributionValue, GaugeValue, Metric, MetricKind, MetricOf, StringSetValue } from './model/metric-values.ts'
export { type Counter, type Distribution, type Gauge, type MetricFilter, Metrics, type StringSet } from './model/metrics.ts'
export { type MetricsFormat, type PrometheusOptions, prometheusText } from './model/prometheus.ts'
export type { PaneInfo, PaneTiming, Windowed } from './model/pane.ts'
export {
  Checkpoints,
  type Job,
  type PipelineError,
  type PipelineResult,
  type Restart,
  type Runner,
  type RunOptions,
  orThrow,
} from './model/run.ts'
export { TimestampError } from './model/timestamp-error.ts'
export { type Lookup, type Multilookup, type SideInput, SideInputError, type SideValues, type Sides } from './model/side-input.ts'
export type { WatermarkHold } from './model/watermark-hold.ts'
export { type Duration, Instant, days, hours, millis, minutes, seconds } from './model/time.ts'
export {
  AfterAll,
  AfterAny,
  AfterCount,
  AfterEach,
  AfterProcessingTime,
  AfterWatermark,
  Always,
  DefaultTrigger,
  Never,
  OrFinally,
  Repeatedly,
  type Trigger,
} from './model/trigger.ts'
export { CalendarWindows, type Weekday } from './model/calendar-windows.ts'
export { WindowFn } from './model/custom-window-fn.ts'
export { FixedWindows, mergeOverlapping, Sessions, SlidingWindows } from './model/window-fns.ts'
export { type BoundedWindow, GlobalWindow, IntervalWindow } from './model/window.ts'
export {
  type Accumulation,
  type CalendarDate,
  type ClosingBehavior,
  type OnTimeBehavior,
  GlobalWindows,
  type MergedWindow,
  type MergeWindows,
  type TimestampCombiner,
  type WindowFnKind,
} from './model/windowing-strategy.ts'

export { named } from './graph/building.ts'
export { InvalidPipelineError } from './graph/invalid-pipeline.ts'
export type { CombineFn as CombineFnOf } from './graph/combine-fn.ts'
export type { PCollection as PCollectionOf, PDone, PTransform } from './graph/pcollection.ts'
export type { DefiningModule } from './graph/module-url.ts'
export { Pipeline, type PipelineDefinition, type PortablePipeline } from './graph/pipeline.ts'

export type {
  BagCell,
  CombiningCell,
  EventTimer,
  EventTimerFamily,
  MapCell,
  OrderedListCell,
  ProcessingTimer,
  ProcessingTimerFamily,
  SetCell,
  DelayOptions,
  TimerOptions,
  ValueCell,
} from './stateful/cells.ts'
export { DoFn, type BundleSpec, type Emits, type Emitted } from './stateful/do-fn.ts'
export {
  type AfterCommit,
  type Effect,
  type Effects,
  type Emit,
  type StateChange,
  type StateEffect,
  type TimerChange,
  type TimerEffect,
  afterCommit,
  emit,
  emitAt,
} from './stateful/effects.ts'
export type { StateKind } from './stateful/erased.ts'
export { State, Timer, type StateSpec, type TimerSpec } from './stateful/state-specs.ts'
export type { Cells, Expiration, Firing, HandlerResult, KeyedElement, OnTimer, StatefulDoFn, StatefulSpec } from './stateful/stateful-fn.ts'

export { type Continuation, type SplittableContext, type SplittableDoFn, Timestamped, resumeAfter, stop } from './splittable/do-fn.ts'
export { OffsetRange, type PositionRange, Restriction, type RestrictionAlgebra } from './splittable/restriction.ts'
export type {
  ConnectedSource,
  Discovered,
  Discovery,
  ReadBatch,
  ReaderStatus,
  Source,
  Split,
  SplitProgress,
  SplitReader,
} from './splittable/source.ts'
export type { RestrictionTracker } from './splittable/tracker.ts'
export { type EstimatorCell, WatermarkEstimator } from './splittable/watermark-estimator.ts'
export { Watermark, type WatermarkPolicy } from './splittable/watermark-policy.ts'

export { ApproximateCountDistinct, ApproximateQuantiles } from './transforms/approximate.ts'
export { CoGroupByKey } from './transforms/co-group-by-key.ts'
export { CombineFn } from './transforms/combine-fn.ts'
export { Combine, type CombineOptions } from './transforms/combine.ts'
export { Count } from './transforms/count.ts'
export { Create } from './transforms/create.ts'
export type { CountDistinctOptions, DistinctSketch } from './transforms/distinct-sketch.ts'
export { Distinct } from './transforms/distinct.ts'
export { Max, Min } from './transforms/extremes.ts'
export type { ItemOf } from './transforms/flat-map.ts'
export { Deduplicate, type DeduplicateOptions, type Identified } from './transforms/deduplicate.ts'
export { Flatten } from './transforms/flatten.ts'
export { GroupIntoBatches, type BatchOptions } from './transforms/group-into-batches.ts'
export { GroupByKey } from './transforms/group-by-key.ts'
export type { JoinedWithin } from './transforms/join-within.ts'
export { Join } from './transforms/join.ts'
export { Latest } from './transforms/latest.ts'
export type { AsyncOptions, Call } from './transforms/map-async.ts'
export { Mean, Sum } from './transforms/mean.ts'
export { ParDo } from './transforms/par-do.ts'
export { Partition } from './transforms/partition.ts'
export { PCollection } from './transforms/pcollection.ts'
export type { QuantileOptions, QuantileSketch } from './transforms/quantile-sketch.ts'
export { Regex } from './transforms/regex.ts'
export { Reify } from './transforms/reify.ts'
export { Reshuffle } from './transforms/reshuffle.ts'
export { Sample } from './transforms/sample.ts'
export { type SourceOptions, Splittable } from './transforms/splittable.ts'
export { ToString } from './transforms/to-string.ts'
export { Top } from './transforms/top.ts'
export { View } from './transforms/view.ts'
export { Wait } from './transforms/wait.ts'
export { Window, type WindowOptions } from './transforms/window-into.ts'
export { WithKeys } from './transforms/with-keys.ts'
