// Instants and durations as branded milliseconds, so that seconds and epoch-seconds cannot slip in.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { contramap } from 'fp-ts/lib/Ord.js'
import { Ord as NumberOrd } from 'fp-ts/lib/number.js'

declare const instant: unique symbol
declare const duration: unique symbol

/** A point in event or processing time: whole milliseconds since 1970, UTC. Make one with {@link Instant}. */
export type Instant = number & { readonly [instant]: true }

/** A length of time in milliseconds. Make one with {@link millis}, {@link seconds}, {@link minutes}, {@link hours} or {@link days}. */
export type Duration = number & { readonly [duration]: true }

const asInstant = (value: number): Instant => value as Instant
const asDuration = (value: number): Duration => value as Duration

// Beam's bounds are ±9223372036854775 ms. A double is exact only for even integers out there, so ours lie one millisecond inside;
// the timestamp coder maps them to Beam's exact bounds and back.
const minMillis = -9_223_372_036_854_774
const maxMillis = 9_223_372_036_854_774

const clamp = (value: number): Instant => asInstant(value < minMillis ? minMillis : value > maxMillis ? maxMillis : value)

const ofMillis = (value: number): Instant => {
  if (Number.isNaN(value)) throw new RangeError('Instant.ofMillis: the argument is not a number of milliseconds (NaN)')
  return clamp(Math.trunc(value))
}

/**
 * Points in time.
 *
 * `ofMillis` and `ofDate` throw a RangeError for NaN or an invalid date; `parse` takes ISO 8601 and gives a Left instead. Arithmetic
 * stops at `min` and `max`, which are Beam's `TIMESTAMP_MIN_VALUE` and `TIMESTAMP_MAX_VALUE`.
 *
 * @example
 * pipe(Instant.ofMillis(0), Instant.plus(minutes(1)), Instant.toIso) // => '1970-01-01T00:01:00.000Z'
 * Instant.parse('1970-01-01T00:01:00Z') // => E.right(Instant.ofMillis(60_000))
 * pipe(Instant.ofDate(new Date(90_000)), Instant.since(Instant.ofMillis(60_000))) // => seconds(30)
 * pipe(Instant.ofMillis(500), Instant.minus(seconds(1))) // => -500
 * Instant.Ord.compare(Instant.min, Instant.max) // => -1
 */
export const Instant = {
  /** Milliseconds since 1970, UTC; fractions are cut off. */
  ofMillis,
  /** The instant of a Date. */
  ofDate: (date: Date): Instant => ofMillis(date.getTime()),
  /** ISO 8601, as a Left with the reason where it is none. */
  parse: (iso: string): Either<string, Instant> => {
    const value = Date.parse(iso)
    return Number.isNaN(value) ? E.left(`not an ISO 8601 time: ${JSON.stringify(iso)}`) : E.right(asInstant(value))
  },
  /** ISO 8601 in UTC; `-infinity` and `infinity` at the ends of time. */
  toIso: (t: Instant): string => (t <= minMillis ? '-infinity' : t >= maxMillis ? 'infinity' : isoOf(t)),
  /** Later by a duration. */
  plus:
    (d: Duration) =>
    (t: Instant): Instant =>
      clamp(t + d),
  /** Earlier by a duration. */
  minus:
    (d: Duration) =>
    (t: Instant): Instant =>
      clamp(t - d),
  /** How long after `start`: negative for an instant before it. */
  since:
    (start: Instant) =>
    (end: Instant): Duration =>
      asDuration(end - start),
  /** Earlier first. */
  Ord: contramap((t: Instant): number => t)(NumberOrd),
  /** Before everything. */
  min: asInstant(minMillis),
  /** After everything: a watermark there says that nothing will come. */
  max: asInstant(maxMillis),
} as const

// Date goes no further than ±8.64e15 ms; instants beyond are shown as a count.
const isoOf = (t: number): string => (Math.abs(t) <= 8.64e15 ? new Date(t).toISOString() : `${t} ms`)

const durationOf =
  (unit: string, factor: number) =>
  (n: number): Duration => {
    if (Number.isNaN(n)) throw new RangeError(`${unit}: the argument is not a number (NaN)`)
    return asDuration(Math.round(n * factor))
  }

/**
 * `n` milliseconds, rounded to whole ones. Throws a RangeError for NaN, as its kin do.
 *
 * @example
 * millis(1.6) // => 2
 */
export const millis = durationOf('millis', 1)
/**
 * `n` seconds, as milliseconds.
 *
 * @example
 * seconds(1.5) // => 1_500
 */
export const seconds = durationOf('seconds', 1_000)
/**
 * `n` minutes, as milliseconds.
 *
 * @example
 * minutes(1) // => 60_000
 */
export const minutes = durationOf('minutes', 60_000)
/**
 * `n` hours, as milliseconds.
 *
 * @example
 * hours(1) // => 3_600_000
 */
export const hours = durationOf('hours', 3_600_000)
/**
 * `n` days of 24 hours, as milliseconds. Days of a calendar are {@link CalendarWindows}.
 *
 * @example
 * days(1) // => 86_400_000
 */
export const days = durationOf('days', 86_400_000)
