// The dashboard and the alert rules, against the series that a job has.
import { readFile } from 'node:fs/promises'
import { assert } from 'chai'
import { Create, type JobMetrics, Latency, PCollection, pipe, prometheusText } from 'jetbeam'
import { TestPipeline } from 'jetbeam/testing'
import { parse } from 'yaml'

const read = (name: string): Promise<string> => readFile(new URL(`../../examples/deploy/${name}`, import.meta.url), 'utf8')

/** What a job on JetStream has that one in memory has not. */
const onJetStream = (metrics: JobMetrics): JobMetrics => ({
  ...metrics,
  lag: 3,
  lagMs: 20,
  watermark: 1_000,
  held: { transform: 'Read', worker: 0, watermark: 1_000, sinceMs: 2_000, by: 'split', text: 'the split range-0' },
  checkpoints: { ...metrics.checkpoints, lastBytes: 10, ageMs: 5 },
  errors: [{ transform: 'Map', error: 'TypeError', count: 1, perSecond: 0 }],
  workers: [{ worker: 0, busy: 0.5, blocked: 0 }],
  splits: [
    {
      ...{ id: 'Read/range-0', position: 1, lag: 3, lagMs: 20, watermark: 1_000, status: 'reading', worker: 0 },
      ...{ elements: 1, bytes: 1, elementsPerSecond: 0, bytesPerSecond: 0, reader: { disconnected: 0 } },
    },
  ],
  sinks: { Write: { published: 1, inFlight: 0, reconnects: 0, disconnected: 0 } },
  publishLatency: { Write: Latency.none },
})

const seriesOf = (text: string): ReadonlySet<string> => new Set(text.match(/^jetbeam_\w+/gm))
const namedIn = (expressions: ReadonlyArray<string>): ReadonlyArray<string> => expressions.flatMap(one => one.match(/jetbeam_\w+/g) ?? [])

interface Dashboard {
  readonly panels: ReadonlyArray<{ readonly title: string; readonly targets?: ReadonlyArray<{ readonly expr: string }> }>
  readonly templating: { readonly list: ReadonlyArray<{ readonly query: string }> }
}
interface Rules {
  readonly groups: ReadonlyArray<{
    readonly rules: ReadonlyArray<{ readonly alert: string; readonly expr: string; readonly annotations: { readonly summary: string } }>
  }>
}

describe('The series that operators are shown', () => {
  let series: ReadonlySet<string>
  before(async () => {
    const { metrics } = await pipe(
      Create.of([1]),
      PCollection.map(n => n),
      TestPipeline.run(),
    )
    series = seriesOf(prometheusText(onJetStream(metrics), {}, { state: 'running' }))
  })

  it('of the Grafana dashboard are those that a job has', async () => {
    const { panels, templating } = JSON.parse(await read('grafana-dashboard.json')) as Dashboard
    const expressions = [
      ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
      ...templating.list.map(({ query }) => query),
    ]
    assert.isAbove(expressions.length, 20)
    for (const name of namedIn(expressions)) assert.isTrue(series.has(name), name)
  })

  it('of the alert rules are those that a job has', async () => {
    const { groups } = parse(await read('alerts.yaml')) as Rules
    const rules = groups.flatMap(group => group.rules)
    assert.isAbove(rules.length, 5)
    for (const { alert, expr, annotations } of rules) {
      assert.isNotEmpty(namedIn([expr]), alert)
      assert.isNotEmpty(annotations.summary, alert)
      for (const name of namedIn([expr])) assert.isTrue(series.has(name), `${alert}: ${name}`)
    }
  })
})
