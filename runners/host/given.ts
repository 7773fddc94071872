// What a runner is handed, looked at before a run begins: a program without types would else learn of a mistake from what does not happen.
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'
import type { Pipeline } from '../../sdk/graph/pipeline.ts'
import { showGiven } from '../../sdk/model/show-given.ts'
import type { HostOptions } from './options.ts'

/** What is wrong with a value; null: nothing. */
type Check = (value: unknown) => string | null

const kind =
  (what: string, holds: (value: unknown) => boolean): Check =>
  value =>
    holds(value) ? null : `is ${what}, and ${showGiven(value)} is not`

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null
const isFunction = (value: unknown): boolean => typeof value === 'function'
const isWhole = (value: unknown, from: number): boolean => Number.isInteger(value) && Number(value) >= from
const isCount = (value: unknown): boolean => isWhole(value, 1) && Number(value) <= 1_024
const isAttempts = (value: unknown): boolean => value === Infinity || isWhole(value, 0)
const isPositive = (value: unknown): boolean => typeof value === 'number' && value > 0
const isTime = (value: unknown): boolean => value === undefined || (typeof value === 'number' && value >= 0)

/** The direct runner ignores the options of workers, so that a program can change its runner alone. */
const checks: { readonly [Key in keyof HostOptions | 'workers' | 'workerStartTimeout']-?: Check } = {
  provide: kind('an array of what is bound: [JetStreamIO.connection({ servers })]', Array.isArray),
  checkpoints: kind(
    'where they are kept: Checkpoints.directory(path) or Checkpoints.jetstream()',
    value => isObject(value) && value['_tag'] === 'Checkpoints',
  ),
  job: kind('a name', value => typeof value === 'string'),
  from: kind('{ savepoint: name }', isObject),
  beginAnew: kind('true or false', value => typeof value === 'boolean'),
  until: kind("'end'", value => value === 'end'),
  restart: kind(
    '{ attempts: 3, initial: seconds(1), max: minutes(1) }: how often, and the shortest and longest pause; both may be left out',
    value => isObject(value) && isAttempts(value['attempts']) && isTime(value['initial']) && isTime(value['max']),
  ),
  signal: kind('an AbortSignal', value => value instanceof AbortSignal),
  shutdownTimeout: kind('a time above 0: seconds(20)', isPositive),
  metrics: kind("an address, '127.0.0.1:9464'", value => typeof value === 'string'),
  onProgress: kind('a function', isFunction),
  onEvent: kind('a function', isFunction),
  strict: kind('true or false', value => typeof value === 'boolean'),
  seed: kind('a number', value => typeof value === 'number' && Number.isFinite(value)),
  bundling: kind("'element', 'all', 'key' or 'random'", value => ['element', 'all', 'key', 'random'].some(known => known === value)),
  tasks: kind('a number of tasks from 1 to 1,024', isCount),
  threads: kind('a number of threads from 1 to 1,024', isCount),
  workers: kind('a number of threads from 1 to 1,024', isCount),
  workerStartTimeout: kind('a time above 0: minutes(5)', isPositive),
  log: kind('a function, or a logger with info, warn and error', value => isFunction(value) || isLogger(value)),
}

const isLogger = (value: unknown): boolean => isObject(value) && ['info', 'warn', 'error'].every(level => isFunction(value[level]))

/** Throws an InvalidPipelineError for what is no pipeline, and for options, all at once, that are none or hold what they cannot. */
export const requireGiven = (pipeline: unknown, options: unknown): void => {
  const runtime = otherRuntime(process.versions)
  if (runtime !== null) throw new InvalidPipelineError(null, [runtime])
  if (!isPipeline(pipeline)) throw new InvalidPipelineError(null, [strangerText(pipeline)])
  requireOptions(pipeline.name, options)
}

/** null: the program runs on Node. */
export const otherRuntime = (versions: Readonly<Record<string, string | undefined>>): string | null => {
  const found = [['bun', 'Bun'] as const, ['deno', 'Deno'] as const].find(([key]) => versions[key] !== undefined)
  return found === undefined
    ? null
    : `${found[1]} ${versions[found[0]] ?? ''} runs this program, and it lacks what a run measures itself with (performance.eventLoopUtilization). Start the program with Node 20.19 or newer`
}

const isPipeline = (given: unknown): given is Pipeline => typeof given === 'object' && given !== null && 'graph' in given

/** Mostly a definition that nobody called. */
const strangerText = (given: unknown): string => {
  if (typeof given === 'function') return 'it is a definition: call it, for that builds the pipeline. runner.run(options)(definition())'
  const what = given === null ? 'null' : typeof given === 'object' ? 'another object' : `what is ${typeof given}`
  return `a runner takes what Pipeline.of or a definition gives, and was handed ${what}`
}

const requireOptions = (pipelineName: string | null, given: unknown): void => {
  if (!isObject(given)) throw new InvalidPipelineError(pipelineName, [`its options are an object, and ${showGiven(given)} is none`])
  const known = new Map<string, Check>(Object.entries(checks))
  const problems = Object.entries(given).flatMap(([name, value]) => {
    const check = known.get(name)
    if (check === undefined) return [`there is no option ${name} of a run here. There are ${[...known.keys()].join(', ')}`]
    const problem = value === undefined ? null : check(value)
    return problem === null ? [] : [`${name} ${problem}`]
  })
  if (problems.length > 0) throw new InvalidPipelineError(pipelineName, problems)
}
