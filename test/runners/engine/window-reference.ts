// A grouping the slow way: each window keeps all of its elements and a trigger made of nested objects, and every step looks at all of
// them. Written from Beam's ReduceFnRunner, WatermarkHold and trigger state machines; shares nothing with the engine but its data types.
import { type BoundedWindow, Instant, type PaneTiming, type Trigger } from '../../../sdk/index.ts'
import type { WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'

export interface ReferencePane {
  readonly key: string
  readonly window: readonly [start: number, end: number]
  /** Sorted. */
  readonly values: ReadonlyArray<number>
  readonly timing: PaneTiming
  readonly index: number
  readonly nonSpeculativeIndex: number
  readonly isLast: boolean
  readonly timestamp: number
}

interface Now {
  readonly pastEnd: boolean
  readonly clock: number
}

/** A trigger at work, by key and window. */
abstract class Node {
  finished = false
  readonly parts: ReadonlyArray<Node>
  constructor(parts: ReadonlyArray<Node> = []) {
    this.parts = parts
  }
  abstract element(now: Now): void
  abstract ready(now: Now): boolean
  abstract fire(now: Now): void
  /** `others`: the same node of the open windows that become this one. */
  abstract merge(others: ReadonlyArray<Node>, now: Now): void
  /** The pane is gone; what has finished stays so. */
  clear(): void {
    for (const part of this.parts) part.clear()
  }
  reset(): void {
    this.finished = false
    this.clear()
    for (const part of this.parts) part.reset()
  }
  /** The clock's next time to ask, later than now. */
  due(now: Now): number {
    return Math.min(Infinity, ...this.parts.map(part => part.due(now)))
  }
}

const partsAt = (others: ReadonlyArray<Node>, at: number): ReadonlyArray<Node> => others.flatMap(other => other.parts[at] ?? [])

class Silent extends Node {
  readonly #atEnd: boolean
  constructor(atEnd: boolean) {
    super()
    this.#atEnd = atEnd
  }
  element(): void {
    // It waits for no element.
  }
  ready(now: Now): boolean {
    return this.#atEnd && now.pastEnd
  }
  fire(): void {
    // It is never over.
  }
  merge(): void {
    // It knows nothing that could be merged.
  }
}

class Ever extends Silent {
  constructor() {
    super(true)
  }
  override ready(): boolean {
    return true
  }
}

class Count extends Node {
  count = 0
  readonly #enough: number
  constructor(enough: number) {
    super()
    this.#enough = enough
  }
  element(): void {
    this.count++
  }
  ready(): boolean {
    return this.count >= this.#enough
  }
  fire(): void {
    this.count = 0
    this.finished = true
  }
  merge(others: ReadonlyArray<Node>): void {
    const counts = others.filter(other => other instanceof Count)
    if (counts.some(({ finished }) => finished)) {
      this.finished = true
      this.count = 0
    } else this.count = counts.reduce((sum, { count }) => sum + count, 0)
  }
  override clear(): void {
    this.count = 0
  }
}

class Delay extends Node {
  until: number | null = null
  readonly #delay: number
  readonly #alignTo: number | null
  constructor(delay: number, alignTo: number | null) {
    super()
    this.#delay = delay
    this.#alignTo = alignTo
  }
  element({ clock }: Now): void {
    const due = clock + this.#delay
    this.until ??= this.#alignTo === null ? due : Math.ceil(due / this.#alignTo) * this.#alignTo
  }
  ready({ clock }: Now): boolean {
    return this.until !== null && clock >= this.until
  }
  fire(): void {
    this.until = null
    this.finished = true
  }
  merge(others: ReadonlyArray<Node>): void {
    const times = others.flatMap(other => (other instanceof Delay && other.until !== null ? [other.until] : []))
    this.until = this.finished || times.length === 0 ? null : Math.min(...times)
  }
  override clear(): void {
    this.until = null
  }
  override due({ clock }: Now): number {
    return this.until !== null && this.until > clock ? this.until : Infinity
  }
}

class Forever extends Node {
  get #part(): Node {
    const [part] = this.parts
    if (part === undefined) throw new Error('repeats nothing')
    return part
  }
  element(now: Now): void {
    this.#part.element(now)
  }
  ready(now: Now): boolean {
    return this.#part.ready(now)
  }
  fire(now: Now): void {
    this.#part.fire(now)
    if (this.#part.finished) this.#part.reset()
  }
  merge(others: ReadonlyArray<Node>, now: Now): void {
    this.#part.merge(partsAt(others, 0), now)
  }
}

class InOrder extends Node {
  readonly #merging: boolean
  constructor(parts: ReadonlyArray<Node>, merging: boolean) {
    super(parts)
    this.#merging = merging
  }
  get #current(): Node | undefined {
    return this.parts.find(({ finished }) => !finished)
  }
  element(now: Now): void {
    if (this.#merging) for (const part of this.parts) part.element(now)
    else this.#current?.element(now)
  }
  ready(now: Now): boolean {
    return this.#current?.ready(now) ?? false
  }
  fire(now: Now): void {
    this.#current?.fire(now)
    if (this.#merging) this.clear()
    this.finished = this.#current === undefined
  }
  merge(others: ReadonlyArray<Node>, now: Now): void {
    let isBehind = true
    for (const [at, part] of this.parts.entries()) {
      if (isBehind) part.merge(partsAt(others, at), now)
      else part.clear()
      isBehind &&= part.finished
    }
    this.finished = isBehind
  }
  override due(now: Now): number {
    return this.#current?.due(now) ?? Infinity
  }
}

class Several extends Node {
  readonly #all: boolean
  constructor(parts: ReadonlyArray<Node>, all: boolean) {
    super(parts)
    this.#all = all
  }
  get #open(): ReadonlyArray<Node> {
    return this.parts.filter(({ finished }) => !finished)
  }
  element(now: Now): void {
    for (const part of this.#open) part.element(now)
  }
  ready(now: Now): boolean {
    return this.#all ? this.#open.every(part => part.ready(now)) : this.#open.some(part => part.ready(now))
  }
  fire(now: Now): void {
    for (const part of this.#open) {
      if (part.ready(now)) part.fire(now)
      else part.clear()
    }
    this.finished = true
  }
  merge(others: ReadonlyArray<Node>, now: Now): void {
    for (const [at, part] of this.parts.entries()) part.merge(partsAt(others, at), now)
    this.finished = this.#all ? this.parts.every(({ finished }) => finished) : this.parts.some(({ finished }) => finished)
  }
  override due(now: Now): number {
    return Math.min(Infinity, ...this.#open.map(part => part.due(now)))
  }
}

class Until extends Node {
  element(now: Now): void {
    for (const part of this.parts) part.element(now)
  }
  ready(now: Now): boolean {
    return this.parts.some(part => part.ready(now))
  }
  fire(now: Now): void {
    const [main, until] = this.parts
    if (until?.ready(now) === true) {
      until.fire(now)
      main?.clear()
      this.finished = true
    } else {
      main?.fire(now)
      this.finished = main?.finished === true
    }
  }
  merge(others: ReadonlyArray<Node>, now: Now): void {
    for (const [at, part] of this.parts.entries()) part.merge(partsAt(others, at), now)
    this.finished = this.parts.some(({ finished }) => finished)
  }
}

/** Early firings, the end, late firings. */
class AtEnd extends Node {
  #isOver = false
  readonly #early: Node | null
  readonly #late: Node | null
  readonly #merging: boolean
  constructor(early: Node | null, late: Node | null, merging: boolean) {
    super([early ?? new Silent(false), late ?? new Silent(false)])
    this.#early = early
    this.#late = late
    this.#merging = merging
  }
  element(now: Now): void {
    if (this.#merging || !this.#isOver) this.#early?.element(now)
    if (this.#merging || this.#isOver) this.#late?.element(now)
  }
  ready(now: Now): boolean {
    return this.#isOver ? (this.#late?.ready(now) ?? false) : now.pastEnd || (this.#early?.ready(now) ?? false)
  }
  fire(now: Now): void {
    if (this.#isOver) {
      this.#late?.fire(now)
      if (this.#late?.finished === true) this.#late.reset()
    } else if (now.pastEnd) {
      this.#isOver = true
      this.#early?.reset()
      this.#late?.reset()
      this.finished = this.#late === null
    } else {
      this.#early?.fire(now)
      if (this.#early?.finished === true) this.#early.reset()
    }
  }
  merge(others: ReadonlyArray<Node>, now: Now): void {
    const all = others.filter(other => other instanceof AtEnd)
    if (all.every(other => other.#isOver) && now.pastEnd) {
      this.#isOver = true
      if (this.#late === null) this.finished = true
      else this.#late.merge(partsAt(others, 1), now)
      return
    }
    // An early trigger that the end has passed in one of them counts as finished there.
    if (this.#early instanceof Count && all.some(other => other.#isOver)) this.#early.reset()
    else this.#early?.merge(partsAt(others, 0), now)
    if (this.#early !== null) this.#early.finished = false
    this.#late?.reset()
    this.#isOver = false
    if (this.#early === null && this.#late === null) this.finished = false
  }
  override reset(): void {
    super.reset()
    this.#isOver = false
  }
  override due(now: Now): number {
    return (this.#isOver ? this.#late : this.#early)?.due(now) ?? Infinity
  }
}

const nodeOf = (trigger: Trigger, merging: boolean): Node => {
  const all = (triggers: ReadonlyArray<Trigger>): ReadonlyArray<Node> => triggers.map(inner => nodeOf(inner, merging))
  switch (trigger._tag) {
    case 'Default':
      return new Silent(true)
    case 'Never':
      return new Silent(false)
    case 'Always':
      return new Ever()
    case 'AfterCount':
      return new Count(trigger.count)
    case 'AfterProcessingTime':
      return new Delay(trigger.delay, trigger.alignTo)
    case 'Repeatedly':
      return new Forever(all([trigger.repeated]))
    case 'AfterEach':
      return new InOrder(all(trigger.triggers), merging)
    case 'AfterAll':
    case 'AfterAny':
      return new Several(all(trigger.triggers), trigger._tag === 'AfterAll')
    case 'OrFinally':
      return new Until(all([trigger.main, trigger.until]))
    case 'AfterWatermark': {
      const { early, late } = trigger
      return new AtEnd(early === null ? null : nodeOf(early, merging), late === null ? null : nodeOf(late, merging), merging)
    }
  }
}

/** One key's window. */
interface Live {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly trigger: Node
  /** Everything of an accumulating pane; of a discarding one what came since its last. */
  values: number[]
  /** How many came since the last pane. */
  fresh: number
  /** What its elements that were not late hold the output watermark at; null for none. */
  hold: number | null
  panes: number
  nonSpeculative: number
  /** Its trigger has finished: it merges with nothing, and takes nothing. */
  closed: boolean
  /** Its last pane has been said. */
  ended: boolean
  endHandled: boolean
  wake: number
}

export interface ReferenceElement {
  readonly key: string
  readonly at: number
  readonly value: number
}

export class WindowReference {
  readonly panes: ReferencePane[] = []
  dropped = 0
  #all: Live[] = []
  #input: number = Instant.min
  #output: number = Instant.min
  #clock = 1
  readonly #strategy: WindowingStrategy
  readonly #merging: boolean

  constructor(strategy: WindowingStrategy) {
    this.#strategy = strategy
    this.#merging = strategy.windowFn.merge !== null
  }

  #expiry({ end }: { readonly end: number }): number {
    return Math.min(end + this.#strategy.allowedLateness, Instant.max)
  }

  #now({ end }: { readonly end: number }): Now {
    return { pastEnd: this.#input >= end, clock: this.#clock }
  }

  bundle(elements: ReadonlyArray<ReferenceElement>): void {
    const considered = new Set<Live>()
    for (const key of new Set(elements.map(element => element.key)))
      this.#bundleOf(
        key,
        elements.filter(element => element.key === key),
        considered,
      )
    for (const live of considered) this.#ask(live)
    this.#forward()
  }

  #bundleOf(key: string, elements: ReadonlyArray<ReferenceElement>, considered: Set<Live>): void {
    const assign = this.#strategy.windowFn.assign as (element: unknown, at: number) => ReadonlyArray<BoundedWindow>
    const exploded = elements.flatMap(element => assign(element.value, element.at).map(window => ({ ...element, window })))
    const inTime = exploded.filter(({ window }) => this.#expiry(window) > this.#input)
    this.dropped += exploded.length - inTime.length
    const targets = inTime.map(({ window: { start, end } }) => ({ start, end }))
    if (this.#merging) this.#merge(key, targets, considered)
    for (const [i, { at, value }] of inTime.entries()) {
      const target = targets[i]
      if (target === undefined) continue
      const live = this.#find(key, target) ?? this.#open(key, target)
      if (live.closed) {
        this.dropped++
        continue
      }
      considered.add(live)
      live.values.push(value)
      live.fresh++
      this.#observe(live, at)
      live.trigger.element(this.#now(live))
    }
  }

  #find(key: string, { start, end }: { readonly start: number; readonly end: number }): Live | undefined {
    return this.#all.find(live => live.key === key && live.start === start && live.end === end)
  }

  #open(key: string, { start, end }: { readonly start: number; readonly end: number }): Live {
    const live: Live = {
      key,
      start,
      end,
      trigger: nodeOf(this.#strategy.trigger, this.#merging),
      values: [],
      fresh: 0,
      hold: null,
      panes: 0,
      nonSpeculative: 0,
      closed: false,
      ended: false,
      endHandled: this.#input >= end,
      wake: Infinity,
    }
    this.#all.push(live)
    return live
  }

  /** Each pass joins two windows that overlap, until none do. `targets` become what they are part of. */
  #merge(key: string, targets: { start: number; end: number }[], considered: Set<Live>): void {
    const open = this.#all.filter(live => live.key === key && !live.closed)
    const groups = [...open, ...targets].map(({ start, end }) => ({ start, end }))
    for (let joined = true; joined;) {
      joined = false
      for (const a of groups)
        for (const b of groups)
          if (!joined && a !== b && a.start < b.end && b.start < a.end) {
            a.start = Math.min(a.start, b.start)
            a.end = Math.max(a.end, b.end)
            groups.splice(groups.indexOf(b), 1)
            joined = true
          }
    }
    for (const target of targets) {
      const group = groups.find(({ start, end }) => start <= target.start && target.end <= end)
      if (group !== undefined) Object.assign(target, group)
    }
    for (const group of groups) {
      const parts = open.filter(({ start, end }) => group.start <= start && end <= group.end)
      const [only] = parts
      if (
        parts.length === 0 ||
        (parts.length === 1 && only?.start === group.start && only.end === group.end && !this.#closedAt(key, group))
      )
        continue
      this.#become(key, group, parts, considered)
    }
  }

  #closedAt(key: string, { start, end }: { readonly start: number; readonly end: number }): Live | undefined {
    return this.#all.find(live => live.key === key && live.closed && live.start === start && live.end === end)
  }

  #become(key: string, group: { readonly start: number; readonly end: number }, parts: ReadonlyArray<Live>, considered: Set<Live>): void {
    const closed = this.#closedAt(key, group)
    const same = parts.find(({ start, end }) => start === group.start && end === group.end)
    this.#all = this.#all.filter(live => !parts.includes(live) && live !== closed)
    const opened = this.#open(key, group)
    const whole: Live = closed === undefined ? opened : { ...opened, trigger: closed.trigger }
    this.#all[this.#all.indexOf(opened)] = whole
    whole.values = parts.flatMap(({ values }) => values)
    whole.fresh = parts.reduce((sum, { fresh }) => sum + fresh, 0)
    whole.panes = same?.panes ?? 0
    whole.nonSpeculative = same?.nonSpeculative ?? 0
    for (const { hold } of parts) {
      if (this.#strategy.timestampCombiner === 'endOfWindow') this.#observe(whole, Instant.min)
      else if (hold !== null) this.#holdAt(whole, hold)
    }
    whole.trigger.merge(
      parts.map(({ trigger }) => trigger),
      this.#now(whole),
    )
    if (!whole.trigger.finished) return void considered.add(whole)
    this.dropped += whole.fresh
    this.#close(whole)
  }

  #close(live: Live): void {
    live.closed = true
    live.values = []
    live.fresh = 0
    live.hold = null
    live.wake = Infinity
  }

  #observe(live: Live, at: number): void {
    const shifted = this.#strategy.timestampCombiner === 'endOfWindow' ? live.end - 1 : at
    if (shifted >= this.#output && live.end > this.#input) this.#holdAt(live, shifted)
  }

  #holdAt(live: Live, at: number): void {
    if (live.hold === null) live.hold = at
    else live.hold = this.#strategy.timestampCombiner === 'earliest' ? Math.min(live.hold, at) : Math.max(live.hold, at)
  }

  #ask(live: Live): void {
    if (live.closed || !this.#all.includes(live)) return
    const now = this.#now(live)
    if (live.trigger.ready(now)) {
      live.trigger.fire(now)
      const { finished } = live.trigger
      this.#emit(live, finished || this.#expiry(live) <= this.#input)
      if (finished) return this.#close(live)
    }
    live.wake = live.trigger.due(now)
  }

  #emit(live: Live, isLast: boolean): void {
    if (live.ended) return
    live.ended = isLast
    const late = this.#output >= live.end || live.nonSpeculative > 0
    const timing = late ? 'late' : this.#input >= live.end ? 'onTime' : 'early'
    const firesOnTime = timing === 'onTime' && this.#strategy.onTimeBehavior === 'fireAlways'
    if (live.fresh === 0 && !firesOnTime && !(isLast && this.#strategy.closingBehavior === 'fireAlways')) return
    this.panes.push({
      key: live.key,
      window: [live.start, live.end],
      values: [...live.values].sort((a, b) => a - b),
      timing,
      index: live.panes,
      nonSpeculativeIndex: timing === 'early' ? -1 : live.nonSpeculative,
      isLast,
      timestamp: live.hold ?? live.end - 1,
    })
    live.panes++
    if (timing !== 'early') live.nonSpeculative++
    live.fresh = 0
    live.hold = null
    if (this.#strategy.accumulation === 'discarding') live.values = []
  }

  watermark(at: number): void {
    this.#input = at
    const due = [...this.#all].sort((a, b) => a.end - b.end || a.start - b.start)
    for (const live of due) {
      const isOver = this.#expiry(live) <= at
      if (live.end <= at && !live.endHandled && !live.closed) {
        live.endHandled = true
        this.#ask(live)
      }
      if (!isOver) continue
      if (!live.closed) this.#emit(live, true)
      this.#all = this.#all.filter(other => other !== live)
    }
    this.#forward()
  }

  clock(to: number): void {
    for (;;) {
      const next = Math.min(Infinity, ...this.#all.map(({ wake }) => wake))
      if (next > to) break
      this.#clock = next
      for (const live of this.#all.filter(({ wake }) => wake === next)) this.#ask(live)
      this.#forward()
    }
    this.#clock = to
  }

  #forward(): void {
    const holds = this.#all.flatMap(({ hold }) => (hold === null || hold < this.#output ? [] : [hold]))
    // A pane that fires at the end fires before that watermark is handed on.
    this.#output = Math.max(this.#output, Math.min(this.#input, ...holds))
  }
}
