// A run's share in a worker: the same task loop as in the direct runner, told what to do by the main thread, and linked to its peers.
import { valueCoder } from '../../sdk/coders/index.ts'
import type { PortablePipeline } from '../../sdk/graph/pipeline.ts'
import type { HostContext, HostLease } from '../../sdk/model/bindings.ts'
import { redactedFields } from '../../sdk/model/redaction.ts'
import { redactedText } from '../../sdk/model/secret-text.ts'
import { Instant } from '../../sdk/model/time.ts'
import { sharedAmong } from './sharing-crew.ts'
import { planOf } from '../plan/plan.ts'
import type { Plan } from '../plan/stage.ts'
import { gatheredIn } from '../host/assertions.ts'
import { Bundles } from '../host/bundles.ts'
import { encodeOutputs, type WritableSnapshot } from '../host/checkpoint-content.ts'
import type { Clock } from '../host/clock.ts'
import { closings, connectClients, connectSinks, connectSources } from '../host/connecting.ts'
import { discoveringIn } from '../host/discovery-watch.ts'
import { Errands } from '../host/errands.ts'
import { Pacer } from '../host/pacer.ts'
import { Sinks } from '../host/sinks.ts'
import { SharedConfirmation } from '../host/shared-confirmation.ts'
import { TaskLoop } from '../host/task-loop.ts'
import { alwaysHeld, ThreadLease } from '../host/thread-lease.ts'
import { Link } from './link.ts'
import { isHome } from './home-sinks.ts'
import type { MainPort, PeerPort } from './port.ts'
import { oneWay, type StartStep, type ToMain, type ToWorker, type WorkerSetup } from './protocol.ts'

const reportMs = 100

/** What a worker takes from its thread. */
export interface WorkerPlace {
  readonly clock: Clock
  /** Builds the pipeline again. Reports each step before it begins. Rejects where the result is another pipeline. */
  readonly rebuild: (setup: WorkerSetup, onStep: (step: StartStep) => void) => Promise<PortablePipeline>
}

export class WorkerRun {
  readonly #setup: WorkerSetup
  readonly #main: MainPort
  readonly #clock: Clock
  readonly #pacer: Pacer
  readonly #errands = new Errands(() => this.#pacer.poke())
  readonly #lease: ThreadLease | null
  readonly #stop = new AbortController()
  readonly #closings: ReturnType<typeof closings>
  readonly #links = new Map<number, Link>()
  readonly #sinks: Sinks
  readonly #loop: TaskLoop
  #going = false
  #closed = false
  #finished = false
  #idle = 0
  /** The stages whose work may still move. */
  readonly #sharing: Set<string>
  #reportDueMs = 0

  static async open(setup: WorkerSetup, main: MainPort, { clock, rebuild }: WorkerPlace): Promise<WorkerRun> {
    const onStep = (step: StartStep): void => main.postMessage({ ...oneWay, _tag: 'Starting', step })
    const pipeline = await rebuild(setup, onStep)
    onStep('open')
    const plan = planOf(pipeline.graph)
    const stop = new AbortController()
    const lease = leaseOf(setup, main, clock)
    stop.signal.addEventListener('abort', () => lease?.end(), { once: true })
    const context = contextOf(setup, main, stop.signal, lease ?? alwaysHeld)
    const closing = closings(context.log)
    const { content } = setup
    try {
      const sources = await connectSources(plan, context, closing.closing)
      const clients = await connectClients(plan, context, closing.closing)
      const home = new Set(plan.sinks.filter(isHome).map(({ id }) => id))
      const here = { ...plan, sinks: plan.sinks.filter(({ id }) => !home.has(id)) }
      const site = { generation: setup.generation, shards: [setup.worker], writers: setup.workers, role: 'worker' } as const
      const place = { context, runId: content.runId, before: content, durable: setup.durable, site }
      return new WorkerRun(
        setup,
        main,
        clock,
        lease,
        context.log,
        plan,
        stop,
        closing,
        sources,
        clients,
        new Sinks(await connectSinks(here, place, closing.closing), home),
      )
    } catch (error) {
      stop.abort()
      await closing.close()
      throw error
    }
  }

  private constructor(
    setup: WorkerSetup,
    main: MainPort,
    clock: Clock,
    lease: ThreadLease | null,
    log: HostContext['log'],
    plan: Plan,
    stop: AbortController,
    closing: ReturnType<typeof closings>,
    sources: Awaited<ReturnType<typeof connectSources>>,
    clients: ReadonlyMap<string, unknown>,
    sinks: Sinks,
  ) {
    const { content, strict, seed, worker } = setup
    this.#setup = setup
    this.#main = main
    this.#clock = clock
    this.#lease = lease
    this.#pacer = new Pacer(clock)
    this.#stop = stop
    this.#closings = closing
    this.#sinks = sinks
    const shared = sharedAmong(setup.workers, plan, sources)
    this.#sharing = new Set(shared)
    this.#loop = new TaskLoop(
      {
        plan,
        content,
        site: {
          shards: [worker],
          of: setup.workers,
          shared,
          discovering: discoveringIn(sources),
          sendAway: (from, stage, shard, message) => this.#link(shard).send(from, stage, message),
          stateOf: task => Promise.resolve(setup.states[task] ?? []),
        },
        sources,
        sinks,
        clients,
        errands: this.#errands,
        bundles: new Bundles({ bundling: setup.bundling, seed: seed + worker, strict }),
        strict,
        seed: seed + worker,
        log,
        clock,
        lease: lease ?? alwaysHeld,
        told: true,
        backedUp: () => [...this.#links.values()].some(link => link.congested),
      },
      {
        onSnapshot: (epoch, snapshot) => this.#onSnapshot(epoch, snapshot),
        onChange: () => this.#pacer.poke(),
      },
    )
    for (const [peer, port] of setup.peers.entries()) {
      if (port !== null) this.#links.set(peer, this.#linkTo(peer, port, plan))
    }
  }

  #linkTo(peer: number, port: PeerPort, plan: Plan): Link {
    return new Link(port, plan.stages, {
      deliver: (from, stage, message) => {
        this.#errands.guarded(() => this.#loop.deliver(from, stage, message))
        // At once: a port gives a thousand messages before anybody has another turn.
        this.#sayWaiting()
        this.#pacer.poke()
      },
      onWaiting: waiting => {
        this.#loop.waitsElsewhere(peer, waiting)
        this.#pacer.poke()
      },
      onCredit: () => this.#pacer.poke(),
    })
  }

  #sayWaiting(): void {
    const waiting = this.#loop.waitingNews()
    if (waiting !== null) for (const link of this.#links.values()) link.sayWaiting(waiting)
  }

  #link(peer: number): Link {
    const link = this.#links.get(peer)
    if (link === undefined) throw new Error(`worker ${this.#setup.worker} has no link to ${peer}`)
    return link
  }

  #say(message: ToMain, transfer: ReadonlyArray<ArrayBuffer> = []): void {
    this.#main.postMessage(message, transfer)
  }

  /** To the end; rejects with what fails. `question`: the number of its answer that it is ready. */
  async run(question: number): Promise<void> {
    this.#main.on('message', (message: ToWorker) => {
      this.#errands.guarded(() => this.#do(message))
      this.#pacer.poke()
    })
    try {
      await this.#loop.prepare()
      for (const link of this.#links.values()) link.listen()
      this.#say({ _tag: 'Ready', question, scriptedMs: this.#loop.scriptedMs() })
      await this.#pacer.run({
        step: () => this.#step(),
        restMs: () => this.#restMs(),
        ended: () => this.#closed,
      })
    } finally {
      this.#stop.abort()
      await this.#loop.close()
      for (const link of this.#links.values()) link.close()
      await this.#closings.close()
    }
  }

  /** Until Go there is nothing to do. */
  #restMs(): number {
    if (!this.#going) return Infinity
    const dueInMs = this.#reportDueMs - this.#clock.monotonicMs()
    return this.#lease?.inDoubt === true ? dueInMs : Math.min(this.#loop.restMs(), dueInMs)
  }

  #step(): boolean {
    this.#errands.ask()
    this.#sinks.ask()
    if (!this.#going) return false
    if (this.#lease?.held() === false) {
      this.#report()
      return false
    }
    this.#loop.tick()
    const more = this.#loop.read()
    this.#sayWaiting()
    this.#report()
    return more
  }

  #traffic(): { readonly sent: number; readonly received: number } {
    let [sent, received] = [0, 0]
    for (const link of this.#links.values()) [sent, received] = [sent + link.sent, received + link.received]
    return { sent, received }
  }

  #report(): void {
    const now = this.#clock.monotonicMs()
    const finished = this.#loop.finished()
    const shares = this.#loop.shares(this.#sharing)
    // Whoever has nothing left says so at once: event time may wait for it.
    const idle = shares.filter(({ settled }) => settled).length
    if (now < this.#reportDueMs && finished === this.#finished && idle === this.#idle) return
    this.#finished = finished
    this.#idle = idle
    this.#reportDueMs = now + reportMs
    this.#say({ ...oneWay, _tag: 'Report', report: this.#loop.report(), finished, pendingBytes: this.#loop.pendingBytes(), shares })
  }

  #onSnapshot(epoch: number, { outputs, ...snapshot }: WritableSnapshot): void {
    const encoded = outputs instanceof Uint8Array ? outputs : outputs.length === 0 ? null : encodeOutputs(outputs)
    this.#say({ _tag: 'Snapshot', epoch, ...snapshot, outputs: encoded }, snapshot.keyed.flatMap(ownBuffer))
  }

  #do(message: ToWorker): void {
    switch (message._tag) {
      case 'Go':
        if (message.scriptedMs !== null) this.#loop.advanceTo(message.scriptedMs)
        this.#going = true
        return
      case 'AskRest':
        return this.#say({ _tag: 'Rest', question: message.question, ...this.#loop.rest(), ...this.#traffic() })
      case 'AdvanceTo':
        this.#loop.advanceTo(message.ms)
        return this.#say({ _tag: 'Moved', question: message.question })
      case 'Play':
        this.#loop.play()
        return this.#say({ _tag: 'Moved', question: message.question })
      case 'Inject':
        return this.#loop.inject(message.epoch, message.scope)
      case 'AskPositions': {
        const { question, epoch } = message
        return this.#errands.later(async () => {
          const positions = await this.#loop.positions(epoch)
          return () => this.#say({ _tag: 'Positions', question, epoch, positions })
        })
      }
      case 'Persisted':
        return this.#loop.persisted(message.epoch)
      case 'Aborted': {
        const { question, epoch } = message
        this.#loop.aborted(epoch)
        return this.#say({ _tag: 'Undone', question, epoch })
      }
      case 'Publish': {
        const { question, epoch, generation } = message
        return this.#errands.later(async () => {
          await this.#loop.publish({ epoch, generation })
          return () => this.#say({ _tag: 'Published', question, epoch })
        })
      }
      case 'TryAlone': {
        const { question, split } = message
        return this.#errands.later(async () => {
          const handedOn = await this.#loop.lone.ask(split)
          return () => this.#say({ _tag: 'Tried', question, handedOn })
        })
      }
      case 'EndTrials':
        return this.#loop.lone.end()
      case 'Committed':
        return this.#loop.committed(message.epoch)
      case 'Give':
        return this.#say({ _tag: 'Given', question: message.question, moved: this.#loop.give(message.stage) })
      case 'Take': {
        const { question, stage, moved } = message
        return this.#errands.later(async () => {
          const takeIn = await this.#loop.take(stage, moved)
          return () => {
            takeIn()
            this.#say({ _tag: 'Taken', question })
          }
        })
      }
      case 'ReadElsewhere':
        return this.#sinks.passed(message.origins)
      case 'Discovered':
        return this.#errands.later(() => this.#loop.discovered(message.dealt))
      case 'Release':
        if (message.at === Instant.max) this.#sharing.delete(message.stage)
        return this.#loop.released(message.stage, message.at)
      case 'StopPulling':
        return this.#loop.stopPulling()
      case 'Drain':
        return this.#loop.drain()
      case 'Gather': {
        const elements = Object.entries(gatheredIn(this.#loop.instances)).map(
          ([id, gathered]) => [id, structural.encode(gathered)] as const,
        )
        this.#say({ ...oneWay, _tag: 'Report', report: this.#loop.report(), finished: true, pendingBytes: 0, shares: [] })
        return this.#say({ _tag: 'Gathered', question: message.question, elements: Object.fromEntries(elements) })
      }
      case 'Close':
        this.#closed = true
        return
    }
  }
}

/** Small arrays share theirs with others. */
const ownBuffer = ({ buffer, byteLength }: Uint8Array): ReadonlyArray<ArrayBuffer> =>
  buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : []

const structural = valueCoder<unknown>()

/** A renewal is asked for through the main thread; what it confirms is read from shared memory. */
const leaseOf = ({ lease }: WorkerSetup, main: MainPort, clock: Clock): ThreadLease | null => {
  if (lease === null) return null
  const shared = new SharedConfirmation(lease.memory)
  const say = (message: ToMain): void => main.postMessage(message)
  return new ThreadLease({
    clock,
    expiryMs: lease.expiryMs,
    newest: () => shared.read(),
    ask: because => say({ ...oneWay, _tag: 'LeaseInDoubt', because }),
    onDoubt: () => undefined,
    onHeld: () => say({ ...oneWay, _tag: 'LeaseHeld' }),
  })
}

const contextOf = ({ provide }: WorkerSetup, main: MainPort, signal: AbortSignal, lease: HostLease): HostContext => {
  const bindings = new Map(provide.map(binding => [binding.key, binding]))
  return {
    lease,
    binding: key => bindings.get(key),
    // Secrets that this thread has resolved are known here alone.
    log: (level, message, fields) =>
      main.postMessage({
        ...oneWay,
        _tag: 'Log',
        level,
        message: redactedText(message),
        fields: redactedFields(fields ?? {}),
      } satisfies ToMain),
    signal,
  }
}
