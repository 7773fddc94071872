// The only way from the command line to a terminal or a file: what is written here has lost its secrets.
import { withoutSecretsIn } from '../../sdk/model/secret-text.ts'
import type { Screen } from './progress.ts'

/** The same screen; its size may change while it is used. */
export const withoutSecretsOn = (screen: Screen): Screen => ({
  get isTTY() {
    return screen.isTTY
  },
  get columns() {
    return screen.columns
  },
  write: text => screen.write(withoutSecretsIn(text)),
})

/** Writes lines of text to standard output and standard error. */
export const output = {
  result: (text: string): void => void process.stdout.write(`${withoutSecretsIn(text)}\n`),
  problem: (text: string): void => void process.stderr.write(`${withoutSecretsIn(text)}\n`),
} as const
