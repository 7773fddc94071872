// Triggers as state machines, one state a key and window (semantics: Beam's trigger state machines).
import type { Trigger } from '../../sdk/model/trigger.ts'
import { isNever } from './exhaustive.ts'

/** One slot a trigger node, in pre-order. Plain numbers, so that it can be checkpointed as it is. */
export interface TriggerState {
  /** 1 where the node has finished. */
  readonly finished: number[]
  /** A count, or the processing time to wait for; 0 for nothing yet. */
  readonly data: number[]
}

/** What a machine may look at. */
export interface TriggerContext {
  /** The watermark has passed the end of the window. */
  readonly pastEnd: boolean
  /** Milliseconds. */
  readonly processingTime: number
}

interface Machine {
  readonly at: number
  /** The machines of the whole subtree, this one first. */
  readonly size: number
  readonly onElements: (s: TriggerState, count: number, c: TriggerContext) => void
  readonly shouldFire: (s: TriggerState, c: TriggerContext) => boolean
  readonly onFire: (s: TriggerState, c: TriggerContext) => void
  readonly onMerge: (into: TriggerState, from: ReadonlyArray<TriggerState>, c: TriggerContext) => void
  /** When it next wants to be asked, in processing time, later than `after`; Infinity for never. */
  readonly wakeAt: (s: TriggerState, after: number) => number
}

export interface TriggerMachine extends Omit<Machine, 'at' | 'size'> {
  readonly initial: () => TriggerState
  /** A finished trigger closes its window for the key: later elements are dropped. */
  readonly isFinished: (s: TriggerState) => boolean
  /** Only the watermark's passing of the end matters before it: elements need not be looked at one by one. */
  readonly firesOnlyAtEnd: boolean
}

export const triggerMachineOf = (trigger: Trigger): TriggerMachine => {
  const root = build(trigger, 0)
  return {
    ...root,
    initial: () => ({ finished: new Array<number>(root.size).fill(0), data: new Array<number>(root.size).fill(0) }),
    isFinished: s => s.finished[0] === 1,
    firesOnlyAtEnd: trigger._tag === 'Default' || trigger._tag === 'Never' || (trigger._tag === 'AfterWatermark' && trigger.early === null),
  }
}

/** Whether a pane that holds something fires, at the latest, when the watermark passes the end of its window. */
export const firesAtEnd = (trigger: Trigger): boolean => {
  switch (trigger._tag) {
    case 'Default':
    case 'AfterWatermark':
      return true
    case 'Never':
    case 'AfterCount':
    case 'AfterProcessingTime':
    case 'AfterEach':
      return false
    case 'Repeatedly':
      return firesAtEnd(trigger.repeated)
    case 'OrFinally':
      return firesAtEnd(trigger.main) || firesAtEnd(trigger.until)
    case 'AfterAll':
      return trigger.triggers.every(firesAtEnd)
    case 'AfterAny':
      return trigger.triggers.some(firesAtEnd)
    default:
      return isNever(trigger)
  }
}

const finish = (s: TriggerState, at: number): void => {
  s.finished[at] = 1
}
const isFinished = (s: TriggerState, at: number): boolean => s.finished[at] === 1
const reset = (s: TriggerState, { at, size }: Machine): void => {
  s.finished.fill(0, at, at + size)
  s.data.fill(0, at, at + size)
}

const build = (trigger: Trigger, at: number): Machine => {
  switch (trigger._tag) {
    case 'Default':
      return { ...silent(at), shouldFire: (_, c) => c.pastEnd }
    case 'Never':
      return silent(at)
    case 'AfterCount':
      return afterCount(at, trigger.count)
    case 'AfterProcessingTime':
      return afterProcessingTime(at, trigger.delay, trigger.alignTo)
    case 'AfterWatermark':
      return afterWatermark(at, trigger.early, trigger.late)
    case 'Repeatedly':
      return repeatedly(at, build(trigger.repeated, at + 1))
    case 'OrFinally':
      return orFinally(at, trigger.main, trigger.until)
    case 'AfterEach':
      return afterEach(at, children(trigger.triggers, at))
    case 'AfterAll':
      return afterAllOrAny(at, children(trigger.triggers, at), 'all')
    case 'AfterAny':
      return afterAllOrAny(at, children(trigger.triggers, at), 'any')
    default:
      return isNever(trigger)
  }
}

const children = (triggers: ReadonlyArray<Trigger>, at: number): ReadonlyArray<Machine> => {
  const machines: Machine[] = []
  let next = at + 1
  for (const trigger of triggers) {
    const machine = build(trigger, next)
    machines.push(machine)
    next += machine.size
  }
  return machines
}
const sizeOf = (machines: ReadonlyArray<Machine>): number => machines.reduce((size, machine) => size + machine.size, 1)
const earliest = (s: TriggerState, machines: ReadonlyArray<Machine>, after: number): number =>
  machines.reduce((time, machine) => (isFinished(s, machine.at) ? time : Math.min(time, machine.wakeAt(s, after))), Infinity)

const silent = (at: number): Machine => ({
  at,
  size: 1,
  onElements: () => undefined,
  shouldFire: () => false,
  onFire: () => undefined,
  onMerge: () => undefined,
  wakeAt: () => Infinity,
})

const afterCount = (at: number, count: number): Machine => ({
  ...silent(at),
  onElements: (s, n) => {
    s.data[at] = (s.data[at] ?? 0) + n
  },
  shouldFire: s => (s.data[at] ?? 0) >= count,
  onFire: s => {
    s.data[at] = 0
    finish(s, at)
  },
  onMerge: (into, from) => {
    // Fired in one of them: fired in all.
    if (from.some(s => isFinished(s, at))) finish(into, at)
    else into.data[at] = from.reduce((sum, s) => sum + (s.data[at] ?? 0), 0)
  },
})

const afterProcessingTime = (at: number, delayMs: number, alignTo: number | null): Machine => ({
  ...silent(at),
  onElements: (s, _, c) => {
    if (s.data[at] !== 0) return
    const due = c.processingTime + delayMs
    s.data[at] = alignTo === null ? due : Math.ceil(due / alignTo) * alignTo
  },
  shouldFire: (s, c) => s.data[at] !== 0 && c.processingTime >= (s.data[at] ?? Infinity),
  onFire: s => {
    s.data[at] = 0
    finish(s, at)
  },
  onMerge: (into, from) => {
    if (from.some(s => isFinished(s, at))) return finish(into, at)
    const first = from.reduce((time, s) => Math.min(time, s.data[at] || Infinity), Infinity)
    into.data[at] = first === Infinity ? 0 : first
  },
  wakeAt: (s, after) => {
    const due = s.data[at] ?? 0
    return due !== 0 && due > after ? due : Infinity
  },
})

/** Early firings until the end of the window, one there, late firings after it; early and late each begin anew once they have fired. */
const afterWatermark = (at: number, earlyTrigger: Trigger | null, lateTrigger: Trigger | null): Machine => {
  const early = earlyTrigger === null ? silent(at + 1) : build(earlyTrigger, at + 1)
  const late = lateTrigger === null ? null : build(lateTrigger, at + 1 + early.size)
  // The early node is marked finished when the end has fired: from then on only late counts.
  const isPastEnd = (s: TriggerState): boolean => isFinished(s, early.at)
  return {
    at,
    size: 1 + early.size + (late?.size ?? 0),
    onElements: (s, n, c) => (isPastEnd(s) ? late?.onElements(s, n, c) : early.onElements(s, n, c)),
    shouldFire: (s, c) => (isPastEnd(s) ? (late?.shouldFire(s, c) ?? false) : c.pastEnd || early.shouldFire(s, c)),
    onFire: (s, c) => {
      if (isPastEnd(s)) {
        if (late === null) return
        late.onFire(s, c)
        if (isFinished(s, late.at)) reset(s, late)
      } else if (c.pastEnd) {
        reset(s, early)
        finish(s, early.at)
        if (late === null) finish(s, at)
        else reset(s, late)
      } else {
        early.onFire(s, c)
        if (isFinished(s, early.at)) reset(s, early)
      }
    },
    onMerge: (into, from, c) => {
      // Not yet past the end in one of them: elements there have not had their firing, so the whole is not past it.
      if (from.every(isPastEnd)) {
        finish(into, early.at)
        if (late === null) finish(into, at)
        else late.onMerge(into, from, c)
      } else
        early.onMerge(
          into,
          from.filter(s => !isPastEnd(s)),
          c,
        )
    },
    wakeAt: (s, after) => (isPastEnd(s) ? (late?.wakeAt(s, after) ?? Infinity) : early.wakeAt(s, after)),
  }
}

const repeatedly = (at: number, repeated: Machine): Machine => ({
  ...repeated,
  at,
  size: 1 + repeated.size,
  onFire: (s, c) => {
    repeated.onFire(s, c)
    if (isFinished(s, repeated.at)) reset(s, repeated)
  },
})

const orFinally = (at: number, mainTrigger: Trigger, untilTrigger: Trigger): Machine => {
  const main = build(mainTrigger, at + 1)
  const until = build(untilTrigger, at + 1 + main.size)
  return {
    at,
    size: 1 + main.size + until.size,
    onElements: (s, n, c) => {
      main.onElements(s, n, c)
      until.onElements(s, n, c)
    },
    shouldFire: (s, c) => main.shouldFire(s, c) || until.shouldFire(s, c),
    onFire: (s, c) => {
      if (until.shouldFire(s, c)) {
        until.onFire(s, c)
        finish(s, at)
      } else {
        main.onFire(s, c)
        if (isFinished(s, main.at)) finish(s, at)
      }
    },
    onMerge: (into, from, c) => {
      main.onMerge(into, from, c)
      until.onMerge(into, from, c)
      if (isFinished(into, main.at) || isFinished(into, until.at)) finish(into, at)
    },
    wakeAt: (s, after) => earliest(s, [main, until], after),
  }
}

const afterEach = (at: number, each: ReadonlyArray<Machine>): Machine => {
  const current = (s: TriggerState): Machine | undefined => each.find(machine => !isFinished(s, machine.at))
  return {
    at,
    size: sizeOf(each),
    onElements: (s, n, c) => current(s)?.onElements(s, n, c),
    shouldFire: (s, c) => current(s)?.shouldFire(s, c) ?? false,
    onFire: (s, c) => {
      current(s)?.onFire(s, c)
      if (current(s) === undefined) finish(s, at)
    },
    onMerge: (into, from, c) => {
      // Goes on with the earliest that is unfinished in the merged state; what lies behind it begins anew.
      for (const machine of each) {
        machine.onMerge(into, from, c)
        if (!isFinished(into, machine.at)) return
      }
      finish(into, at)
    },
    wakeAt: (s, after) => current(s)?.wakeAt(s, after) ?? Infinity,
  }
}

const afterAllOrAny = (at: number, each: ReadonlyArray<Machine>, which: 'all' | 'any'): Machine => {
  const open = (s: TriggerState): ReadonlyArray<Machine> => each.filter(machine => !isFinished(s, machine.at))
  return {
    at,
    size: sizeOf(each),
    onElements: (s, n, c) => open(s).forEach(machine => machine.onElements(s, n, c)),
    shouldFire: (s, c) =>
      which === 'all' ? open(s).every(machine => machine.shouldFire(s, c)) : open(s).some(machine => machine.shouldFire(s, c)),
    onFire: (s, c) => {
      for (const machine of open(s)) if (machine.shouldFire(s, c)) machine.onFire(s, c)
      finish(s, at)
    },
    onMerge: (into, from, c) => {
      for (const machine of each) machine.onMerge(into, from, c)
      if (which === 'all' ? each.every(machine => isFinished(into, machine.at)) : each.some(machine => isFinished(into, machine.at)))
        finish(into, at)
    },
    wakeAt: (s, after) => earliest(s, each, after),
  }
}
