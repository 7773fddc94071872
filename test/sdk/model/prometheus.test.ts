// What a scrape tells of lengths of time.
import { assert } from 'chai'
import { Create, PCollection, pipe, prometheusText } from '../../../sdk/index.ts'
import { TestPipeline } from '../../../runners/direct/testing.ts'
import { LatencyRecorder } from '../../../sdk/model/histogram.ts'

describe('A length of time in Prometheus’ format', () => {
  it('is in buckets of which each ends at twice the one before, a publish as an element', async () => {
    const { metrics } = await pipe(
      Create.of([1]),
      PCollection.map(n => n),
      TestPipeline.run(),
    )
    const publishesMs = Array.from({ length: 400 }, (_, n) => 0.3 + n * 0.7)
    const recorder = new LatencyRecorder()
    for (const ms of publishesMs) recorder.record(ms)
    const text = prometheusText({ ...metrics, publishLatency: { Write: recorder.told() } })
    const bucketsOf = (name: string) =>
      [...text.matchAll(new RegExp(`^jetbeam_${name}_bucket\\{.*le="([\\d.e-]+)"\\} (\\d+)$`, 'gm'))].map(([, end, count]) => ({
        seconds: Number(end),
        count: Number(count),
      }))
    for (const name of ['sink_publish_latency_seconds', 'transform_latency_seconds', 'checkpoint_duration_seconds']) {
      const ends = bucketsOf(name).map(({ seconds }) => seconds)
      assert.isAtLeast(ends.length, 30, name)
      for (const [i, end] of ends.slice(1).entries()) assert.approximately(end / (ends[i] ?? NaN), 2, 1e-6)
    }
    for (const { seconds, count } of bucketsOf('sink_publish_latency_seconds'))
      assert.strictEqual(count, publishesMs.filter(ms => ms / 1_000 <= seconds).length, `within ${seconds} s`)
  })
})
