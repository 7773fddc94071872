// What the quick start can be told.
import { parseArgs } from 'node:util'

export interface Settings {
  readonly events: number
  readonly seed: number
  /** How long the pipeline needs for the feed at the least: the link to its server is that slow. */
  readonly seconds: number
  /** Between checkpoints. */
  readonly every: string
}

export const usage = `Runs examples/page-time over a feed of views, kills it in the middle, starts it again, and counts.

usage: npm start -- [options]

  --events N   how many messages the feed has (100000)
  --seed S     what it is drawn from: the same seed gives the same feed (1)
  --seconds S  how long the pipeline needs for it, at the least: its link to the server is made that slow (4)
  --every MS   between checkpoints: 500, 1s (250ms)
  --help       this text

It gets a nats-server if there is none, and starts it on a free port with a temporary store; nothing is left in the end.
The exit code is 0 if every event counted exactly once, and 1 if not.`

/** null: help is asked for. Throws with what is wrong. */
export const settingsOf = (args: ReadonlyArray<string>): Settings | null => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
      every: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) return null
  return {
    events: whole('--events', values.events ?? '100000', 100),
    seed: whole('--seed', values.seed ?? '1', 0),
    seconds: whole('--seconds', values.seconds ?? '4', 1),
    every: values.every ?? '250ms',
  }
}

const whole = (name: string, text: string, least: number): number => {
  const n = Number(text)
  if (Number.isSafeInteger(n) && n >= least) return n
  throw new Error(`${name} takes a whole number from ${least}, and ${text} is not one`)
}
