// What every program can be told about its run, whatever its pipeline is: the options, and what they become for the runner.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { bindingKey, connectionBinding, serversIn } from '../../io/nats/settings.ts'
import type { Binding, LocalBinding } from '../../sdk/model/bindings.ts'
import { type Duration, hours, millis, minutes, seconds } from '../../sdk/model/time.ts'
import type { HostOptions } from '../host/options.ts'
import { parseListenAddress } from '../metrics/address.ts'
import { checkpointPlace } from './checkpoint-place.ts'

export interface RunOptionSpec {
  /** How its value is called in the usage; null: it takes none. */
  readonly value: string | null
  readonly text: string
}

/** In the order of the usage. */
export const runOptionSpecs = {
  nats: { value: 'URL[,URL]', text: 'where NATS is; else NATS_URL, else nats://127.0.0.1:4222' },
  checkpoints: {
    value: 'WHERE',
    text: "checkpoint place: a directory; 'jetstream', the same NATS; or nats://HOST/STREAM. Default, if any are needed: the pipeline's NATS, or the user's state folder without one",
  },
  every: { value: 'MS|10s|5m', text: 'how often one is taken; 1s unless told' },
  workers: { value: 'N', text: 'run on so many worker threads; else in one thread, the direct runner' },
  'worker-start-timeout': {
    value: 'MS|10s|5m',
    text: 'longest time until the worker threads have built the pipeline and opened its sources and sinks. Default: 90s',
  },
  job: { value: 'NAME', text: "the name that checkpoints are kept under; else the pipeline's own" },
  'begin-anew': {
    value: null,
    text: 'begin although the job ran before and its checkpoints are missing: its outputs are published again',
  },
  'from-savepoint': { value: 'NAME', text: 'roll back: start from a savepoint instead of the newest checkpoint, each time it is given' },
  metrics: {
    value: 'HOST:PORT',
    text: 'address of an HTTP endpoint with /metrics, /live and /ready. Default: none',
  },
  until: { value: 'end', text: 'stop at what is there when the first run begins' },
  'shutdown-timeout': {
    value: 'MS|10s|5m',
    text: 'longest time from Ctrl-C or SIGTERM to the end of the process. Default: 20s',
  },
  options: { value: 'FILE.json', text: "the pipeline's options as JSON; those on the command line go before" },
  strict: { value: null, text: 'check that functions leave their input alone and that elements survive their coder (slow)' },
  explain: { value: null, text: 'show the plan, and what each source and sink guarantees and why; run nothing' },
  log: { value: 'text|json', text: 'json: progress, messages and the result as records of pino, on standard error; text unless told' },
  'log-level': { value: 'LEVEL', text: 'debug, info, warn or error: what is left out of the log is below it; info unless told' },
  json: { value: null, text: 'progress, messages and the result as lines of JSON on standard error' },
  quiet: { value: null, text: 'no progress and no figures: warnings and errors only' },
  help: { value: null, text: 'this text' },
} as const satisfies Readonly<Record<string, RunOptionSpec>>

export type RunOptionName = keyof typeof runOptionSpecs
/** What was given: the text of each value, '' for an option that takes none. */
export type GivenRunOptions = Readonly<Partial<Record<RunOptionName, string>>>

export const runOptionNames = Object.keys(runOptionSpecs) as ReadonlyArray<RunOptionName> // of a constant: it has no other keys

/** Gives what is wrong with the value as a Left. A number alone is milliseconds. */
export const parseDuration = (text: string): Either<string, Duration> => {
  const [, digits, unit = 'ms'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim()) ?? []
  const length = digits === undefined ? NaN : lengthOf(Number(digits), unit)
  return length > 0 && Number.isFinite(length)
    ? E.right(millis(length))
    : E.left(`${JSON.stringify(text)} is not a length of time. Write milliseconds (500), or a unit: 500ms, 10s, 5m, 1h`)
}

const units: Readonly<Record<string, (n: number) => Duration>> = { ms: millis, s: seconds, m: minutes, h: hours }
const lengthOf = (n: number, unit: string): number => (units[unit] ?? millis)(n)

const logLevels = ['debug', 'info', 'warn', 'error'] as const

/** How the run is shown. */
export interface ToldLog {
  readonly kind: 'live' | 'json' | 'quiet' | 'quietJson' | 'pino'
  readonly level: (typeof logLevels)[number]
}

const toldLog = ({ log, json, quiet, 'log-level': given = 'info' }: GivenRunOptions): Either<string, ToldLog> => {
  const level = logLevels.find(each => each === given)
  if (level === undefined) return E.left(`--log-level ${given}: there are ${logLevels.join(', ')}`)
  if (log !== undefined && log !== 'text' && log !== 'json') return E.left(`--log ${log}: it is text or json`)
  if (log === 'json' && (json !== undefined || quiet !== undefined))
    return E.left(`--log json and --${json === undefined ? 'quiet' : 'json'} are two ways to show a run: leave one out`)
  if (log === 'json') return E.right({ kind: 'pino', level })
  if (quiet !== undefined) return E.right({ kind: json === undefined ? 'quiet' : 'quietJson', level })
  return E.right({ kind: json === undefined ? 'live' : 'json', level })
}

export interface ToldRun {
  readonly options: HostOptions
  readonly log: ToldLog
  /** null: the direct runner. */
  readonly workers: number | null
  /** undefined: the runner's default. */
  readonly workerStartTimeout: Duration | undefined
}

/** Whose values are names. */
const named = ['checkpoints', 'job', 'from-savepoint', 'options'] as const

/** What the runner is told: a Left says what is wrong with the command line. `provide` is what the program itself binds. */
export const runnerOptions = (given: GivenRunOptions, provide: ReadonlyArray<Binding | LocalBinding>): Either<string, ToldRun> => {
  const { nats, checkpoints, every, job, until, 'from-savepoint': savepoint } = given
  const empty = named.find(name => given[name]?.trim() === '')
  if (empty !== undefined)
    return E.left(
      `--${empty}: its value is empty, as that of a shell's variable that is not set. Write --${empty} ${runOptionSpecs[empty].value}, or leave --${empty} out`,
    )
  if (until !== undefined && until !== 'end') return E.left(`--until ${until}: the only end there is, is: --until end`)
  if (nats !== undefined && provide.some(({ key }) => key === bindingKey(undefined)))
    return E.left('--nats: this program says itself where NATS is, and that goes before the command line. Leave --nats out')
  const servers = nats === undefined ? undefined : serversIn(nats)
  if (servers?.includes('') === true)
    return E.left('--nats: an address is empty. Write --nats nats://host:4222, or several with commas between them')
  const everyMs = every === undefined ? undefined : parseDuration(every)
  if (everyMs?._tag === 'Left') return E.left(`--every: ${everyMs.left}`)
  const shutdown = given['shutdown-timeout'] === undefined ? undefined : parseDuration(given['shutdown-timeout'])
  if (shutdown?._tag === 'Left') return E.left(`--shutdown-timeout: ${shutdown.left}`)
  const workerStart = given['worker-start-timeout'] === undefined ? undefined : parseDuration(given['worker-start-timeout'])
  if (workerStart?._tag === 'Left') return E.left(`--worker-start-timeout: ${workerStart.left}`)
  const place = checkpoints === undefined && everyMs === undefined ? null : checkpointPlace(checkpoints, everyMs?.right)
  if (place?._tag === 'Left') return E.left(`--checkpoints ${place.left}`)
  const workers = given.workers === undefined ? null : Number(given.workers)
  if (workers !== null && !(Number.isInteger(workers) && workers >= 1))
    return E.left(`--workers ${given.workers}: it is a number of threads, from 1. As many as the machine has processors is a good one`)
  const live = provide.find(({ _tag }) => _tag === 'LocalBinding')
  if (workers !== null && live !== undefined)
    return E.left(`--workers: this program binds ${live.key} to a live object, which cannot leave its thread. Leave --workers out`)
  const address = given.metrics === undefined ? null : parseListenAddress(given.metrics)
  if (address?._tag === 'Left') return E.left(`--metrics: ${address.left}`)
  const log = toldLog(given)
  if (log._tag === 'Left') return log
  const options: HostOptions = {
    provide: [...provide, ...(servers === undefined ? [] : [connectionBinding(undefined, { servers })]), ...(place?.right.provide ?? [])],
    checkpoints: place?.right.checkpoints,
    job,
    from: savepoint === undefined ? undefined : { savepoint },
    beginAnew: given['begin-anew'] !== undefined,
    until,
    metrics: given.metrics,
    shutdownTimeout: shutdown?.right,
    strict: given.strict !== undefined,
  }
  return E.right({ options, log: log.right, workers, workerStartTimeout: workerStart?.right })
}
