// What a run tells of itself before all of its threads have told something.
import { assert } from 'chai'
import { Create, Instant, PCollection, Pipeline, pipe } from 'jetbeam'
import { LatencyRecorder } from '../../../sdk/model/histogram.ts'
import { systemClock } from '../../../runners/host/clock.ts'
import { FailureCounts } from '../../../runners/host/failure-counts.ts'
import { metricsOf } from '../../../runners/host/metrics.ts'
import { planOf } from '../../../runners/plan/plan.ts'

describe('The figures of a run', () => {
  const plan = planOf(Pipeline.of(pipe(Create.of([1]), PCollection.ignore)).graph)
  const none = { lastEpoch: null, lastDurationMs: null, lastAlignmentMs: null, lastBytes: null, lastAtMs: null }
  const stats = { completed: 0, failed: 0, stale: 0, ...none, durations: new LatencyRecorder(), failures: new FailureCounts(systemClock) }

  it('do not say that nothing waits and event time is over before each thread has told how it stands', () => {
    const { lag, lagMs, watermark } = metricsOf(plan, { beganMs: 0, nowMs: 0 }, [], stats, false)
    assert.deepEqual({ lag, lagMs, watermark }, { lag: null, lagMs: null, watermark: Instant.min })
  })
  it('say it where each has', () => {
    const { lag, watermark } = metricsOf(plan, { beganMs: 0, nowMs: 0 }, [], stats)
    assert.deepEqual({ lag, watermark }, { lag: 0, watermark: Instant.max })
  })
})
