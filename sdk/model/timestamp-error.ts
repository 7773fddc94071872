// What a timestamp has to be before the engine takes it, and the error for what it is not.
import { Instant } from './time.ts'
import { showGiven } from './show-given.ts'

/**
 * Thrown for a timestamp that the engine cannot keep: it ends the run, with the path of the transform that gave it. Timestamps are whole
 * milliseconds within ±2^53, beyond which a number does not hold every millisecond; or one of the ends of time, `Instant.min` and
 * `Instant.max`. Beam's timestamps are whole milliseconds as well, in a narrower range (BoundedWindow.TIMESTAMP_MIN_VALUE and its end).
 *
 * @example
 * const stamped = PCollection.withTimestamps((n: number) => (n / 8) as Instant)
 * const failed = await DirectRunner.runNow(Pipeline.of(pipe(Create.of([1]), stamped, PCollection.ignore))).catch((error: unknown) => error)
 * failed instanceof Error && failed.cause instanceof TimestampError && failed.cause.kind // => 'fractional'
 */
export class TimestampError extends RangeError {
  readonly _tag = 'TimestampError'
  /** noInstant: not a number, NaN or an infinity. fractional: not whole milliseconds. outOfRange: beyond ±2^53 ms. */
  readonly kind: 'noInstant' | 'fractional' | 'outOfRange'
  constructor(kind: TimestampError['kind'], message: string) {
    super(message)
    this.name = 'TimestampError'
    this.kind = kind
  }
}

// The end of the last window is Instant.max, so the last instant inside of one lies before it.
const lastInside = Instant.max - 2

/** `what`: the words for it in the error. For the paths of elements, behind a look whether it is a safe integer. */
export const requireTimestamp = (what: string, t: unknown): void => {
  if (Number.isSafeInteger(t) || t === Instant.min || t === Instant.max || t === lastInside) return
  if (typeof t !== 'number' || !Number.isFinite(t))
    throw new TimestampError('noInstant', `${what} is ${showGiven(t)}, which is no instant. Use Instant.ofMillis`)
  throw Number.isInteger(t)
    ? new TimestampError(
        'outOfRange',
        `${what} is ${t} ms, and timestamps lie within ±2^53 ms: beyond it, numbers do not hold every millisecond. Check its unit, or use Instant.min or Instant.max`,
      )
    : new TimestampError(
        'fractional',
        `${what} is ${t} ms, and timestamps are whole milliseconds. Use Instant.ofMillis, which cuts the fraction off`,
      )
}
