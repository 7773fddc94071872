// Windows of whole days, weeks, months and years by the calendar and the clocks of a place (semantics: Beam's CalendarWindows).
import { Temporal } from 'temporal-polyfill'
import { Instant } from './time.ts'
import type { BoundedWindow } from './window.ts'
import { insideTime } from './window-fns.ts'
import type { WindowFn } from './custom-window-fn.ts'
import type { CalendarDate } from './windowing-strategy.ts'

/** A day of the week, for {@link CalendarWindows}. */
export type Weekday = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday'

type Zone = {
  /** An IANA name, `Europe/Berlin`, or a fixed offset, `+02:00`. UTC unless told. */
  readonly timeZone?: string | undefined
}
type DaysOptions = Zone & {
  /** A day on which a window starts: it matters where a window has more days than one. 1970-01-01 unless told. */
  readonly startingOn?: CalendarDate | undefined
}
type WeeksOptions = Zone & {
  /** The first day of each window. */
  readonly beginningOn: Weekday
}
type MonthsOptions = Zone & {
  /** The first day of each window, from 1 to 31; a month that is too short has its last day instead. 1 unless told. */
  readonly beginningOnDay?: number | undefined
  /** A month in which a window starts. January 1970 unless told. */
  readonly startingIn?: { readonly year: number; readonly month: number } | undefined
}
type YearsOptions = Zone & {
  /** The first day of each window. The first of January unless told. */
  readonly beginningOn?: { readonly month: number; readonly day: number } | undefined
  /** A year in which a window starts. 1970 unless told. */
  readonly startingIn?: number | undefined
}

/**
 * Windows from midnight to midnight where the clocks of `timeZone` show it: a day has 23 or 25 hours where they are put forward or back,
 * and begins at its first instant where they skip midnight. `n` counts days, weeks, months or years of one window, from 1.
 *
 * All throw a RangeError for an `n` that is no whole number from 1, an unknown time zone, or a date that does not exist. Beyond the year
 * ±270,000 one window reaches to the end of time. Semantics: Beam's CalendarWindows.
 *
 * @example
 * Window.into(CalendarWindows.days(1, { timeZone: 'Europe/Berlin' }))
 * Window.into(CalendarWindows.weeks(1, { beginningOn: 'monday' }))
 * Window.into(CalendarWindows.months(3)) // quarters
 * Window.into(CalendarWindows.years(1, { beginningOn: { month: 4, day: 6 }, timeZone: 'Europe/London' }))
 */
export const CalendarWindows = Object.freeze({
  /** `n` days. */
  days: (n: number, o: DaysOptions = {}): WindowFn =>
    calendar({ verb: 'days', n, unit: 'days', every: n, start: o.startingOn ?? { year: 1970, month: 1, day: 1 }, timeZone: o.timeZone }),
  /** `n` weeks, from one day of the week to the next. */
  weeks: (n: number, o: WeeksOptions): WindowFn => {
    // The days around the first of January 1970, a Thursday.
    const day = weekdays.indexOf(o.beginningOn) - weekdays.indexOf('thursday')
    if (!weekdays.includes(o.beginningOn))
      throw new RangeError(`CalendarWindows.weeks: beginningOn is a day of the week, and ${JSON.stringify(o.beginningOn)} is none`)
    const { year, month, day: of } = epoch.add({ days: day })
    return calendar({ verb: 'weeks', n, unit: 'days', every: 7 * n, start: { year, month, day: of }, timeZone: o.timeZone })
  },
  /** `n` months. */
  months: (n: number, o: MonthsOptions = {}): WindowFn => {
    const { year, month } = o.startingIn ?? { year: 1970, month: 1 }
    // December has all 31 days, so a day that no month has is refused and none that some month has.
    dateOf('months', { year: 1970, month: 12, day: o.beginningOnDay ?? 1 })
    return calendar({
      verb: 'months',
      n,
      unit: 'months',
      every: n,
      start: { year, month, day: o.beginningOnDay ?? 1 },
      timeZone: o.timeZone,
    })
  },
  /** `n` years. */
  years: (n: number, o: YearsOptions = {}): WindowFn => {
    const { month, day } = o.beginningOn ?? { month: 1, day: 1 }
    // A leap year: the 29th of February is a birthday like any other, and in other years the last of the month.
    dateOf('years', { year: 1972, month, day })
    return calendar({
      verb: 'years',
      n,
      unit: 'months',
      every: 12 * n,
      start: { year: o.startingIn ?? 1970, month, day },
      timeZone: o.timeZone,
    })
  },
})

const weekdays: ReadonlyArray<Weekday> = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

interface Calendar {
  readonly verb: string
  readonly n: number
  readonly unit: 'days' | 'months'
  readonly every: number
  readonly start: CalendarDate
  readonly timeZone?: string | undefined
}

const calendar = ({ verb, n, unit, every, start, timeZone = 'UTC' }: Calendar): WindowFn => {
  if (!Number.isSafeInteger(n) || n < 1)
    throw new RangeError(`CalendarWindows.${verb}: how many ${verb} a window has is a whole number from 1, and ${n} is not`)
  const zone = zoneOf(verb, timeZone)
  // Of a month, its first: the day is looked for in each month anew.
  const first = dateOf(verb, unit === 'months' ? { ...start, day: 1 } : start)
  const windowAt = windowsOf(unit, every, first, start.day, zone)
  // Calendar arithmetic costs microseconds, and elements come in order of time, mostly. A quarter of an hour seldom has two windows.
  const byQuarter = new Map<number, ReadonlyArray<BoundedWindow>>()
  // One window is one object: tables and state find it by identity.
  const byStart = new Map<number, ReadonlyArray<BoundedWindow>>()
  let last: ReadonlyArray<BoundedWindow> = []
  const holds = ([window]: ReadonlyArray<BoundedWindow>, t: number): boolean => window !== undefined && window.start <= t && t < window.end
  return Object.freeze({
    urn: 'jetbeam:window_fn:calendar:v1',
    kind: Object.freeze({ _tag: 'Calendar', unit, every, timeZone: zone, start: Object.freeze({ ...start }) }),
    assign: (_: unknown, timestamp: Instant) => {
      const t = insideTime(timestamp)
      if (holds(last, t)) return last
      const quarter = Math.floor(t / quarterHour)
      const before = byQuarter.get(quarter)
      if (before !== undefined && holds(before, t)) last = before
      else {
        if (byQuarter.size > mostKnown) [byQuarter, byStart].forEach(known => known.clear())
        const window = windowAt(t)
        last = byStart.get(window.start) ?? Object.freeze([window])
        byStart.set(window.start, last)
        byQuarter.set(quarter, last)
      }
      return last
    },
    merge: null,
  })
}

const quarterHour = 900_000
const mostKnown = 1_000

// A few thousand years inside of what Temporal can tell, so that no arithmetic leaves it.
const [earliestYear, latestYear] = [-270_000, 270_000]
const [earliest, latest] = [Date.UTC(earliestYear, 1), Date.UTC(latestYear, -1)]

/** The window that holds an instant. Boundaries are the first instants of days, which lie in order even where clocks are put back over midnight. */
const windowsOf = (unit: 'days' | 'months', every: number, first: Temporal.PlainDate, day: number, zone: string) => {
  const firstDay = epochDay(first)
  const firstMonth = 12 * first.year + first.month - 1
  /** Where window number `k` starts. */
  const boundary = (k: number): Instant => {
    const at = (unit === 'days' ? firstDay : firstMonth) + k * every
    const year = unit === 'days' ? 1970 + at / 365.2425 : at / 12
    if (year <= earliestYear) return Instant.min
    if (year >= latestYear) return Instant.max
    return Instant.ofMillis(startOf(unit === 'days' ? dayNumber(at) : dayOfMonth(at, day), zone))
  }
  return (t: Instant): BoundedWindow => {
    const date = Temporal.Instant.fromEpochMilliseconds(Math.min(Math.max(t, earliest), latest))
      .toZonedDateTimeISO(zone)
      .toPlainDate()
    const at = unit === 'days' ? epochDay(date) - firstDay : 12 * date.year + date.month - 1 - firstMonth
    let k = Math.floor(at / every)
    let [start, end] = [boundary(k), boundary(k + 1)]
    while (start > t) [start, end] = [boundary(--k), start]
    while (end <= t) [start, end] = [end, boundary(++k + 1)]
    return Object.freeze({ start, end })
  }
}

const epoch = Temporal.PlainDate.from('1970-01-01')
const epochDay = (date: Temporal.PlainDate): number => epoch.until(date, { largestUnit: 'days' }).days

const dayNumber = (day: number): Temporal.PlainDate => epoch.add({ days: day })

/** In month number `month` since the year 0; a day that it does not have is its last. */
const dayOfMonth = (month: number, day: number): Temporal.PlainDate =>
  Temporal.PlainDate.from({ year: Math.floor(month / 12), month: month - 12 * Math.floor(month / 12) + 1, day })

const startOf = (date: Temporal.PlainDate, zone: string): number => date.toZonedDateTime(zone).epochMilliseconds

const dateOf = (verb: string, date: CalendarDate): Temporal.PlainDate => {
  try {
    return Temporal.PlainDate.from(date, { overflow: 'reject' })
  } catch (cause) {
    throw new RangeError(`CalendarWindows.${verb}: there is no day ${JSON.stringify(date)} in the calendar`, { cause })
  }
}

const zoneOf = (verb: string, timeZone: string): string => {
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone).timeZoneId
  } catch (cause) {
    throw new RangeError(
      `CalendarWindows.${verb}: the time zone ${JSON.stringify(timeZone)} is not known here: use an IANA name such as 'Europe/Berlin', or an offset such as '+02:00'`,
      { cause },
    )
  }
}
