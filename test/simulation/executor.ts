// A seeded executor: it owns virtual time and every thing that can happen next, and draws what does. The code under test runs for real;
// between two actions all of its promises settle, so that a seed decides the whole run.
import type { Clock } from '../../runners/host/clock.ts'
import type { Draw } from './draw.ts'

/** One thread of a simulated process. */
export interface Thread {
  readonly name: string
  /** Its number in the world, for traces. */
  readonly id: number
  dead: boolean
  /** It runs nothing until it is resumed, while time goes on. */
  paused: boolean
  /** What became due while it was paused. */
  readonly parked: Action[]
  /** Called with what an action threw: a real thread would end. */
  onUncaught: (error: unknown) => void
}

/** Something that will happen; `thread`: whose code it runs, or null for the world outside. */
export interface Action {
  readonly what: string
  readonly thread: Thread | null
  readonly dueMs: number
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

/** How many steps run between two turns of the real event loop: there rejections that nothing handles are seen. */
const stepsAtOnce = 256

export class Executor {
  readonly draw: Draw
  /** Virtual time in milliseconds. */
  nowMs = 1_000
  /** How far the machine's wall clock is ahead of it. */
  wallAheadMs = 100_000_000
  steps = 0
  /** A hash of all steps: equal for two runs of one seed. */
  trace = 0x811c9dc5
  /** Whose code runs now, and whose promises settle. */
  current: Thread | null = null
  /** What a thread threw that has nobody to catch it. */
  readonly #readingMs: number
  readonly #hiccup: number
  readonly #ready: Action[] = []
  readonly #later: Action[] = []
  #order = 0
  #threads = 0
  #uuids = 0
  /** Called with each step, for a person who reads. */
  onStep: ((what: string, thread: Thread | null) => void) | null = null

  /** `readingMs`: how far a look at a clock moves it at most; `hiccup`: how often it takes much longer. */
  constructor(draw: Draw, readingMs: number, hiccup: number) {
    this.draw = draw
    this.#readingMs = readingMs
    this.#hiccup = hiccup
  }

  thread(name: string): Thread {
    return {
      name,
      id: this.#threads++,
      dead: false,
      paused: false,
      parked: [],
      onUncaught: error => {
        throw error
      },
    }
  }

  /** Happens after `delayMs` at the earliest, in an order that is drawn among all that is due. */
  schedule(thread: Thread | null, what: string, delayMs: number, run: () => void): Action {
    const action: Action = { what, thread, dueMs: this.nowMs + delayMs, order: this.#order++, run, cancelled: false }
    if (delayMs <= 0) this.#ready.push(action)
    else push(this.#later, action)
    return action
  }

  /** A drawn delay: often none, sometimes up to `scaleMs`, seldom a multiple of that. */
  delay(scaleMs: number): number {
    const share = this.draw.share()
    if (scaleMs === 0 || share < 0.5) return 0
    return share < 0.95 ? ((share - 0.5) / 0.45) * scaleMs : (share - 0.9) * 100 * scaleMs
  }

  /** In the current thread. */
  pause(delayMs: number): Promise<void> {
    const thread = this.current
    return new Promise(resolve => this.schedule(thread, 'pause', delayMs, resolve))
  }

  clockOf(thread: Thread): Clock {
    const read = (): number => {
      this.nowMs += this.draw.chance(this.#hiccup) ? this.draw.share() * 30 : this.draw.share() * this.#readingMs
      return this.nowMs
    }
    return {
      wallMs: () => Math.floor(read() + this.wallAheadMs),
      monotonicMs: read,
      busyMs: () => this.nowMs / 2,
      after: (ms, callback) => {
        // As Node does: no timer goes off within its millisecond.
        const action = this.schedule(thread, 'timer', Math.max(ms, 1), callback)
        return () => {
          action.cancelled = true
        }
      },
      nextTurn: callback => void this.schedule(thread, 'turn', 0, callback),
      uuid: () => `run${this.#uuids++}`,
    }
  }

  resume(thread: Thread): void {
    thread.paused = false
    this.#ready.push(...thread.parked.splice(0))
  }

  /** One action. False: nothing is left that could happen. */
  step(): boolean {
    for (;;) {
      const first = this.#later[0]
      if (this.#ready.length === 0) {
        if (first === undefined) return false
        this.nowMs = Math.max(this.nowMs, first.dueMs)
      }
      while (this.#later[0] !== undefined && this.#later[0].dueMs <= this.nowMs) this.#ready.push(pop(this.#later))
      const action = this.#take()
      const { thread } = action
      if (action.cancelled || thread?.dead === true) continue
      if (thread?.paused === true) {
        thread.parked.push(action)
        continue
      }
      this.#perform(action)
      return true
    }
  }

  #take(): Action {
    const at = this.draw.int(0, this.#ready.length - 1)
    const action = this.#ready[at] as Action // within bounds
    const last = this.#ready.pop() as Action
    if (at < this.#ready.length) this.#ready[at] = last
    return action
  }

  #perform({ what, thread, run }: Action): void {
    this.steps++
    this.#note(what, thread)
    this.current = thread
    this.onStep?.(what, thread)
    if (thread === null) return run()
    try {
      run()
    } catch (error) {
      thread.onUncaught(error)
    }
  }

  #note(what: string, thread: Thread | null): void {
    let hash = this.trace
    for (let i = 0; i < what.length; i++) hash = Math.imul(hash ^ what.charCodeAt(i), 0x01000193)
    hash = Math.imul(hash ^ (thread?.id ?? -1), 0x01000193)
    this.trace = Math.imul(hash ^ ((this.nowMs * 1_000) | 0), 0x01000193) >>> 0
  }

  /** Steps, each behind all promises of the one before, until `over` or until nothing is left. Rejects with what a step threw. */
  drive(over: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let ended = false
      const end = (settle: () => void): void => {
        ended = true
        settle()
      }
      let turns = 0
      const turn = (): void => {
        if (ended) return
        try {
          if (over() || !this.step()) return end(resolve)
        } catch (error) {
          return end(() => reject(error instanceof Error ? error : new Error(String(error))))
        }
        // Node runs a tick when the queue of microtasks is empty, so the next step comes behind all promises of this one. A tick that is
        // asked for outside of a microtask would come before them.
        void promise.then(++turns % stepsAtOnce === 0 ? rest : next)
      }
      const promise = Promise.resolve()
      const next = (): void => process.nextTick(turn)
      const rest = (): void => void setImmediate(turn)
      next()
    })
  }
}

// ---- a heap by time, then by order

const isBefore = (a: Action, b: Action): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)

const push = (heap: Action[], action: Action): void => {
  let at = heap.length
  heap.push(action)
  while (at > 0) {
    const up = (at - 1) >> 1
    const parent = heap[up] as Action // below `at`
    if (!isBefore(action, parent)) break
    heap[at] = parent
    at = up
  }
  heap[at] = action
}

const pop = (heap: Action[]): Action => {
  const first = heap[0] as Action // its caller has looked
  const last = heap.pop() as Action
  if (heap.length === 0) return first
  let at = 0
  for (;;) {
    let down = 2 * at + 1
    if (down >= heap.length) break
    if (down + 1 < heap.length && isBefore(heap[down + 1] as Action, heap[down] as Action)) down++
    const child = heap[down] as Action // below the length
    if (!isBefore(child, last)) break
    heap[at] = child
    at = down
  }
  heap[at] = last
  return first
}
