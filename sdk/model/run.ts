// What every runner shares: options, the running job, the result, and the errors a run ends with.
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Binding } from './bindings.ts'
import type { JobEvent, JobState, RolledBack } from './job-event.ts'
import type { JobMetrics } from './job-metrics.ts'
import { showGiven } from './show-given.ts'
import type { Duration } from './time.ts'

type Checkpointing = {
  readonly _tag: 'Checkpoints'
  readonly everyMs: number
  readonly keep: number
  readonly timeoutMs: number
  readonly failures: number
  readonly leaseMs: number
}
/** Where checkpoints are kept, how often they are taken, how long each may take, and how many stay. Plain data. */
export type Checkpoints = Checkpointing &
  /** The default place: JetStream where the pipeline uses it, else a directory. */
  (
    | { readonly kind: 'auto' }
    | {
        readonly kind: 'directory'
        /** null: the default place, under the user's state folder. */
        readonly path: string | null
      }
    | {
        readonly kind: 'jetstream'
        readonly stream: string
        /** A name that is bound with JetStreamIO.connection. */
        readonly connection: string
        /** null: as many as the pipeline's streams on that connection have. */
        readonly replicas: number | null
        /** null: 1 GiB, or less where the server has less. */
        readonly maxBytes: number | null
      }
  )

type HowOften = {
  /** The time between two checkpoints: a second unless told. */
  readonly every?: Duration | undefined
  /** How many stay: 3 unless told. */
  readonly keep?: number | undefined
  /** One that takes longer comes to nothing, and what it held goes into the next. 10 minutes unless told. */
  readonly timeout?: Duration | undefined
  /** So many that come to nothing, one after the other, end the run with CheckpointFailed. 5 unless told. */
  readonly failures?: number | undefined
  /**
   * How long another process waits before it takes over a job whose process it cannot ask. Past four fifths of it without a confirmed
   * renewal, a process stops reading and publishing: see the event `LeaseInDoubt`. From 100 ms to an hour. Default: 15 s.
   */
  readonly leaseDuration?: Duration | undefined
}

const shownTime = (time: unknown): string => (typeof time === 'number' ? `${time} ms` : showGiven(time))

const times = ['every', 'keep', 'timeout', 'failures', 'leaseDuration'] as const

/** JavaScript takes any name, and a misspelt one would be taken for one that was left out. */
const requireKnown = (of: string, given: unknown, known: ReadonlyArray<string>): void => {
  if (typeof given !== 'object' || given === null)
    throw new RangeError(`${of} takes options by name, ${known.join(', ')}, and was given what is ${typeof given}`)
  const stranger = Object.keys(given).find(name => !known.includes(name))
  if (stranger !== undefined) throw new RangeError(`${of} has no option ${stranger}. Its options are ${known.join(', ')}`)
}

const checked = (of: string, { every: given, keep = 3, timeout: limit, failures = 5, leaseDuration }: HowOften): Checkpointing => {
  const every: number = given ?? 1_000
  const timeout: number = limit ?? 600_000
  const lease: number = leaseDuration ?? 15_000
  if (!(typeof every === 'number' && every > 0))
    throw new RangeError(
      `${of}: every is a time between checkpoints, and ${shownTime(every)} is none: give seconds(1), or a number of milliseconds`,
    )
  if (!Number.isInteger(keep) || keep < 1) throw new RangeError(`${of}: keep is how many stay, a whole number from 1, and ${keep} is not`)
  if (!(typeof timeout === 'number' && timeout > 0))
    throw new RangeError(
      `${of}: timeout is the longest that a checkpoint may take, and ${shownTime(timeout)} is no time: give minutes(1), or a number of milliseconds`,
    )
  if (!Number.isInteger(failures) || failures < 1)
    throw new RangeError(`${of}: failures is how many in a row end the run, a whole number from 1, and ${failures} is not`)
  if (!(typeof lease === 'number' && lease >= 100 && lease <= 3_600_000))
    throw new RangeError(
      `${of}: leaseDuration is a time from 100 ms to an hour, and ${shownTime(lease)} is not: give seconds(15), or a number of milliseconds`,
    )
  return { _tag: 'Checkpoints', everyMs: every, keep, timeoutMs: timeout, failures, leaseMs: lease }
}

/**
 * Where a run keeps its checkpoints, and how often it takes them. A later start under the same job name goes on from the newest one.
 *
 * @example
 * DirectRunner.run({ job: 'totals', checkpoints: Checkpoints.directory('./state') })
 */
export const Checkpoints = {
  /**
   * Checkpoints in the default place, with other times: `Checkpoints.jetstream()` on the connection of the first source or sink that uses
   * JetStream, `Checkpoints.directory()` where none does. Throws a RangeError as Checkpoints.directory.
   *
   * @example
   * DirectRunner.run({ checkpoints: Checkpoints.auto({ every: seconds(10) }) })
   */
  auto: (o: HowOften = {}): Checkpoints => {
    requireKnown('Checkpoints.auto', o, times)
    return Object.freeze({ ...checked('Checkpoints.auto', o), kind: 'auto' })
  },
  /**
   * Checkpoints in a directory: `path`, or a folder of the user's state directory if it is left out. Taken `every` second unless told;
   * the last `keep` (3) stay. One that takes longer than `timeout` (10 minutes) comes to nothing, and so many `failures` (5) in a row end
   * the run. Throws a RangeError for an empty path, an unknown option, a time that is not positive, or fewer than one.
   *
   * @example
   * DirectRunner.run({ checkpoints: Checkpoints.directory('./state', { every: seconds(10) }) })
   */
  directory: (path?: string, o: HowOften = {}): Checkpoints => {
    if (path === '') throw new RangeError('Checkpoints.directory: the path is empty. Name a folder, or leave the path out')
    // Its login would become the name of a folder.
    if (path !== undefined && /^\s*[a-z][a-z0-9+.-]*:\/\//i.test(path))
      throw new RangeError('Checkpoints.directory: this is an address, and no folder. Name a folder, or use Checkpoints.jetstream')
    requireKnown('Checkpoints.directory', o, times)
    return Object.freeze({ ...checked('Checkpoints.directory', o), kind: 'directory', path: path ?? null })
  },
  /**
   * Checkpoints in a JetStream stream: a pipeline goes on from any machine that reaches its servers. The stream holds the checkpoints of
   * any number of jobs; its default name is JETBEAM_CHECKPOINTS. If it does not exist, it is created with `replicas` (default: those of the
   * pipeline's streams) and `maxBytes` (default: 1 GiB). `connection` names a provided connection (default: 'default'). A checkpoint is
   * taken `every` second by default, and the last `keep` (3) stay; `timeout` and `failures` are those of a directory. A server acknowledges
   * before its disk is synced: replicas or `sync_interval: always` protect against a loss of power. Throws a RangeError for a value out of
   * range, or an unknown option.
   *
   * @example
   * DirectRunner.run({
   *   provide: [JetStreamIO.connection({ servers: 'nats://a:4222,nats://b:4222,nats://c:4222' })],
   *   checkpoints: Checkpoints.jetstream({ replicas: 3, every: seconds(10) }),
   * })
   */
  jetstream: (
    o: HowOften & {
      /** JETBEAM_CHECKPOINTS unless told. */
      readonly stream?: string | undefined
      /** The name of a connection that is provided: 'default' unless told. */
      readonly connection?: string | undefined
      /** Replicas of a stream that is made here, from 1 to 5. Default: as many as the pipeline's streams on that connection have. */
      readonly replicas?: number | undefined
      /** Largest size of a stream that is made here, in bytes. Default: 1 GiB, or less where the server has less. */
      readonly maxBytes?: number | undefined
    } = {},
  ): Checkpoints => {
    requireKnown('Checkpoints.jetstream', o, [...times, 'stream', 'connection', 'replicas', 'maxBytes'])
    const { stream = 'JETBEAM_CHECKPOINTS', connection = 'default', replicas = null, maxBytes = null } = o
    if (!/^[^\s.*>/\\]+$/.test(stream))
      throw new RangeError(
        `Checkpoints.jetstream: ${JSON.stringify(stream)} cannot name a stream: a name has no spaces, dots, slashes or wildcards, and is not empty`,
      )
    if (replicas !== null && (!Number.isInteger(replicas) || replicas < 1 || replicas > 5))
      throw new RangeError(`Checkpoints.jetstream: replicas is how many servers keep the stream, from 1 to 5, and ${replicas} is not`)
    if (maxBytes !== null && (!Number.isSafeInteger(maxBytes) || maxBytes < 1))
      throw new RangeError(`Checkpoints.jetstream: maxBytes is a number of bytes from 1, and ${showGiven(maxBytes)} is not`)
    return Object.freeze({ ...checked('Checkpoints.jetstream', o), kind: 'jetstream', stream, connection, replicas, maxBytes })
  },
} as const

/** How often a run that failed begins again from its last checkpoint. Plain data. */
export interface Restart {
  /** In a row, 0 for never. A checkpoint between two failures begins the count anew, unless the same failure comes again within ten minutes. */
  readonly attempts: number
  /** The pause before the first; it doubles from there. 500 ms unless told. */
  readonly initial?: Duration | undefined
  /** The longest pause. 30 s unless told. */
  readonly max?: Duration | undefined
}

/** What a run on any runner can be told; runners add their own. All of it may be left out. See {@link Runner} (Beam's PipelineOptions). */
export interface RunOptions {
  /** What the pipeline refers to by name: `JetStreamIO.connection({ … })`. */
  readonly provide?: ReadonlyArray<Binding> | undefined
  /**
   * The checkpoint place. Default: none where nothing in the pipeline needs checkpoints; else Checkpoints.jetstream() on the connection of
   * the first source or sink that uses JetStream, or a folder of the user's state directory where none does. Logged at the start.
   */
  readonly checkpoints?: Checkpoints | undefined
  /** The name under which checkpoints are kept: a definition's own unless given. */
  readonly job?: string | undefined
  /**
   * Roll the job back: start from a savepoint instead of the newest checkpoint, as `job.rollback` does while it runs. Each start that is
   * given it begins there again; a restart after a failure does not.
   */
  readonly from?: { readonly savepoint: string } | undefined
  /**
   * Begins a job that ran before although its checkpoints are missing, and publishes its outputs again. Without effect on a job that has
   * checkpoints. Default: false, and such a start is refused (`CheckpointFailed`, kind `CheckpointsMissing`).
   */
  readonly beginAnew?: boolean | undefined
  /** `end`: unbounded sources stop at what is there when this process begins. The job is then done: a later start does nothing. */
  readonly until?: 'end' | undefined
  /** What becomes of a run with checkpoints whose functions, workers or servers fail. The runner says what it does unless told. */
  readonly restart?: Restart | undefined
  /** Suspends the run: it checkpoints, publishes what the checkpoint holds, and ends. */
  readonly signal?: AbortSignal | undefined
  /**
   * The longest time from the abort of `signal` to the end of the run, in every state: while it opens, reads, publishes or restarts, and
   * whether servers and store answer or not. After three fifths of it the run is cancelled and closed; a run whose last checkpoint was not
   * finished then ends with `ShutdownTimedOut`. Default: 20 s.
   */
  readonly shutdownTimeout?: Duration | undefined
  /**
   * `HOST:PORT` of an HTTP endpoint: `/metrics` for Prometheus and OpenMetrics, `/live` and `/ready` for an orchestrator. A port alone is
   * that of the loopback interface; port 0 takes a free one, which is logged. Default: no endpoint.
   */
  readonly metrics?: string | undefined
  /** Called about four times a second while it runs. Where it throws or rejects, that is logged and it is not called again. */
  readonly onProgress?: ((metrics: JobMetrics) => void) | undefined
  /**
   * Called with each event from the first on, in the thread that started the run. Nobody waits for what it returns, and where it throws
   * that is logged and it is not called again.
   */
  readonly onEvent?: ((event: JobEvent) => void) | undefined
}

/**
 * Why a run could not begin or go on: the Left of a run, or what `orThrow` rejects with. `message` says what, where and how to fix it;
 * `transform` is the path of the transform in the pipeline; `cause` what was thrown.
 *
 * `InvalidPipeline`: it cannot run, here or with these options, for all of these `problems`. `UserCodeFailed`: a function threw, or
 * rejected, for `element`, shown as text; one that comes straight from a source has its `position` there, and its `split`, else both are
 * null. `GraphMismatch`: the checkpoint is of another pipeline, by these `differences`.
 * `CheckpointFailed`: they cannot be kept or read; `kind` says why. `IoFailed`: a source or a sink; the cause is a JetStreamIOError or a
 * TextIOError. `AssertionFailed`: a PAssert does not hold. `WorkerFailed`: a worker thread ended, or did not answer.
 * `ShutdownTimedOut`: the run was asked to end, and its last checkpoint was not finished within `shutdownTimeout`; `unfinished` names
 * what it waited for. `InternalError`: a fault of Jetbeam itself; `cause` has its stack.
 */
export type PipelineError =
  | { readonly _tag: 'InvalidPipeline'; readonly problems: ReadonlyArray<string>; readonly message: string }
  | {
      readonly _tag: 'UserCodeFailed'
      readonly transform: string
      readonly element: string
      readonly split: string | null
      readonly position: number | null
      readonly message: string
      readonly cause: unknown
    }
  | { readonly _tag: 'GraphMismatch'; readonly differences: ReadonlyArray<string>; readonly message: string }
  | { readonly _tag: 'CheckpointFailed'; readonly kind: string; readonly message: string; readonly cause: unknown }
  | { readonly _tag: 'IoFailed'; readonly transform: string; readonly message: string; readonly cause: unknown }
  | { readonly _tag: 'AssertionFailed'; readonly message: string; readonly cause: unknown }
  | { readonly _tag: 'ShutdownTimedOut'; readonly unfinished: string; readonly message: string; readonly cause: unknown }
  | { readonly _tag: 'WorkerFailed'; readonly worker: number; readonly message: string; readonly cause: unknown }
  | { readonly _tag: 'InternalError'; readonly message: string; readonly cause: unknown }

/** How a run ended, with its last metrics (Beam's PipelineResult). */
export interface PipelineResult {
  /**
   * done: every source reached its end. suspended: stopped with a checkpoint to go on from. drained: watermarks went to infinity early.
   * cancelled: stopped without one.
   */
  readonly state: 'done' | 'suspended' | 'drained' | 'cancelled'
  /** As they were at the end. */
  readonly metrics: JobMetrics
}
/** A pipeline that runs, as `Runner.start` gives it. Its tasks may be called more than once. */
export interface Job {
  /** Waits for its end: a rollback is none. */
  readonly done: TaskEither<PipelineError, PipelineResult>
  /** Stop pulling, checkpoint, publish, end; watermarks stay, and a later start goes on from here. */
  readonly suspend: TaskEither<PipelineError, PipelineResult>
  /** Stop pulling, let every window fire, publish, end. Its checkpoint cannot be resumed. */
  readonly drain: TaskEither<PipelineError, PipelineResult>
  /** Stop at once. What is durable stays, and a later start goes on from the newest checkpoint. */
  readonly cancel: TaskEither<PipelineError, PipelineResult>
  /** A self-contained checkpoint under a name of its own; gives the place where it lies. */
  readonly savepoint: (name: string) => TaskEither<PipelineError, string>
  /**
   * Goes back to a savepoint of this job: the run ends at once and publishes nothing more, and another one, with a new run id, begins where
   * the savepoint was taken. Gives what stays visible of the run that ended. The job is the same: `done` waits for the new run's end.
   *
   * Where it is refused, the run goes on: CheckpointFailed with `kind` NoSuchSavepoint, or RollbackRefused where the job keeps no
   * checkpoints or is ending, or a source whose elements cannot be read again (`replayable: false`) has gone on; GraphMismatch. What
   * `afterCommit` has called since stays called. It becomes true with one manifest: a process that dies meanwhile goes on from the newest
   * checkpoint, or from the savepoint. Where the new run cannot begin, the job begins again or fails as after any failure.
   *
   * @example
   * const { url } = await NatsServer.start()
   * const relay = pipe(
   *   JetStreamIO.read({ stream: 'ORDERS', coder: Coder.bytes }),
   *   PCollection.orFail,
   *   JetStreamIO.write({ stream: 'COPIES', subject: 'copies', coder: Coder.bytes }),
   * )
   * const provide = [JetStreamIO.connection({ servers: url })]
   * const job = await orThrow(pipe(Pipeline.of(relay), DirectRunner.start({ job: 'relay', provide })))
   * await orThrow(job.savepoint('monday')) // and when it turns out on Tuesday that a rate was wrong:
   * const { visible } = await orThrow(job.rollback('monday'))
   */
  readonly rollback: (name: string) => TaskEither<PipelineError, RolledBack>
  /** How it stands now. */
  readonly state: () => JobState
  /** As they are now. */
  readonly metrics: () => JobMetrics
  /**
   * Events from now on, to the job's end. Whoever takes them too slowly misses some and is told how many ({@link JobEvent}): the job waits
   * for nobody.
   */
  readonly events: () => AsyncIterableIterator<JobEvent>
}
/** Runs pipelines of type `P` with options `O` (Beam's PipelineRunner). Pipelines come last, so that they can be piped into it. */
export interface Runner<P, O> {
  /**
   * Runs a pipeline to its end, as a promise. Rejects with an Error that has the fields of the {@link PipelineError}, `_tag` among them, and
   * whose `name` is that tag.
   *
   * @example
   * const { state } = await DirectRunner.runNow(Pipeline.of(pipe(orders, PCollection.ignore)))
   * state // => 'done'
   */
  readonly runNow: (p: P, o?: O) => Promise<PipelineResult>
  /** To the end. Lazy: call the task, or hand it to `orThrow`. */
  readonly run: (o?: O) => (p: P) => TaskEither<PipelineError, PipelineResult>
  /** Until it is up. */
  readonly start: (o?: O) => (p: P) => TaskEither<PipelineError, Job>
  /** The plan, and each source's and sink's guarantee with its reason, as text. */
  readonly explain: (o?: O) => (p: P) => TaskEither<PipelineError, string>
}

/**
 * Runs a task now: resolves to its Right, and rejects with its Left, as it is where that is an Error, else as an Error with its fields whose
 * `name` is its `_tag`. For a script's last line.
 *
 * @example
 * const { state } = await orThrow(pipe(Pipeline.of(pipe(orders, PCollection.ignore)), DirectRunner.run()))
 * state // => 'done'
 */
export const orThrow = async <E, A>(task: TaskEither<E, A>): Promise<A> => {
  const result = await task()
  if (result._tag === 'Right') return result.right
  const error: unknown = result.left
  throw error instanceof Error ? error : errorOf(error)
}

const errorOf = (error: unknown): Error => {
  const shape = (typeof error === 'object' && error !== null ? error : {}) as {
    readonly _tag?: unknown
    readonly message?: unknown
    readonly cause?: unknown
  }
  const wrapped = new Error(typeof shape.message === 'string' ? shape.message : String(error), { cause: shape.cause ?? error })
  for (const [name, value] of Object.entries(shape))
    if (!(name in wrapped)) Object.defineProperty(wrapped, name, { value, enumerable: true })
  wrapped.name = typeof shape._tag === 'string' ? shape._tag : 'PipelineError'
  return wrapped
}
