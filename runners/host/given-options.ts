// What a run is told, looked at before it begins: a program without types would else learn of a mistake from what does not happen.
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'
import type { HostOptions } from './options.ts'

/** What is wrong with a value; null: nothing. */
type Check = (value: unknown) => string | null

const kind =
  (what: string, holds: (value: unknown) => boolean): Check =>
  value =>
    holds(value) ? null : `is ${what}, and ${shown(value)} is not`

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null
const isFunction = (value: unknown): boolean => typeof value === 'function'
const isWhole = (from: number) => (value: unknown) => value === Infinity || (Number.isInteger(value) && Number(value) >= from)
const isTime = (value: unknown): boolean => value === undefined || (typeof value === 'number' && value >= 0)

/** `workers` means nothing to the direct runner: whoever swaps runners need not take it away. */
const checks: { readonly [Key in keyof HostOptions | 'workers']-?: Check } = {
  provide: kind('an array of what is bound: [JetStreamIO.connection({ servers })]', Array.isArray),
  checkpoints: kind(
    'where they are kept: Checkpoints.directory(path) or Checkpoints.jetstream()',
    value => isObject(value) && value['_tag'] === 'Checkpoints',
  ),
  job: kind('a name', value => typeof value === 'string'),
  from: kind('{ savepoint: name }', isObject),
  until: kind("'end'", value => value === 'end'),
  restart: kind(
    '{ attempts: 3, initial: seconds(1), max: minutes(1) }: how often, and the shortest and longest pause; both may be left out',
    value => isObject(value) && isWhole(0)(value['attempts']) && isTime(value['initial']) && isTime(value['max']),
  ),
  signal: kind('an AbortSignal', value => value instanceof AbortSignal),
  onProgress: kind('a function', isFunction),
  onEvent: kind('a function', isFunction),
  strict: kind('true or false', value => typeof value === 'boolean'),
  seed: kind('a number', value => typeof value === 'number' && Number.isFinite(value)),
  bundling: kind("'element', 'all', 'key' or 'random'", value => ['element', 'all', 'key', 'random'].some(known => known === value)),
  tasks: kind('a number of tasks from 1', isWhole(1)),
  threads: kind('a number of threads from 1', isWhole(1)),
  workers: kind('a number of threads from 1', isWhole(1)),
  log: kind('a function, or a logger with info, warn and error', value => isFunction(value) || isLogger(value)),
}

const isLogger = (value: unknown): boolean => isObject(value) && ['info', 'warn', 'error'].every(level => isFunction(value[level]))

const shown = (value: unknown): string =>
  typeof value === 'string'
    ? JSON.stringify(value)
    : isObject(value) || typeof value === 'function'
      ? `this ${typeof value}`
      : String(value)

/** Throws an InvalidPipelineError that names each option that is none, or holds what it cannot. */
export const requireOptions = (pipelineName: string | null, given: unknown): void => {
  if (!isObject(given)) throw new InvalidPipelineError(pipelineName, [`its options are an object, and ${shown(given)} is none`])
  const known = new Map<string, Check>(Object.entries(checks))
  const problems = Object.entries(given).flatMap(([name, value]) => {
    const check = known.get(name)
    if (check === undefined) return [`there is no option ${name} of a run here. There are ${[...known.keys()].join(', ')}`]
    const problem = value === undefined ? null : check(value)
    return problem === null ? [] : [`${name} ${problem}`]
  })
  if (problems.length > 0) throw new InvalidPipelineError(pipelineName, problems)
}
