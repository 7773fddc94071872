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
  /** It is as `initial` gives it. */
  readonly isInitial: (s: TriggerState) => boolean
  /** Only the watermark's passing of the end matters before it: elements need not be looked at one by one. */
  readonly firesOnlyAtEnd: boolean
}

/** `merging`: of windows that merge, where a phase that is over may come back, so all phases see each element (as in Beam). */
export const triggerMachineOf = (trigger: Trigger, { merging }: { readonly merging: boolean }): TriggerMachine => {
  const root = build(trigger, 0, merging)
  return {
    ...root,
    initial: () => ({ finished: new Array<number>(root.size).fill(0), data: new Array<number>(root.size).fill(0) }),
    isFinished: s => s.finished[0] === 1,
    isInitial: s => s.finished.every(n => n === 0) && s.data.every(n => n === 0),
    firesOnlyAtEnd: trigger._tag === 'Default' || trigger._tag === 'Never' || (trigger._tag === 'AfterWatermark' && trigger.early === null),
  }
}

/** Whether a pane that holds something fires, at the latest, when the watermark passes the end of its window. */
export const firesAtEnd = (trigger: Trigger): boolean => {
  switch (trigger._tag) {
    case 'Default':
    case 'Always':
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
const setFinished = (s: TriggerState, at: number, finished: boolean): void => {
  s.finished[at] = finished ? 1 : 0
}
const isFinished = (s: TriggerState, at: number): boolean => s.finished[at] === 1
const reset = (s: TriggerState, { at, size }: Machine): void => {
  s.finished.fill(0, at, at + size)
  s.data.fill(0, at, at + size)
}

const build = (trigger: Trigger, at: number, merging: boolean): Machine => {
  switch (trigger._tag) {
    case 'Default':
      return { ...silent(at), shouldFire: (_, c) => c.pastEnd }
    case 'Never':
      return silent(at)
    case 'Always':
      return { ...silent(at), shouldFire: () => true }
    case 'AfterCount':
      return afterCount(at, trigger.count)
    case 'AfterProcessingTime':
      return afterProcessingTime(at, trigger.delay, trigger.alignTo)
    case 'AfterWatermark':
      return afterWatermark(at, trigger, merging)
    case 'Repeatedly':
      return repeatedly(at, build(trigger.repeated, at + 1, merging))
    case 'OrFinally':
      return orFinally(at, trigger, merging)
    case 'AfterEach':
      return afterEach(at, children(trigger.triggers, at, merging), merging)
    case 'AfterAll':
      return afterAllOrAny(at, children(trigger.triggers, at, merging), 'all')
    case 'AfterAny':
      return afterAllOrAny(at, children(trigger.triggers, at, merging), 'any')
    default:
      return isNever(trigger)
  }
}

const children = (triggers: ReadonlyArray<Trigger>, at: number, merging: boolean): ReadonlyArray<Machine> => {
  const machines: Machine[] = []
  let next = at + 1
  for (const trigger of triggers) {
    const machine = build(trigger, next, merging)
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
    // Fired in one of them: begins anew for what the others have.
    if (isFinished(into, at)) return
    const first = from.reduce((time, s) => Math.min(time, s.data[at] || Infinity), Infinity)
    into.data[at] = first === Infinity ? 0 : first
  },
  wakeAt: (s, after) => {
    const due = s.data[at] ?? 0
    return due !== 0 && due > after ? due : Infinity
  },
})

/** Early firings until the end of the window, one there, late firings after it; early and late each begin anew once they have fired. */
const afterWatermark = (at: number, trigger: Extract<Trigger, { readonly _tag: 'AfterWatermark' }>, merging: boolean): Machine => {
  const early = trigger.early === null ? silent(at + 1) : build(trigger.early, at + 1, merging)
  const late = trigger.late === null ? null : build(trigger.late, at + 1 + early.size, merging)
  const isAlone = trigger.early === null && trigger.late === null
  // The early node is marked finished when the end has fired: from then on only late counts.
  const isPastEnd = (s: TriggerState): boolean => isFinished(s, early.at)
  return {
    at,
    size: 1 + early.size + (late?.size ?? 0),
    onElements: (s, n, c) => {
      if (merging || !isPastEnd(s)) early.onElements(s, n, c)
      if (merging || isPastEnd(s)) late?.onElements(s, n, c)
    },
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
      // Before the end in one of them, or as a whole: what has come there has not had its firing at the end.
      if (!from.every(isPastEnd) || !c.pastEnd) {
        early.onMerge(into, from, c)
        setFinished(into, early.at, false)
        if (late !== null) reset(into, late)
        if (isAlone) setFinished(into, at, false)
      } else {
        finish(into, early.at)
        if (late === null) finish(into, at)
        else late.onMerge(into, from, c)
      }
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

const orFinally = (at: number, trigger: Extract<Trigger, { readonly _tag: 'OrFinally' }>, merging: boolean): Machine => {
  const main = build(trigger.main, at + 1, merging)
  const until = build(trigger.until, at + 1 + main.size, merging)
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
      setFinished(into, at, isFinished(into, main.at) || isFinished(into, until.at))
    },
    wakeAt: (s, after) => earliest(s, [main, until], after),
  }
}

const afterEach = (at: number, each: ReadonlyArray<Machine>, merging: boolean): Machine => {
  const current = (s: TriggerState): Machine | undefined => each.find(machine => !isFinished(s, machine.at))
  const size = sizeOf(each)
  return {
    at,
    size,
    onElements: (s, n, c) => (merging ? each.forEach(machine => machine.onElements(s, n, c)) : current(s)?.onElements(s, n, c)),
    shouldFire: (s, c) => current(s)?.shouldFire(s, c) ?? false,
    onFire: (s, c) => {
      current(s)?.onFire(s, c)
      // All have run for the pane that is gone.
      if (merging) s.data.fill(0, at + 1, at + size)
      if (current(s) === undefined) finish(s, at)
    },
    onMerge: (into, from, c) => {
      // Goes on with the earliest that is unfinished in the merged state; what lies behind it begins anew.
      let isBehind = true
      for (const machine of each) {
        if (isBehind) machine.onMerge(into, from, c)
        else into.data.fill(0, machine.at, machine.at + machine.size)
        isBehind &&= isFinished(into, machine.at)
      }
      setFinished(into, at, isBehind)
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
      const finished = (machine: Machine): boolean => isFinished(into, machine.at)
      setFinished(into, at, which === 'all' ? each.every(finished) : each.some(finished))
    },
    wakeAt: (s, after) => earliest(s, each, after),
  }
}
