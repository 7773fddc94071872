// What the quick start shows: steps, one line of live progress, and a table in the end.
import type { Progress } from './pipeline-process.ts'

export const figure = (n: number): string =>
  Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')

/** Steps on standard output; progress rewrites its line on a terminal, and comes once a second elsewhere. */
export const display = (screen: NodeJS.WriteStream) => {
  const clear = screen.isTTY ? '\r\x1b[K' : ''
  let shownMs = 0
  return {
    step: (text: string): void => void screen.write(`${clear}${text}\n`),
    progress: (progress: Progress, events: number): void => {
      const text = progressLine(progress, events)
      const now = performance.now()
      if (screen.isTTY) screen.write(`${clear}${text.slice(0, screen.columns - 1)}`)
      else if (now - shownMs >= 1_000) {
        shownMs = now
        screen.write(`${text}\n`)
      }
    },
    table: (rows: ReadonlyArray<readonly [name: string, value: number, note: string]>): void => {
      const width = Math.max(...rows.map(([name]) => name.length))
      screen.write(clear)
      for (const [name, value, note] of rows)
        screen.write(`  ${name.padEnd(width)}  ${figure(value).padStart(9)}  ${note}`.trimEnd() + '\n')
    },
  }
}

/** `read` counts from the start of a process, which begins again before what a killed one has read: the place in the feed is what lag leaves. */
export const placeIn = ({ read, lag }: Progress, events: number): number => (lag === null ? read : Math.max(0, events - lag))

const progressLine = (progress: Progress, events: number): string => {
  const { perSecond, lag, watermark, checkpoint } = progress
  const { lastEpoch, ageMs } = checkpoint
  return [
    `  ${figure(perSecond).padStart(6)}/s`,
    `at ${figure(placeIn(progress, events))} of ${figure(events)}`,
    `lag ${lag === null ? 'unknown' : figure(lag)}`,
    `watermark ${watermark.includes('T') ? watermark.slice(11, 19) : watermark}`,
    lastEpoch === null ? 'no checkpoint yet' : `checkpoint ${lastEpoch}, ${((ageMs ?? 0) / 1_000).toFixed(1)} s ago`,
  ].join('  ')
}
