// The log of a run: records go to pino, to a logger or to a function of the user's; secrets go nowhere. pino is loaded when there is
// something to say, in the thread that starts the run: workers send it theirs.
import type { Logger as PinoLogger } from 'pino'
import { errorText } from '../../sdk/model/error-text.ts'
import { redactedFields } from '../../sdk/model/redaction.ts'
import { redactedText } from '../../sdk/model/secret-text.ts'

/**
 * Receives the log records of a run. `fields` are plain data: `job`, and where they apply `transform`, `worker`, `split`, `sequence`,
 * `checkpoint`. Secrets are removed before.
 */
export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>) => void

/** A logger such as pino's: any whose methods take fields and a message. Its own settings decide which levels are written. */
export type Logger = Readonly<Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>>

/** Lines of JSON on standard error, from this level on. */
export const jsonLogger = async (level: string): Promise<PinoLogger> => {
  const { pino } = await import('pino')
  return pino({ level, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: label => ({ level: label }) } }, process.stderr)
}

let standard: Promise<PinoLogger> | null = null

/** What nobody says where to: warnings and errors, as lines of JSON on standard error. */
const toStandardError: Log = (level, message, fields) => {
  if (level === 'info') return
  standard ??= jsonLogger('warn')
  // In their order: each waits for the same promise.
  void standard.then(logger => logger[level](fields ?? {}, message))
}

/** As the parts of a run write to it; each record says which job it is of. */
export const logOf = (to: Log | Logger | undefined, job: string): Log => {
  const write: Log =
    to === undefined ? toStandardError : typeof to === 'function' ? to : (level, message, fields) => to[level](fields ?? {}, message)
  let failed = false
  return (level, message, fields) => {
    const [text, redacted] = [redactedText(message), redactedFields({ job, ...fields })]
    try {
      return write(level, text, redacted)
    } catch (error) {
      // A run does not end because its logger fails; what it would have said goes where it can still be read.
      if (!failed) toStandardError('error', `the logger of the run failed: ${redactedText(errorText(error))}`, { job })
      failed = true
      toStandardError(level, text, redacted)
    }
  }
}

/** Adds fields to each record; what it says itself goes before. */
export const withFields =
  (log: Log, more: Readonly<Record<string, unknown>>): Log =>
  (level, message, fields) =>
    log(level, message, { ...more, ...fields })
