// What a run shows to a person: where its checkpoints are and what its sinks guarantee, once; then a line of progress that rewrites itself on
// a terminal; at last a line of figures.
import colours from 'picocolors'
import type { JobMetrics } from '../../sdk/model/job-metrics.ts'
import type { PipelineResult } from '../../sdk/model/run.ts'
import { count, lengthText, watermarkText } from './figures.ts'
import type { Reporter, Screen } from './progress.ts'

export interface TerminalOptions {
  /** null: it is not shown. */
  readonly job: string | null
  /** For NO_COLOR and TERM. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Between plain lines where nothing can be rewritten. */
const plainLineMs = 5_000

/** `now` is a clock in milliseconds that never goes back. */
export const terminalReporter = (screen: Screen, now: () => number, { job, environment }: TerminalOptions): Reporter => {
  const rewrites = screen.isTTY === true
  const { NO_COLOR: noColour = '', TERM: terminal } = environment
  const paint = colours.createColors(rewrites && noColour === '' && terminal !== 'dumb')
  let plainDueMs = now() + plainLineMs
  const clear = rewrites ? '\r\x1b[K' : ''
  const line = (text: string): void => void screen.write(`${clear}${text}\n`)
  const width = (): number => (rewrites ? (screen.columns ?? 80) - 1 : Infinity)
  const shown = new Set<string>()
  const once = (text: string, write: () => void): void => {
    if (shown.has(text)) return
    shown.add(text)
    write()
  }
  let waiting: SinkRow[] = []
  const table = (): void => {
    const rows = waiting
    waiting = []
    for (const text of rows.length === 0 ? [] : tableText(rows, width())) line(paint.dim(text))
  }
  const show = (text: string): void => {
    table()
    line(text)
  }
  return {
    progress: metrics => {
      if (waiting.length > 0) table()
      const parts = [...(job === null ? [] : [job]), ...progressParts(metrics)]
      if (rewrites) screen.write(`${clear}${fitting(parts, width())}`)
      else if (now() >= plainDueMs) {
        plainDueMs = now() + plainLineMs
        line(parts.join(gap))
      }
    },
    event: () => undefined,
    say: (level, message, fields = {}) => {
      const { checkpoints, sink, way } = fields
      if (level === 'info' && typeof checkpoints === 'string') return once(message, () => show(message))
      if (level === 'info' && typeof sink === 'string' && typeof way === 'string')
        return once(message, () => void waiting.push(rowOf(sink, way, message)))
      const text = `${level === 'info' ? '' : `${level}: `}${message}${fieldsText(fields)}`
      show(level === 'error' ? paint.red(text) : level === 'warn' ? paint.yellow(text) : text)
    },
    result: result => show(result.state === 'done' ? paint.green(resultText(result)) : resultText(result)),
    failure: (_, message) => show(paint.red(message)),
  }
}

const gap = '  '

/** Whole parts, as many as there is room for: the first ones matter most. */
const fitting = (parts: ReadonlyArray<string>, width: number): string => {
  let text = ''
  for (const part of parts) {
    const longer = text === '' ? part : text + gap + part
    if (longer.length > width) return text === '' ? part.slice(0, width) : text
    text = longer
  }
  return text
}

/** The reader knows the job, and the message names the transform. */
export const fieldsText = ({ job: _job, transform: _transform, ...fields }: Readonly<Record<string, unknown>> = {}): string =>
  Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`

// ---- Guarantees

interface SinkRow {
  readonly sink: string
  readonly delivery: string
  readonly by: string
}

const ways: Readonly<Record<string, readonly [delivery: string, by: string]>> = {
  messageIds: ['exactly once', 'message ids'],
  chain: ['exactly once', 'a chain of expected sequences'],
  upserts: ['exactly once', 'puts by key'],
  unnamed: ['at least once', ''],
  atMostOnce: ['at most once', ''],
}

const rowOf = (sink: string, way: string, guarantee: string): SinkRow => {
  const markers = /a marker on (\S+):/.exec(guarantee)?.[1]
  const [delivery, by] =
    way === 'atomicBatch'
      ? ['exactly once', `atomic batches; consumers see markers on ${markers ?? 'the stream'}`]
      : (ways[way] ?? [way, ''])
  return { sink, delivery, by }
}

const tableText = (rows: ReadonlyArray<SinkRow>, width: number): ReadonlyArray<string> => {
  const all: ReadonlyArray<SinkRow> = [{ sink: 'sink', delivery: 'delivery', by: 'by (--explain says why)' }, ...rows]
  const [ofSink, ofDelivery] = [Math.max(...all.map(({ sink }) => sink.length)), Math.max(...all.map(({ delivery }) => delivery.length))]
  return all.flatMap(({ sink, delivery, by }) => {
    const wide = `  ${sink.padEnd(ofSink)}  ${delivery.padEnd(ofDelivery)}  ${by}`.trimEnd()
    // A narrow terminal has the columns below each other.
    return wide.length <= width
      ? [wide]
      : [`  ${sink}`, `    ${delivery}`, ...(by === '' ? [] : wrapped(by, width - 4).map(part => `    ${part}`))]
  })
}

/** Broken between words. A word that is longer stays whole. */
const wrapped = (text: string, width: number): ReadonlyArray<string> => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

// ---- Figures

/** The figures that matter most first. */
const progressParts = (metrics: JobMetrics): ReadonlyArray<string> => {
  const { lastEpoch, lastDurationMs, failed, ageMs } = metrics.checkpoints
  const checkpoint =
    lastEpoch === null || ageMs === null
      ? []
      : [`checkpoint ${lastEpoch}, ${lengthText(ageMs)} ago, took ${lengthText(lastDurationMs ?? 0)}`]
  return [
    lengthText(metrics.elapsedMs),
    `${count(metrics.elementsPerSecond)}/s`,
    `read ${count(metrics.elementsRead)}`,
    `written ${count(metrics.elementsWritten)}`,
    `lag ${metrics.lag === null ? 'unknown' : count(metrics.lag)}`,
    `watermark ${watermarkText(metrics.watermark)}`,
    ...checkpoint,
    ...heldText(metrics),
    ...(metrics.restarts === 0 ? [] : [`restarts ${count(metrics.restarts)}, which read again`]),
    ...(failed === 0 ? [] : [`${failed} checkpoints failed`]),
    `dropped late ${count(metrics.droppedLate)}`,
  ]
}

/** Worth a word where it lasts. */
const heldMs = 10_000

const heldText = ({ held }: JobMetrics): ReadonlyArray<string> => {
  const forMs = held === null ? 0 : Date.now() - held.sinceMs
  return held === null || forMs < heldMs ? [] : [`held for ${lengthText(forMs)} by ${held.text}`]
}

/** The last line. */
export const resultText = ({ state, metrics }: PipelineResult): string => {
  const elapsed = metrics.elapsedMs / 1_000
  const perSecond = elapsed > 0 ? metrics.elementsRead / elapsed : 0
  const late = metrics.droppedLate === 0 ? '' : `, dropped late ${count(metrics.droppedLate)}`
  return `${state}: read ${count(metrics.elementsRead)}, written ${count(metrics.elementsWritten)}${late}, in ${elapsed.toFixed(2)} s, ${count(perSecond)} per second`
}
