// What is shown while a pipeline runs, and when it ended: a line that rewrites itself, plain lines for a log, or JSON for a program.
import type { JobEvent } from '../../sdk/model/job-event.ts'
import { Latency, type LatencyHistogram } from '../../sdk/model/histogram.ts'
import type { JobMetrics } from '../../sdk/model/job-metrics.ts'
import { redactedFields, withoutSecrets } from '../../sdk/model/redaction.ts'
import type { PipelineResult } from '../../sdk/model/run.ts'
import { redactedText } from '../../sdk/model/secret-text.ts'
import type { Log } from '../host/log.ts'
import { watermarkText } from './figures.ts'
import { withoutSecretsOn } from './output.ts'
import { fieldsText, type TerminalOptions, terminalReporter } from './terminal.ts'

/** Where it goes: standard error, or a test's own. */
export interface Screen {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly write: (text: string) => unknown
}

export interface Reporter {
  readonly progress: (metrics: JobMetrics) => void
  /** Nothing where the progress and the messages say the same. */
  readonly event: (event: JobEvent) => void
  /** A line of its own, between those of the progress. */
  readonly say: (level: 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>) => void
  readonly result: (result: PipelineResult) => void
  readonly failure: (tag: string, message: string) => void
}

export type ReporterKind = 'live' | 'json' | 'quiet' | 'quietJson'

/** Whose records are those of a log: pino's. */
export type ReportLogger = Readonly<Record<'debug' | 'info' | 'warn' | 'error', (fields: object, message: string) => void>>

const ranks = { info: 1, warn: 2, error: 3 } as const

/** Without what is said below a level; the result and failures stay. */
export const fromLevel = (reports: Reporter, level: 'debug' | 'info' | 'warn' | 'error'): Reporter =>
  level === 'debug'
    ? reports
    : { ...reports, say: (of, message, fields) => (ranks[of] >= ranks[level] ? reports.say(of, message, fields) : undefined) }

/** Each record by its level; `now` as for the others. */
export const loggingReporter = (logger: ReportLogger, now: () => number): Reporter => {
  let dueMs = now() + plainLineMs
  return {
    progress: metrics => {
      if (now() < dueMs) return
      dueMs = now() + plainLineMs
      logger.info(withoutSecrets(figuresOf(metrics)), 'progress')
    },
    event: ({ _tag, atMs: _atMs, ...event }) => {
      const { epoch, ...rest } = { epoch: undefined, ...event }
      logger.debug(redactedFields(epoch === undefined ? rest : { checkpoint: epoch, ...rest }), _tag)
    },
    say: (level, message, fields) => logger[level](redactedFields(fields ?? {}), redactedText(message)),
    result: ({ state, metrics }) => logger.info(withoutSecrets({ state, ...figuresOf(metrics) }), 'result'),
    failure: (error, message) => logger.error({ error }, redactedText(message)),
  }
}

/** `now` is a clock in milliseconds that never goes back. What it writes holds no secrets. */
export const reporter = (
  kind: ReporterKind,
  to: Screen,
  now: () => number,
  o: TerminalOptions = { job: null, environment: {} },
): Reporter => {
  const screen = withoutSecretsOn(to)
  switch (kind) {
    case 'json':
      return jsonReporter(to)
    case 'quiet':
      return quietReporter(screen)
    case 'quietJson':
      return quieted(jsonReporter(to))
    case 'live':
      return terminalReporter(screen, now, o)
  }
}

/** What a runner tells nobody in particular. */
export const logOf =
  ({ say }: Reporter): Log =>
  (level, message, fields) =>
    say(level, message, fields)

/** Between the records of a log that show progress. */
const plainLineMs = 5_000

/** Warnings, errors and the failure alone, as they are. */
const quieted = (reports: Reporter): Reporter => ({
  progress: () => undefined,
  event: () => undefined,
  say: (level, message, fields) => (level === 'info' ? undefined : reports.say(level, message, fields)),
  result: () => undefined,
  failure: reports.failure,
})

const quietReporter = (screen: Screen): Reporter => ({
  progress: () => undefined,
  event: () => undefined,
  say: (level, message, fields) => {
    if (level !== 'info') screen.write(`${level}: ${message}${fieldsText(fields)}\n`)
  },
  result: () => undefined,
  failure: (_, message) => void screen.write(`${message}\n`),
})

/** Fields lose their secrets before they are JSON: within it, no name tells a secret from what stands beside it. */
const jsonReporter = (screen: Screen): Reporter => {
  const line = (value: Readonly<Record<string, unknown>>): void => void screen.write(`${JSON.stringify(value)}\n`)
  return {
    progress: metrics => line(withoutSecrets({ type: 'progress', ...figuresOf(metrics) })),
    event: ({ _tag, ...event }) => line({ type: 'event', event: _tag, ...redactedFields(event) }),
    say: (level, message, fields) => line(redactedFields({ type: 'message', level, message, ...(fields === undefined ? {} : { fields }) })),
    result: ({ state, metrics }) => line(withoutSecrets({ type: 'result', state, ...figuresOf(metrics) })),
    failure: (error, message) => line(redactedFields({ type: 'failure', error, message })),
  }
}

const figuresOf = (metrics: JobMetrics): Readonly<Record<string, unknown>> => ({
  elapsedMs: Math.round(metrics.elapsedMs),
  read: metrics.elementsRead,
  readBytes: metrics.bytesRead,
  written: metrics.elementsWritten,
  perSecond: Math.round(metrics.elementsPerSecond),
  lag: metrics.lag,
  watermark: watermarkText(metrics.watermark),
  held: metrics.held,
  droppedLate: metrics.droppedLate,
  checkpoint: checkpointFigures(metrics.checkpoints),
  splits: metrics.splits.map(split => ({ ...split, watermark: watermarkText(split.watermark) })),
  transforms: metrics.transforms.map(({ latency, ...transform }) => ({ ...transform, latencyMs: quantiles(latency) })),
  errors: metrics.errors,
  workers: metrics.workers,
  sinks: metrics.sinks,
  publishMs: Object.fromEntries(Object.entries(metrics.publishLatency).map(([id, latency]) => [id, quantiles(latency)])),
})

const checkpointFigures = ({ durations, ageMs, ...figures }: JobMetrics['checkpoints']): Readonly<Record<string, unknown>> => ({
  ...figures,
  ageMs: ageMs === null ? null : Math.round(ageMs),
  durationMs: quantiles(durations),
})

const quantiles = (latency: LatencyHistogram): Readonly<Record<string, number | null>> =>
  Object.fromEntries([0.5, 0.95, 0.99].map(q => [`p${q * 100}`, Latency.quantile(latency, q)]))
