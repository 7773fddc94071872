// Worker threads of a simulated process: the worker's real program on ports that deliver in order, each at a pace of its own.
import { failureClass } from '../../runners/host/failure-counts.ts'
import { failureOf } from '../../runners/worker-threads/failure.ts'
import type { PeerPort, Port, ThreadListener, Threads, WorkerThread } from '../../runners/worker-threads/port.ts'
import { oneWay, type ToMain, type ToPeer, type ToWorker, type WorkerSetup } from '../../runners/worker-threads/protocol.ts'
import { WorkerRun, type WorkerPlace } from '../../runners/worker-threads/worker-run.ts'
import type { Executor, Thread } from './executor.ts'

/** How this process's threads differ from others'. */
export interface ThreadTraits {
  /** Messages are cloned as between real threads, which is dear. */
  readonly clones: boolean
  /** How slow a channel may be, in milliseconds. */
  readonly paceMs: number
  /** How often a worker dies instead of hearing a message. */
  readonly deaths: () => number
  /** Share of answers that come twice, that come behind later messages, and of positions that get lost. */
  readonly repeats: () => number
  readonly reorders: () => number
  readonly losses: () => number
  /** Called with each of those. */
  readonly onAnswer: (what: 'repeated' | 'reordered' | 'lostAnswer') => void
}

export interface ThreadWorld {
  readonly executor: Executor
  readonly main: Thread
  readonly rebuild: WorkerPlace['rebuild']
  readonly traits: ThreadTraits
}

/** One direction of a channel: in order, one message a step. */
class Lane<M> {
  readonly #world: ThreadWorld
  /** Of each end, once it is known which thread holds it. */
  #to: Thread | null
  readonly #paceMs: number
  readonly #messages: M[] = []
  readonly #onDelivery: (to: Thread) => boolean
  #listener: ((message: M) => void) | null = null
  #armed = false
  closed = false

  /** `onDelivery`: says whether the message gets there. */
  constructor(world: ThreadWorld, to: Thread | null, onDelivery: (to: Thread) => boolean) {
    this.#world = world
    this.#to = to
    this.#onDelivery = onDelivery
    this.#paceMs = world.executor.draw.pick([0, 0, 1, 10]) * world.traits.paceMs
  }

  post(message: M, transfer: ReadonlyArray<ArrayBuffer>): void {
    if (this.closed) return
    this.#messages.push(this.#world.traits.clones ? structuredClone(message, { transfer: [...transfer] }) : message)
    this.#arm()
  }

  listen(listener: (message: M) => void): void {
    this.#to ??= this.#world.executor.current
    this.#listener = listener
    this.#arm()
  }

  /** Some of what is on its way gets lost with its sender. */
  cut(): void {
    this.#messages.splice(this.#world.executor.draw.int(0, this.#messages.length))
  }

  #arm(): void {
    const { executor } = this.#world
    if (this.#armed || this.#listener === null || this.#messages.length === 0) return
    this.#armed = true
    executor.schedule(this.#to, 'message', executor.delay(this.#paceMs), () => this.#deliver())
  }

  #deliver(): void {
    this.#armed = false
    if (this.closed || this.#to === null || !this.#onDelivery(this.#to)) return
    const message = this.#messages.shift()
    this.#arm()
    if (message !== undefined) this.#listener?.(message)
  }
}

const portOf = <In, Out>(into: Lane<In>, out: Lane<Out>): Port<In, Out> => ({
  postMessage: (message, transfer = []) => out.post(message, transfer),
  on: (_, listener) => into.listen(listener),
  close: () => {
    into.closed = true
  },
})

export class SimulatedThreads implements Threads {
  readonly #world: ThreadWorld
  readonly #workers = new Map<Thread, (error: Error) => void>()

  constructor(world: ThreadWorld) {
    this.#world = world
  }

  /** Those that live. */
  get living(): ReadonlyArray<Thread> {
    return [...this.#workers.keys()].filter(({ dead }) => !dead)
  }

  kill(worker: Thread, why: string): void {
    const die = this.#workers.get(worker)
    worker.dead = true
    die?.(new Error(why))
  }

  channel(): readonly [PeerPort, PeerPort] {
    const [there, back] = [new Lane<ToPeer>(this.#world, null, this.#survives), new Lane<ToPeer>(this.#world, null, this.#survives)]
    return [portOf(back, there), portOf(there, back)]
  }

  /** A worker may die at any message. */
  readonly #survives = (to: Thread): boolean => {
    const { executor, traits } = this.#world
    if (!executor.draw.chance(traits.deaths())) return true
    this.kill(to, 'simulated: it died at a message')
    return false
  }

  start(setup: WorkerSetup, question: number, listener: ThreadListener): WorkerThread {
    const { executor, main, rebuild, traits } = this.#world
    const thread = executor.thread(`${main.name}.${setup.worker}`)
    const toWorker = new Lane<ToWorker>(this.#world, thread, this.#survives)
    const toMain = new Lane<ToMain>(this.#world, main, () => true)
    let over = false
    let end = (): void => undefined
    const ended = new Promise<void>(resolve => {
      end = () => {
        over = true
        resolve()
      }
    })
    const exit = (error: Error): void => {
      thread.dead = true
      toMain.cut()
      executor.schedule(main, 'exit', executor.delay(5), () => {
        if (!over) listener.onDeath(error)
        end()
      })
    }
    this.#workers.set(thread, exit)
    thread.onUncaught = error => exit(error instanceof Error ? error : new Error(String(error)))
    toMain.listen(message => {
      if (message._tag === 'Failed' || message._tag === 'Closed') end()
      if (!('question' in message)) return listener.onMessage(message)
      const later = (): void =>
        void executor.schedule(main, 'late answer', executor.delay(traits.paceMs * 8), () => {
          if (!over) listener.onMessage(message)
        })
      if (message._tag === 'Positions' && executor.draw.chance(traits.losses())) return traits.onAnswer('lostAnswer')
      if (executor.draw.chance(traits.repeats())) {
        traits.onAnswer('repeated')
        later()
      }
      if (executor.draw.chance(traits.reorders())) {
        traits.onAnswer('reordered')
        return later()
      }
      listener.onMessage(message)
    })
    const port = portOf(toWorker, toMain)
    const say = (message: ToMain): void => port.postMessage(message)
    // Ports are no data: they change hands as they are.
    const { peers, ...rest } = setup
    const given: WorkerSetup = traits.clones ? { ...structuredClone(rest), peers } : setup
    executor.schedule(thread, 'begin', executor.delay(20), () => {
      void WorkerRun.open(given, port, { clock: executor.clockOf(thread), rebuild })
        .then(run => run.run(question))
        .then(
          () => say({ ...oneWay, _tag: 'Closed' }),
          (error: unknown) =>
            say({ ...oneWay, _tag: 'Failed', error: failureOf.ofThrown(setup.worker, error), failureClass: failureClass(error) }),
        )
        .finally(() => port.close())
    })
    return {
      post: message => toWorker.post(message, []),
      close: async graceMs => {
        if (!over) toWorker.post({ ...oneWay, _tag: 'Close' }, [])
        const late = executor.schedule(main, 'terminate', graceMs, () => {
          if (!thread.dead) exit(new Error('simulated: it did not close in time'))
        })
        await ended
        late.cancelled = true
        thread.dead = true
        toMain.closed = true
      },
    }
  }
}
