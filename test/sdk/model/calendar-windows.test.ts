import { assert } from 'chai'
import fc from 'fast-check'
import { CalendarWindows } from '../../../sdk/model/calendar-windows.ts'
import { Instant, hours } from '../../../sdk/model/time.ts'
import type { BoundedWindow } from '../../../sdk/model/window.ts'
import type { WindowFn } from '../../../sdk/model/custom-window-fn.ts'

const at = (iso: string): Instant => Instant.ofMillis(Date.parse(iso))
const windowOf = (fn: WindowFn, t: Instant): BoundedWindow => {
  const [window, ...others] = fn.assign(null, t)
  if (window === undefined || others.length > 0) throw new Error('not one window')
  return window
}
const shown = (fn: WindowFn, iso: string): string => {
  const { start, end } = windowOf(fn, at(iso))
  return `${Instant.toIso(start)} ${Instant.toIso(end)}`.replaceAll(':00.000Z', '')
}
/** Day, hour and minute as the clocks of a place show them. */
const clock = (timeZone: string, t: number): string =>
  new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(t)

describe('CalendarWindows', () => {
  it('of days last from midnight to midnight, 23 and 25 hours where clocks are changed', () => {
    const berlin = CalendarWindows.days(1, { timeZone: 'Europe/Berlin' })
    assert.strictEqual(shown(berlin, '2026-03-28T12:00Z'), '2026-03-27T23:00 2026-03-28T23:00')
    assert.strictEqual(shown(berlin, '2026-03-29T12:00Z'), '2026-03-28T23:00 2026-03-29T22:00')
    assert.strictEqual(shown(berlin, '2026-10-25T12:00Z'), '2026-10-24T22:00 2026-10-25T23:00')
    assert.strictEqual(shown(CalendarWindows.days(1), '2026-03-29T23:59:59Z'), '2026-03-29T00:00 2026-03-30T00:00')
    assert.strictEqual(shown(CalendarWindows.days(1, { timeZone: '+05:45' }), '2026-01-01T00:00Z'), '2025-12-31T18:15 2026-01-01T18:15')
  })

  it('begin with the first instant of a day whose midnight the clocks skip, and know no day that was skipped', () => {
    const brazil = CalendarWindows.days(1, { timeZone: 'America/Sao_Paulo' })
    assert.strictEqual(shown(brazil, '2018-11-04T12:00Z'), '2018-11-04T03:00 2018-11-05T02:00')
    const samoa = CalendarWindows.days(1, { timeZone: 'Pacific/Apia' })
    assert.strictEqual(shown(samoa, '2011-12-30T09:59Z'), '2011-12-29T10:00 2011-12-30T10:00')
    assert.strictEqual(shown(samoa, '2011-12-30T10:00Z'), '2011-12-30T10:00 2011-12-31T10:00')
  })

  it('of several days count from the day on which one starts, backwards as well', () => {
    const three = CalendarWindows.days(3, { startingOn: { year: 2026, month: 1, day: 10 } })
    for (const [day, start, end] of [
      [9, 7, 10],
      [10, 10, 13],
      [12, 10, 13],
      [13, 13, 16],
      [6, 4, 7],
    ] as const) {
      const of = (n: number): string => `2026-01-${String(n).padStart(2, '0')}T00:00`
      assert.strictEqual(shown(three, `${of(day)}Z`), `${of(start)} ${of(end)}`)
    }
  })

  it('of weeks begin on the day that is asked for', () => {
    assert.strictEqual(shown(CalendarWindows.weeks(1, { beginningOn: 'monday' }), '2026-11-24T10:00Z'), '2026-11-23T00:00 2026-11-30T00:00')
    assert.strictEqual(shown(CalendarWindows.weeks(1, { beginningOn: 'sunday' }), '2026-11-24T10:00Z'), '2026-11-22T00:00 2026-11-29T00:00')
    assert.strictEqual(
      shown(CalendarWindows.weeks(2, { beginningOn: 'thursday', timeZone: 'Asia/Tokyo' }), '1970-01-03T00:00Z'),
      '1969-12-31T15:00 1970-01-14T15:00',
    )
  })

  it('of months begin on their day, or on the last of a month that is too short', () => {
    assert.strictEqual(shown(CalendarWindows.months(1), '2024-02-29T23:59Z'), '2024-02-01T00:00 2024-03-01T00:00')
    assert.strictEqual(shown(CalendarWindows.months(3), '2024-05-15T00:00Z'), '2024-04-01T00:00 2024-07-01T00:00')
    assert.strictEqual(shown(CalendarWindows.months(1, { beginningOnDay: 15 }), '2024-03-14T23:00Z'), '2024-02-15T00:00 2024-03-15T00:00')
    assert.strictEqual(shown(CalendarWindows.months(1, { beginningOnDay: 31 }), '2023-02-28T00:00Z'), '2023-02-28T00:00 2023-03-31T00:00')
    assert.strictEqual(
      shown(CalendarWindows.months(4, { startingIn: { year: 2024, month: 3 } }), '2024-02-01T00:00Z'),
      '2023-11-01T00:00 2024-03-01T00:00',
    )
  })

  it('of years may begin on any day', () => {
    const tax = CalendarWindows.years(1, { beginningOn: { month: 4, day: 6 }, timeZone: 'Europe/London' })
    assert.strictEqual(shown(tax, '2026-04-05T12:00Z'), '2025-04-05T23:00 2026-04-05T23:00')
    assert.strictEqual(shown(CalendarWindows.years(10, { startingIn: 2000 }), '1999-12-31T00:00Z'), '1990-01-01T00:00 2000-01-01T00:00')
    const leap = CalendarWindows.years(1, { beginningOn: { month: 2, day: 29 } })
    assert.strictEqual(shown(leap, '2024-02-29T00:00Z'), '2024-02-29T00:00 2025-02-28T00:00')
  })

  it('are described by plain data, which tells them apart', () => {
    assert.deepEqual(CalendarWindows.weeks(2, { beginningOn: 'monday', timeZone: 'europe/berlin' }).kind, {
      _tag: 'Calendar',
      unit: 'days',
      every: 14,
      timeZone: 'Europe/Berlin',
      start: { year: 1969, month: 12, day: 29 },
    })
  })

  const zones = ['UTC', 'Europe/Berlin', 'America/Sao_Paulo', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Apia', 'Australia/Lord_Howe']
  const fns = fc
    .tuple(fc.constantFrom(...zones), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 28 }), fc.integer({ min: 0, max: 3 }))
    .map(([timeZone, n, day, verb]) => {
      switch (verb) {
        case 0:
          return { timeZone, fn: CalendarWindows.days(n, { timeZone, startingOn: { year: 2000, month: 2, day } }) }
        case 1:
          return { timeZone, fn: CalendarWindows.weeks(n, { timeZone, beginningOn: 'friday' }) }
        case 2:
          return { timeZone, fn: CalendarWindows.months(n, { timeZone, beginningOnDay: day }) }
        default:
          return { timeZone, fn: CalendarWindows.years(n, { timeZone, beginningOn: { month: 2, day } }) }
      }
    })
  const recent = fc.integer({ min: Date.UTC(1900, 0), max: Date.UTC(2100, 0) }).map(Instant.ofMillis)

  it('tile time: each instant is in one window, the next begins where it ends, and all agree on it', () => {
    fc.assert(
      fc.property(fns, recent, ({ fn }, t) => {
        const window = windowOf(fn, t)
        assert.isTrue(window.start <= t && t < window.end)
        assert.deepEqual(windowOf(fn, window.start), window)
        assert.deepEqual(windowOf(fn, Instant.ofMillis(window.end - 1)), window)
        assert.strictEqual(windowOf(fn, window.end).start, window.end)
        assert.strictEqual(windowOf(fn, Instant.ofMillis(window.start - 1)).end, window.start)
      }),
    )
  })

  it('begin at local midnight, or where the clocks skip it', () => {
    fc.assert(
      fc.property(fns, recent, ({ fn, timeZone }, t) => {
        const { start } = windowOf(fn, t)
        const [day, time] = clock(timeZone, start).split(' ')
        if (time !== '00:00') assert.notStrictEqual(clock(timeZone, start - 60_000).split(' ')[0], day)
      }),
    )
  })

  it('reach to the ends of time', () => {
    for (const fn of [CalendarWindows.days(1, { timeZone: 'Asia/Kathmandu' }), CalendarWindows.months(7), CalendarWindows.years(300_000)]) {
      for (const t of [Instant.min, Instant.max, Instant.ofMillis(8.64e15), Instant.ofMillis(-8.64e15), Instant.ofMillis(8.6e15)]) {
        const { start, end } = windowOf(fn, t)
        assert.isTrue(Instant.min <= start && start <= t && (t < end || t === Instant.max) && end <= Instant.max)
      }
    }
    assert.strictEqual(windowOf(CalendarWindows.days(1), Instant.max).end, Instant.max)
    assert.strictEqual(windowOf(CalendarWindows.days(1), Instant.min).start, Instant.min)
  })

  it('refuse what is no number of days, no day, no weekday and no place', () => {
    assert.throws(() => CalendarWindows.days(0), RangeError, /CalendarWindows.days: .* whole number from 1, and 0 is not/)
    assert.throws(() => CalendarWindows.months(1.5), RangeError, /whole number/)
    assert.throws(() => CalendarWindows.days(1, { timeZone: 'Mars/Olympus' }), RangeError, /"Mars\/Olympus" is not known here/)
    assert.throws(() => CalendarWindows.days(1, { startingOn: { year: 2023, month: 2, day: 29 } }), RangeError, /there is no day/)
    assert.throws(() => CalendarWindows.months(1, { beginningOnDay: 32 }), RangeError, /there is no day/)
    assert.throws(() => CalendarWindows.years(1, { beginningOn: { month: 4, day: 31 } }), RangeError, /there is no day/)
    // @ts-expect-error what a JavaScript caller may write
    assert.throws(() => CalendarWindows.weeks(1, { beginningOn: 'Monday' }), RangeError, /a day of the week, and "Monday" is none/)
  })

  it('give elements of one window one and the same object, however they are mixed', () => {
    const fn = CalendarWindows.days(1, { timeZone: 'Europe/Berlin' })
    const of = (hour: number) => fn.assign(null, Instant.ofMillis(hours(hour)))
    const [first, second] = [of(0), of(24)]
    for (let hour = 0; hour < 47; hour++) assert.strictEqual([first, second].includes(of(hour)), true, `hour ${hour}`)
  })
})
