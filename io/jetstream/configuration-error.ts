// All that is wrong with a configuration, in one error.
import type { Either } from 'fp-ts/lib/Either.js'
import type { Checked } from '../settings/check.ts'
import type { Problem } from '../settings/schema.ts'
import { JetStreamIOError } from './errors.ts'

/** One thing that is wrong with a configuration or with options. */
export interface ConfigurationProblem {
  /** The key: `source.splits`, or `splits` where there is one section. */
  readonly path: string
  /** What is wrong with it, and what it takes. Never a secret. */
  readonly reason: string
}

/**
 * Options or a configuration that cannot be: all its problems at once, each with the key's path. Where all are of one sort, `_tag` names it
 * (OverlappingSubjects); else it is InvalidOptions. Never shows a secret. Not known to Beam or NATS.
 *
 * @example
 * const config = E.tryCatch(() => JetStreamConfig.json('{ "source": { "stream": "VIEWS", "splitz": 4 } }'), E.toError)
 * E.isLeft(config) && config.left instanceof ConfigurationError && config.left.problems.length // => 1
 */
export class ConfigurationError extends JetStreamIOError {
  /** Each with its path. */
  readonly problems: ReadonlyArray<ConfigurationProblem>

  constructor(label: string, problems: ReadonlyArray<Problem>) {
    const lines = problems.map(({ path, reason }) => `${path}${path === '' ? '' : ': '}${reason}${reason.endsWith('?') ? '' : '.'}`)
    const [first] = problems
    const tag = first !== undefined && problems.every(problem => problem.tag === first.tag) ? first.tag : 'InvalidOptions'
    super(
      tag,
      lines.length === 1
        ? `${label}: ${lines.join('')}`
        : `${label} has ${lines.length} problems:\n${lines.map(line => `- ${line}`).join('\n')}`,
    )
    this.problems = Object.freeze(problems.map(({ path, reason }) => Object.freeze({ path, reason })))
  }
}

/** `JetStreamIO.read(VIEWS)`. JavaScript may give anything: the schema says what is wrong with it, under this name. */
export const labelOf = (verb: string, given: unknown): string => {
  const names: ReadonlyArray<unknown> = Array.isArray(given) ? given : [given]
  return `${verb}(${names.map(name => (typeof name === 'string' ? name : '?')).join(', ')})`
}

/** With the name that the user gave it, as it stands in metrics and checkpoints. */
export const namedLabel = (label: string, name: string | undefined): string => (name === undefined ? label : `${name}, ${label}`)

/** What was checked, or a ConfigurationError. */
export const orThrow = <O>(label: string, checked: Either<ReadonlyArray<Problem>, Checked<O>>): O => {
  if (checked._tag === 'Left') throw new ConfigurationError(label, checked.left)
  return checked.right.settings
}
