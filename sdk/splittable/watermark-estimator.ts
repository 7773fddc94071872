// Watermark estimators: how far event time has come for one restriction, as a state that is checkpointed and a handle for `process`.
import { Coder } from '../coders/index.ts'
import type { Instant } from '../model/time.ts'

/** Where a restriction's estimator keeps its `state` while it is read. The state is replaced, never changed. */
export interface EstimatorCell {
  state: unknown
}

/**
 * `W` is the handle that `process` gets; what it knows is checkpointed (Beam's WatermarkEstimator). Make one with
 * {@link WatermarkEstimator}. Whatever it says, a restriction's watermark never goes back.
 */
export interface WatermarkEstimator<out W> {
  /** Of its kind, with a version. */
  readonly urn: string
  /** Its states into checkpoints and back. */
  readonly coder: Coder<unknown>
  /** `from`: the timestamp of the element that is read. */
  readonly initial: (from: Instant) => unknown
  /** What was handed on; null where nothing follows from it. */
  readonly observe: ((state: unknown, timestamp: Instant) => unknown) | null
  /** The watermark; `now` is the runner's clock. */
  readonly current: (state: unknown, now: Instant) => Instant
  /** The handle that `process` gets. */
  readonly make: (cell: EstimatorCell, now: () => Instant) => W
}

type Reading = {
  readonly current: Instant
}
type Manual = Reading & {
  /** Throws a RangeError for what is no instant. One that lies behind what was said before changes nothing. */
  readonly advanceTo: (t: Instant) => void
}

const later = (a: Instant, b: Instant): Instant => (a > b ? a : b)

/** The state of the three standard ones: an instant. The coder says that a state is nothing else. */
const instants = Coder.instant as Coder<unknown>
const instantIn = (state: unknown): Instant => state as Instant

const standard = <W>(urn: string, o: Pick<WatermarkEstimator<W>, 'observe' | 'current' | 'make'>): WatermarkEstimator<W> =>
  Object.freeze({ urn, coder: instants, initial: (from: Instant) => from, ...o })

const monotonic: WatermarkEstimator<Reading> = standard('jetbeam:watermark_estimator:monotonic:v1', {
  observe: (state, timestamp) => later(instantIn(state), timestamp),
  current: instantIn,
  make: cell => ({
    get current() {
      return instantIn(cell.state)
    },
  }),
})

const wallTime: WatermarkEstimator<Reading> = standard('jetbeam:watermark_estimator:wall_time:v1', {
  observe: null,
  current: (_, now) => now,
  make: (_, now) => ({
    get current() {
      return now()
    },
  }),
})

const manual: WatermarkEstimator<Manual> = standard('jetbeam:watermark_estimator:manual:v1', {
  observe: null,
  current: instantIn,
  make: cell => ({
    get current() {
      return instantIn(cell.state)
    },
    advanceTo: t => {
      if (typeof t !== 'number' || Number.isNaN(t)) throw new RangeError(`watermark.advanceTo(${String(t)}): the watermark is an Instant`)
      cell.state = later(instantIn(cell.state), t)
    },
  }),
})

type EstimatorSpec<S> = {
  readonly coder: Coder<S>
  readonly initial: S
  readonly observe: (s: S, timestamp: Instant) => S
  readonly current: (s: S, now: Instant) => Instant
}

const of = <S>({ coder, initial, observe, current }: EstimatorSpec<S>): WatermarkEstimator<Reading> => {
  // What this estimator's functions give is all that its state ever is.
  const stateIn = (state: unknown): S => state as S
  return Object.freeze({
    urn: `jetbeam:watermark_estimator:own:v1(${coder.urn})`,
    coder: coder as unknown as Coder<unknown>, // it is only given such states
    initial: () => initial,
    observe: (state: unknown, timestamp: Instant) => observe(stateIn(state), timestamp),
    current: (state: unknown, now: Instant) => current(stateIn(state), now),
    make: (cell: EstimatorCell, now: () => Instant) => ({
      get current() {
        return current(stateIn(cell.state), now())
      },
    }),
  })
}

/**
 * How the watermark of a splittable DoFn follows from what it reads (Beam's WatermarkEstimators). It begins at the timestamp of the
 * element that is read, is looked at after each yield and at the end, and never goes back. An output behind it is allowed, and may be
 * late.
 *
 * @example
 * WatermarkEstimator.monotonic // what is in order
 * WatermarkEstimator.wallTime // what happens when it is read
 * WatermarkEstimator.manual // what `process` says: watermark.advanceTo(row.committed)
 */
export const WatermarkEstimator = Object.freeze({
  /** The greatest timestamp that was handed on: for what is in order. */
  monotonic,
  /** The runner's clock: for what happens when it is read. */
  wallTime,
  /** What `process` says: `watermark.advanceTo(t)`. */
  manual,
  /**
   * A state of one's own, and what follows from it. `observe` gives a new state, it does not change the old one.
   *
   * @example
   * const tenSecondsBehind = WatermarkEstimator.of({
   *   coder: Coder.instant, initial: Instant.min,
   *   observe: (newest, t) => (t > newest ? t : newest),
   *   current: newest => Instant.minus(seconds(10))(newest),
   * })
   */
  of,
})
