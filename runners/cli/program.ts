// A program's run from its arguments to its exit code.
import { readFile } from 'node:fs/promises'
import { basename, relative } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { parseJson } from '../../io/settings/documents.ts'
import type { Problem } from '../../io/settings/schema.ts'
import { mayBeShown, notShown } from '../../io/settings/shown-names.ts'
import type { StandardSchema } from '../../sdk/coders/index.ts'
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'
import type { PipelineDefinition, PortablePipeline } from '../../sdk/graph/pipeline.ts'
import type { PipelineError, PipelineResult } from '../../sdk/model/run.ts'
import { errorText } from '../../sdk/model/error-text.ts'
import { jsonLogger } from '../host/log.ts'
import type { HostOptions } from '../host/options.ts'
import { DirectRunner } from '../direct/index.ts'
import { type CommandLine, parseCommandLine } from './command-line.ts'
import { defectText, failureText, thrownText } from './failure-text.ts'
import { strangerText } from './given-definition.ts'
import type { MainOptions } from './main.ts'
import { output } from './output.ts'
import { optionsShape, type OptionsShape, optionsValue } from './pipeline-options.ts'
import { fromLevel, loggingReporter, logOf, type Reporter, reporter } from './progress.ts'
import { runnerOptions, type ToldLog, type ToldRun } from './run-options.ts'
import { listen } from './signals.ts'
import { usage } from './usage.ts'
import { WorkerThreadsRunner } from '../worker-threads/index.ts'

const succeeded = 0
const failed = 1
const misused = 2

/** Ends the program with `problem` and the exit code of a wrong use. */
export const refuse = (problem: string): void => {
  output.problem(problem)
  process.exitCode = misused
}

/** Sets the exit code, and never rejects. */
export const runProgram = async (definition: PipelineDefinition<never>, args: ReadonlyArray<string>, o: MainOptions): Promise<void> => {
  // Who reads may go before the work is done: it goes on without its lines.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const stranger = strangerText(definition)
  if (stranger !== null) return refuse(`${program()}: ${stranger}`)
  try {
    process.exitCode = await perform(definition, args, o)
  } catch (error) {
    output.problem(defectText(error))
    process.exitCode = 1
  }
}

const perform = async (
  definition: PipelineDefinition<never>,
  args: ReadonlyArray<string>,
  { provide = [] }: MainOptions,
): Promise<number> => {
  const { pipelineName, schema } = definition
  const shape = optionsShape(schema)
  const misuse = (problem: string): number => {
    output.problem(`${pipelineName}: ${problem}`)
    return misused
  }
  if (args.includes('--help') || args.includes('-h')) {
    output.result(usage(pipelineName, program(), shape))
    return succeeded
  }
  const parsed = parseCommandLine(args, shape)
  if (parsed._tag === 'Left') return misuse(parsed.left)
  const { run } = parsed.right
  const told = runnerOptions(run, provide)
  if (told._tag === 'Left') return misuse(told.left)
  const options = await pipelineOptions(schema, shape, parsed.right)
  if (options._tag === 'Left') return misuse(options.left)
  const reports = await reporterOf(told.right.log, told.right.options.job ?? pipelineName)
  const pipeline = built(definition, options.right)
  if (pipeline._tag === 'Left') {
    reports.failure(pipeline.left.tag, pipeline.left.text)
    return failed
  }
  return run.explain !== undefined
    ? explain(pipelineName, pipeline.right, told.right, reports)
    : runToEnd(pipelineName, pipeline.right, told.right, reports)
}

const reporterOf = async ({ kind, level }: ToldLog, job: string): Promise<Reporter> => {
  const now = (): number => performance.now()
  return kind === 'pino'
    ? loggingReporter(await jsonLogger(level), now)
    : fromLevel(reporter(kind, process.stderr, now, { job, environment: process.env }), level)
}

const program = (): string => {
  const started = process.argv[1] ?? ''
  const fromHere = relative(process.cwd(), started)
  return `node ${fromHere.startsWith('..') ? basename(started) : fromHere}`
}

const pipelineOptions = async (
  schema: StandardSchema<unknown, unknown> | null,
  shape: OptionsShape,
  { run, options }: CommandLine,
): Promise<Either<string, unknown>> => {
  if (schema === null && run.options !== undefined) return E.left('--options: this pipeline takes no options of its own')
  const base = run.options === undefined ? E.right({}) : await readOptions(run.options)
  if (base._tag === 'Left') return base
  const required = shape.options.filter(option => option.required).length > 0
  return E.mapLeft(
    (problems: ReadonlyArray<string>) =>
      `these options are refused:\n${problems.map(problem => `  ${problem}`).join('\n')}${required ? '\n--help lists them' : ''}`,
  )(optionsValue(schema, base.right, options))
}

const readOptions = async (path: string): Promise<Either<string, unknown>> => {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (!(await mayBeShown(path, error))) return E.left(`--options: there is no file of this name ${notShown}`)
    return E.left(`--options: ${path} cannot be read: ${errorText(error)}`)
  }
  return E.mapLeft(({ path: key, reason }: Problem) => `--options: ${path} cannot be used: ${key === '' ? '' : `${key}: `}${reason}`)(
    parseJson(text.replace(/^\uFEFF/, '')),
  )
}

const built = (
  definition: PipelineDefinition<never>,
  options: unknown,
): Either<{ readonly tag: string; readonly text: string }, PortablePipeline> => {
  try {
    return E.right(definition(options as never)) // the definition checks them with its own schema
  } catch (error) {
    if (error instanceof InvalidPipelineError) return E.left({ tag: error._tag, text: error.message })
    return E.left({ tag: error instanceof Error ? error.name : 'Error', text: thrownText(definition.pipelineName, error) })
  }
}

const explain = async (pipelineName: string, pipeline: PortablePipeline, told: ToldRun, reports: Reporter): Promise<number> => {
  const explained = await DirectRunner.explain({ ...told.options, log: logOf(reports) })(pipeline)()
  if (explained._tag === 'Left') {
    reports.failure(explained.left._tag, failureText(pipelineName, explained.left))
    return failed
  }
  output.result(explained.right)
  return succeeded
}

const taskOf = (
  pipeline: PortablePipeline,
  { options, workers, workerStartTimeout }: Pick<ToldRun, 'options' | 'workers' | 'workerStartTimeout'>,
  o: Pick<HostOptions, 'log' | 'onProgress' | 'onEvent' | 'signal'>,
): TaskEither<PipelineError, PipelineResult> => {
  if (workers === null) return DirectRunner.run({ ...options, ...o })(pipeline)
  // The command line has refused live objects together with workers.
  const provide = (options.provide ?? []).filter(binding => binding._tag === 'Binding')
  return WorkerThreadsRunner.run({ ...options, ...o, provide, workers, workerStartTimeout })(pipeline)
}

const runToEnd = async (pipelineName: string, pipeline: PortablePipeline, told: ToldRun, reports: Reporter): Promise<number> => {
  const signals = listen(signal => reports.say('info', `${signal}: suspending, with a last checkpoint. Once more ends it at once`))
  try {
    const ended = await taskOf(pipeline, told, {
      log: logOf(reports),
      onProgress: reports.progress,
      onEvent: reports.event,
      signal: signals.suspend,
    })()
    if (ended._tag === 'Left') {
      reports.failure(ended.left._tag, failureText(pipelineName, ended.left))
      return failed
    }
    const { state, metrics } = ended.right
    // A run that begins opens a reader for each split: one without any found the job done.
    if (state === 'done' && metrics.splits.length === 0)
      reports.say(
        'info',
        `the job ${JSON.stringify(told.options.job ?? pipelineName)} had ended before: there was nothing to do. --job NAME begins another`,
      )
    if (state === 'suspended' && metrics.checkpoints.lastEpoch === null)
      reports.say(
        'warn',
        'nothing was kept, for this pipeline needs no checkpoints: the next start begins anew. --checkpoints DIR keeps them',
      )
    reports.result(ended.right)
    return succeeded
  } finally {
    signals.ignore()
    // What a server or store that does not answer still keeps open is not waited for.
    if (signals.suspend.aborted) setTimeout(() => process.exit(), lingerMs).unref()
  }
}

/** After a signal, for what closes by itself. */
const lingerMs = 250
