// What is shown: one line that rewrites itself on a terminal, plain lines elsewhere, JSON for programs.
import { assert } from 'chai'
import { Instant, type JobMetrics, Latency } from 'jetbeam'
import { runnerOptions } from '../../../runners/cli/run-options.ts'
import { loggingReporter, reporter, type ReportLogger } from '../../../runners/cli/progress.ts'

const metrics = (o: Partial<JobMetrics> = {}): JobMetrics => ({
  elapsedMs: 2_000,
  elementsRead: 12_345,
  bytesRead: 1_000_000,
  elementsWritten: 678,
  elementsPerSecond: 6_172.4,
  lag: 9_000,
  lagMs: 150,
  watermark: Date.UTC(2026, 0, 1),
  held: null,
  droppedLate: 2,
  restarts: 0,
  lease: { inDoubt: false, doubts: 0 },
  checkpoints: {
    completed: 3,
    failed: 0,
    lastEpoch: 3,
    lastDurationMs: 12,
    stale: 0,
    lastAlignmentMs: 1,
    lastBytes: 100,
    ageMs: 1_500,
    durations: Latency.none,
  },
  splits: [],
  transforms: [],
  errors: [],
  workers: [],
  user: [],
  sinks: {},
  publishLatency: {},
  ...o,
})

const recorded = (isTTY: boolean, columns = 200) => {
  const written: string[] = []
  return { written, screen: { isTTY, columns, write: (text: string) => written.push(text) } }
}

describe('Progress', () => {
  it('rewrites one line on a terminal, with job, elapsed time, rate, read, written, lag, watermark, checkpoint and what was dropped', () => {
    const { written, screen } = recorded(true)
    reporter('live', screen, () => 0, { job: 'totals', environment: {} }).progress(metrics())
    assert.deepEqual(
      written[0],
      '\r\x1b[Ktotals  2.0 s  6,172/s  read 12,345  written 678  lag 9,000  watermark 2026-01-01T00:00:00.000Z  checkpoint 3, 1.5 s ago, took 12 ms  dropped late 2',
    )
  })
  it('never wraps on a narrow terminal', () => {
    const { written, screen } = recorded(true, 40)
    reporter('live', screen, () => 0).progress(metrics())
    assert.deepEqual(written, ['\r\x1b[K2.0 s  6,172/s  read 12,345'], 'figures that do not fit are left out, and none is cut')
  })
  it('shows the checkpoint place and a table of what sinks guarantee, once, through restarts', () => {
    const { written, screen } = recorded(false)
    const shown = reporter('live', screen, () => 0)
    for (const _ of ['first', 'restarted']) {
      shown.say('info', 'totals: checkpoints in directory /state', { checkpoints: 'directory /state' })
      shown.say('info', 'JetStreamIO.write(TOTALS): exactly once by message ids, published as they come. An id …', {
        sink: 'JetStreamIO.write(TOTALS)#1',
        way: 'messageIds',
      })
      shown.say('info', 'JetStreamIO.write(B): … Each batch ends with a marker on b._jetbeam-ID: a message …', {
        sink: 'Late',
        way: 'atomicBatch',
      })
      shown.progress(metrics())
    }
    shown.say('warn', 'careful')
    assert.deepEqual(written, [
      'totals: checkpoints in directory /state\n',
      '  sink                         delivery      by (--explain says why)\n',
      '  JetStreamIO.write(TOTALS)#1  exactly once  message ids\n',
      '  Late                         exactly once  atomic batches; consumers see markers on b._jetbeam-ID\n',
      'warn: careful\n',
    ])
  })
  it('breaks the table between words on a narrow terminal', () => {
    const { written, screen } = recorded(true, 32)
    const shown = reporter('live', screen, () => 0, { job: null, environment: { NO_COLOR: '1' } })
    shown.say('info', 'a marker on b._jetbeam-ID: …', { sink: 'Late', way: 'atomicBatch' })
    shown.progress(metrics())
    const lines = written.map(text => text.replace('\r\x1b[K', '').trimEnd())
    assert.includeMembers(lines, ['  Late', '    exactly once', '    atomic batches; consumers', '    see markers on'])
    for (const each of lines) assert.isAtMost(each.length, 31)
  })
  it('has colours on a terminal alone, and none with NO_COLOR or on a dumb one', () => {
    const warned = (isTTY: boolean, environment: Readonly<Record<string, string>>): string => {
      const { written, screen } = recorded(isTTY)
      reporter('live', screen, () => 0, { job: null, environment }).say('warn', 'careful')
      return (written[0] ?? '').replace('\r\x1b[K', '')
    }
    assert.strictEqual(warned(true, {}), '\x1b[33mwarn: careful\x1b[39m\n')
    for (const plain of [warned(false, {}), warned(true, { NO_COLOR: '1' }), warned(true, { TERM: 'dumb' })])
      assert.strictEqual(plain, 'warn: careful\n')
    assert.strictEqual(warned(true, { NO_COLOR: '' }), warned(true, {}), 'an empty NO_COLOR says nothing')
  })
  it('says that a run was restarted, and reads again', () => {
    const { written, screen } = recorded(true)
    reporter('live', screen, () => 0).progress(metrics({ restarts: 2 }))
    assert.include(written[0], 'restarts 2, which read again')
  })
  it('is a plain line every five seconds elsewhere', () => {
    const { written, screen } = recorded(false)
    let now = 0
    const shown = reporter('live', screen, () => now)
    for (; now <= 12_000; now += 250) shown.progress(metrics())
    assert.lengthOf(written, 2)
    assert.match(written[0] ?? '', /^2\.0 s {2}6,172\/s .*\n$/)
  })
  it('is JSON for a program, with the watermark in ISO 8601', () => {
    const { written, screen } = recorded(false)
    const shown = reporter('json', screen, () => 0)
    shown.progress(metrics({ watermark: Instant.max }))
    shown.say('warn', 'careful')
    const [progress, message] = written.map(line => JSON.parse(line) as Readonly<Record<string, unknown>>)
    assert.deepInclude(progress, { type: 'progress', read: 12_345, written: 678, lag: 9_000, watermark: 'infinity', droppedLate: 2 })
    assert.deepEqual(message, { type: 'message', level: 'warn', message: 'careful' })
  })
  it('says what holds the watermark where that has lasted', () => {
    const { written, screen } = recorded(true)
    const hold = (forMs: number) =>
      ({ transform: 'read', worker: 0, watermark: 0, sinceMs: Date.now() - forMs, by: 'split', text: 'the split read/0, idle' }) as const
    const shown = reporter('live', screen, () => 0)
    shown.progress(metrics({ held: hold(1_000) }))
    shown.progress(metrics({ held: hold(300_000) }))
    assert.notInclude(written[0], 'held')
    assert.include(written[1], 'held for 5 min by the split read/0, idle')
  })
  it('has events between its lines where it is JSON', () => {
    const { written, screen } = recorded(false)
    reporter('json', screen, () => 0).event({ _tag: 'WorkerLost', worker: 1, message: 'gone', atMs: 5 })
    assert.deepEqual(JSON.parse(written[0] ?? ''), { type: 'event', event: 'WorkerLost', worker: 1, message: 'gone', atMs: 5 })
  })
  it('is not shown when it is to be quiet, and warnings are', () => {
    const { written, screen } = recorded(true)
    const shown = reporter('quiet', screen, () => 0)
    shown.progress(metrics())
    shown.say('info', 'well')
    shown.result({ state: 'done', metrics: metrics() })
    shown.say('warn', 'careful')
    assert.deepEqual(written, ['warn: careful\n'])
  })
  it('has warnings and failures alone where it is JSON and to be quiet', () => {
    const told = runnerOptions({ json: '', quiet: '' }, [])
    if (told._tag === 'Left' || told.right.log.kind === 'pino') return assert.fail('it is no line of JSON')
    const { written, screen } = recorded(false)
    const shown = reporter(told.right.log.kind, screen, () => 0)
    shown.progress(metrics())
    shown.event({ _tag: 'WorkerLost', worker: 1, message: 'gone', atMs: 5 })
    shown.say('info', 'well')
    shown.result({ state: 'done', metrics: metrics() })
    shown.say('warn', 'careful')
    shown.failure('IoFailed', 'lost')
    assert.deepEqual(
      written.map(line => JSON.parse(line) as unknown),
      [
        { type: 'message', level: 'warn', message: 'careful' },
        { type: 'failure', error: 'IoFailed', message: 'lost' },
      ],
    )
  })
  it('holds no secret in a failure, a message or an event, however it is shown', () => {
    const written: string[] = []
    const screen = { write: (text: string) => written.push(text) }
    const record = (fields: object, message: string) => void written.push(`${JSON.stringify(fields)} ${message}\n`)
    const logger: ReportLogger = { debug: record, info: record, warn: record, error: record }
    const kinds = ['live', 'json', 'quiet', 'quietJson'] as const
    for (const shown of [...kinds.map(kind => reporter(kind, screen, () => 0)), loggingReporter(logger, () => 0)]) {
      shown.failure('IoFailed', 'cannot reach nats://shop:s3cret@host')
      shown.say('warn', 'lost nats://shop:s3cret@host', { pwd: 's3cret', cause: new Error('nats://shop:s3cret@host') })
      shown.event({ _tag: 'Restarting', attempt: 1, pauseMs: 1, message: 'nats://shop:s3cret@host', atMs: 5 })
    }
    const text = written.join('')
    assert.lengthOf(text.match(/cannot reach nats:\/\/\[redacted\]@host/g) ?? [], 5)
    assert.notInclude(text, 's3cret')
  })
  it('ends with one line of figures', () => {
    const { written, screen } = recorded(false)
    reporter('live', screen, () => 0).result({ state: 'done', metrics: metrics() })
    assert.deepEqual(written, ['done: read 12,345, written 678, dropped late 2, in 2.00 s, 6,173 per second\n'])
  })
})
