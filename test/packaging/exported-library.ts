// A library that exports what the package makes without annotations: with `declaration: true` each inferred type must be nameable.
// `npm run check -- package` compiles it against the packed package.
import {
  AfterWatermark,
  ApproximateQuantiles,
  Coder,
  CombineFn,
  Create,
  Decoder,
  DoFn,
  emit,
  Encoder,
  FixedWindows,
  type KeyedElement,
  Metrics,
  minutes,
  named,
  PCollection,
  pipe,
  Pipeline,
  seconds,
  State,
  View,
  WatermarkEstimator,
} from 'jetbeam'
import { JetStreamConfig, JetStreamIO, KvIO, Poison, Watermark } from 'jetbeam/io/jetstream'
import { TextIO } from 'jetbeam/io/text'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { containsInAnyOrder, PAssert, TestStream } from 'jetbeam/testing'
import { z } from 'zod'

export const coder = Coder.json(z.object({ user: z.string() }))
export const { json, struct } = Coder
export const decoder = Decoder.json(z.object({ user: z.string() }))
export const numbers = Create.of([1, 2])
export const windows = FixedWindows.of(minutes(1))
export const double = PCollection.map((x: number) => x * 2)
export const composite = named('C', (pc: PCollection<number>) =>
  pipe(
    pc,
    PCollection.map(x => x + 1),
  ),
)
export const counter = DoFn.stateful({
  state: { n: State.value(Coder.varint, 0) },
  process: (e: KeyedElement<string, number>, { n }) => [n.write(n.read + 1), emit(e.value)],
})
export const policy = Watermark.boundedOutOfOrderness(seconds(1))
export const estimators = [WatermarkEstimator.monotonic, WatermarkEstimator.manual] as const
export const write = JetStreamIO.write({ stream: 'A', subject: 'a', coder: Encoder.json<number>() })
export const read = JetStreamIO.read({ stream: 'A', coder: Decoder.text })
export const watch = KvIO.watch({ bucket: 'B', coder: Decoder.text })
export const lines = TextIO.read('words.txt')
export const definition = Pipeline.define(import.meta, 'd', () => pipe(numbers, PCollection.ignore))
export const config = JetStreamConfig.yaml('source: { stream: VIEWS }')
export const count = CombineFn.count
export const quantiles = CombineFn.quantiles(4)
export const quartiles = ApproximateQuantiles.globally(4)
export const distinct = CombineFn.countDistinct()
export const trigger = AfterWatermark.pastEndOfWindow()
export const poison = Poison.deadLetter
export const script = TestStream.of(Coder.string)
export const expected = containsInAnyOrder([1, 2])
export const assertion = PAssert.that(expected)
export const metric = Metrics.counter('a')
export const table = View.asList
export const runs = [DirectRunner.run, WorkerThreadsRunner.run] as const
