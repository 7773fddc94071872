// A scenario: the pipeline, the data and the misfortunes of one seed, as plain data that a message can show.
import type { Accumulation, ClosingBehavior, TimestampCombiner } from '../../sdk/index.ts'
import { Draw } from './draw.ts'

/** One element of a source. */
export interface Event {
  readonly id: string
  readonly key: unknown
  readonly n: number
  /** Event time in milliseconds. */
  readonly at: number
}

export type Op = 'increment' | 'dropThirds' | 'twice' | 'diamond' | 'flattenSelf' | 'async' | 'expand' | 'nothing'

export type WindowShape =
  | { readonly _tag: 'Global' }
  | { readonly _tag: 'Fixed'; readonly size: number }
  | { readonly _tag: 'Sliding'; readonly size: number; readonly every: number }
  | { readonly _tag: 'Sessions'; readonly gap: number }

export type TriggerShape =
  | { readonly _tag: 'default' | 'never' | 'watermark' | 'everyElement' | 'orFinally' | 'afterEach' }
  | { readonly _tag: 'earlyAndLate'; readonly early: 'count' | 'clock' | 'alignedClock' | null; readonly late: number }
  | { readonly _tag: 'everyFew' | 'fewOrClock' | 'fewAndClock'; readonly count: number }

export type Grouping = 'none' | 'list' | 'sum' | 'total' | 'sumOfSums' | 'listOfSums' | 'stateful'

/** Elements beside a side input that is made of a source of its own; none of its elements is late. */
export interface SideShape {
  readonly view: 'list' | 'multimap' | 'table' | 'index' | 'signal'
  readonly window: WindowShape
  /** By split. */
  readonly splits: ReadonlyArray<ReadonlyArray<Event>>
}

export interface Scenario {
  readonly seed: number
  readonly shards: number
  readonly strict: boolean
  /** By source, then by split: events in the order in which they lie there. */
  readonly sources: ReadonlyArray<ReadonlyArray<ReadonlyArray<Event>>>
  readonly outOfOrdernessMs: number
  readonly before: ReadonlyArray<Op>
  readonly window: WindowShape
  readonly trigger: TriggerShape
  readonly accumulation: Accumulation
  readonly lateness: number
  readonly combiner: TimestampCombiner
  readonly closing: ClosingBehavior
  readonly grouping: Grouping
  readonly between: Op
  /** What is read is written as it comes, too. */
  readonly copy: boolean
  readonly immediate: boolean
  /** Some elements may come after their window's state is gone. */
  readonly tooLate: boolean
  /** Tasks live in worker threads, beside the main thread. */
  readonly threads: boolean
  readonly largestBatch: number
  readonly side: SideShape | null
}

/** How many tasks each stage has in one life of the process: in half of all scenarios another number each time. */
export const shardsOf = ({ seed, shards }: Scenario, generation: number): number => {
  if (generation === 1 || new Draw(seed ^ 0x5ca1_ab1e).chance(0.5)) return shards
  return new Draw(seed ^ (generation * 0x0dea_1ed0)).int(1, 4)
}

/** Workers with nothing left to read take half of what others have. */
export const sharesWork = ({ seed, threads }: Scenario): boolean => threads && new Draw(seed ^ 0x0a1f_0a1f).chance(0.6)

/** The last split of each source has no end, and stays with whoever was dealt it while others move. */
export const isOpen = (scenario: Scenario): boolean => sharesWork(scenario) && new Draw(scenario.seed ^ 0x0be1_1e55).chance(0.4)

const keys: ReadonlyArray<unknown> = ['a', 'b', 'c', 7, 'a longer key', null, ['x', 1], { page: '/', site: 2 }]

export const scenarioOf = (seed: number): Scenario => {
  const scenario = withThreads(seed, groupedScenario(seed))
  // A draw of its own: older seeds stay what they were.
  const isStateful = !scenario.tooLate && new Draw(seed ^ 0x57a7_ef09).chance(0.25)
  if (!isStateful) return scenario
  // State of windows that merge is refused.
  return { ...scenario, grouping: 'stateful', window: scenario.window._tag === 'Sessions' ? { _tag: 'Fixed', size: 20 } : scenario.window }
}

const withThreads = (seed: number, scenario: Scenario): Scenario => {
  const draw = new Draw(seed ^ 0x703d)
  if (!draw.chance(0.6)) return scenario
  return { ...scenario, threads: true }
}

const groupedScenario = (seed: number): Scenario => {
  const draw = new Draw(seed)
  const grouping = draw.pick<Grouping>(['none', 'list', 'sum', 'sum', 'total', 'sumOfSums', 'listOfSums'])
  const twice = grouping === 'sumOfSums' || grouping === 'listOfSums'
  const window = windowOf(draw)
  const lateness = draw.chance(0.5) ? 0 : draw.int(1, 60)
  const trigger = triggerOf(draw, lateness, twice && window._tag === 'Sessions')
  const firesOnce = (trigger._tag === 'default' || trigger._tag === 'watermark' || trigger._tag === 'never') && lateness === 0
  const accumulation = twice && !firesOnce ? 'discarding' : draw.pick<Accumulation>(['accumulating', 'discarding'])
  const outOfOrdernessMs = draw.pick([0, 0, 5, 25])
  const tooLate =
    grouping === 'list' &&
    window._tag !== 'Sessions' &&
    window._tag !== 'Global' &&
    lateness < 40 &&
    trigger._tag === 'default' &&
    draw.chance(0.5)
  return {
    seed,
    shards: draw.int(1, 4),
    strict: draw.chance(0.1),
    sources: sourcesOf(draw, outOfOrdernessMs + (tooLate ? lateness + 80 : twice ? 0 : lateness)),
    outOfOrdernessMs,
    before: withExpansion(
      seed,
      Array.from({ length: draw.int(0, 3) }, () => draw.pick<Op>(['increment', 'dropThirds', 'twice', 'diamond', 'flattenSelf', 'async'])),
    ),
    window,
    trigger,
    accumulation,
    lateness: twice && window._tag === 'Sessions' ? 0 : lateness,
    combiner: draw.pick<TimestampCombiner>(['earliest', 'latest', 'endOfWindow']),
    closing: draw.pick(['fireIfNonEmpty', 'fireIfNonEmpty', 'fireAlways']),
    grouping,
    between: draw.pick<Op>(['nothing', 'nothing', 'async', 'diamond']),
    copy: draw.chance(0.3),
    immediate: draw.chance(0.7),
    tooLate,
    threads: false,
    largestBatch: draw.pick([1, 3, 10, 50]),
    side: tooLate || draw.chance(0.5) ? null : sideOf(draw, window, outOfOrdernessMs),
  }
}

const sideOf = (draw: Draw, main: WindowShape, outOfOrdernessMs: number): SideShape => {
  const view = draw.pick<SideShape['view']>(['list', 'list', 'multimap', 'table', 'index', 'signal'])
  const shape = draw.pick<() => WindowShape>([
    () => ({ _tag: 'Global' }),
    () => ({ _tag: 'Fixed', size: draw.pick([10, 25, 60]) }),
    () => ({ _tag: 'Fixed', size: draw.pick([10, 25, 60]) }),
    () => ({ _tag: 'Sliding', size: 30, every: draw.pick([10, 20]) }),
  ])
  return {
    view,
    window: main._tag === 'Global' && view !== 'table' && view !== 'index' ? { _tag: 'Global' } : shape(),
    splits: sourcesOf(draw, outOfOrdernessMs)[0] ?? [],
  }
}

/** A splittable stage somewhere among the steps; a draw of its own, so that it changes no other. */
const withExpansion = (seed: number, ops: ReadonlyArray<Op>): ReadonlyArray<Op> => {
  const draw = new Draw(seed ^ 0x0e_cafe)
  if (!draw.chance(0.3)) return ops
  const at = draw.int(0, ops.length)
  return [...ops.slice(0, at), 'expand', ...ops.slice(at)]
}

const windowOf = (draw: Draw): WindowShape =>
  draw.pick<() => WindowShape>([
    () => ({ _tag: 'Global' }),
    () => ({ _tag: 'Fixed', size: draw.pick([10, 30]) }),
    () => ({ _tag: 'Fixed', size: draw.pick([10, 30]) }),
    () => ({ _tag: 'Sliding', size: 30, every: draw.pick([10, 20]) }),
    () => ({ _tag: 'Sessions', gap: draw.pick([4, 12]) }),
  ])()

/** Triggers that finish would drop what comes after them, depending on when it comes: they are left to windows that take nothing late. */
const triggerOf = (draw: Draw, lateness: number, onlyAtEnd: boolean): TriggerShape => {
  if (onlyAtEnd) return { _tag: 'default' }
  const open: ReadonlyArray<() => TriggerShape> = [
    () => ({ _tag: 'default' }),
    () => ({ _tag: 'default' }),
    () => ({ _tag: 'never' }),
    () => ({ _tag: 'everyElement' }),
    () => ({ _tag: 'afterEach' }),
    () => ({ _tag: 'earlyAndLate', early: draw.pick(['count', 'clock', 'alignedClock', null]), late: draw.int(1, 3) }),
    () => ({ _tag: 'earlyAndLate', early: draw.pick(['count', 'clock', 'alignedClock', null]), late: draw.int(1, 3) }),
    () => ({ _tag: 'everyFew', count: draw.int(2, 4) }),
    () => ({ _tag: 'fewOrClock', count: draw.int(2, 4) }),
    () => ({ _tag: 'fewAndClock', count: draw.int(2, 4) }),
  ]
  const finishing: ReadonlyArray<() => TriggerShape> = [() => ({ _tag: 'watermark' }), () => ({ _tag: 'orFinally' })]
  return draw.pick(lateness === 0 ? [...open, ...finishing] : open)()
}

/** Each element is at most `mostBehind` older than the newest before it in its split. */
const sourcesOf = (draw: Draw, mostBehind: number): Scenario['sources'] => {
  const few = draw.chance(0.15)
  return Array.from({ length: draw.pick([1, 1, 2]) }, (_, source) =>
    Array.from({ length: draw.int(1, 3) }, (_, split) => {
      const own = draw.shuffled(keys).slice(0, draw.int(1, keys.length))
      let newest = draw.int(-20, 40)
      return Array.from({ length: few ? draw.int(0, 1) : draw.int(0, 25) }, (_, i): Event => {
        newest += draw.chance(0.1) ? draw.int(20, 100) : draw.int(0, 6)
        const at = draw.chance(0.3) ? newest - draw.int(0, mostBehind) : newest
        return { id: `${source}.${split}.${i}`, key: draw.pick(own), n: draw.int(0, 99), at }
      })
    }),
  )
}
