// A way of getting a nats-server, as a value: the search tries a list of them in order, and a test can pass its own list.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { versionIn } from './version.ts'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A nats-server's program: the path of the `binary`, and the `version` that it told when it was run. */
export interface Binary {
  readonly binary: string
  readonly version: string
}

/** One way of getting a nats-server. */
export interface Obtainer {
  /** Its name in messages: `PATH`, `go install`. */
  readonly how: string
  /** Where it takes long or downloads: what to tell the person who waits. */
  readonly announcement?: string | undefined
  /** Resolves to a binary that runs, of whatever version, or rejects with an Error that says why it cannot. */
  readonly obtain: (env: Environment) => Promise<Binary>
}

const answerMs = 10_000

/** Runs it with `--version`: that it is there and executable does not mean that this machine can run it. */
export const examine = async (binary: string): Promise<Binary> => {
  const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: answerMs, killSignal: 'SIGKILL' }).catch(
    (error: unknown) => {
      throw new Error(`${binary} does not run: ${errorText(error)}`, { cause: error })
    },
  )
  const version = versionIn(stdout)
  if (version === null) throw new Error(`${binary} is not a nats-server: its --version says '${stdout.trim().slice(0, 80)}'`)
  return { binary, version }
}

/** An Error's message in one line, with those of its causes: fetch keeps the reason there. */
export const errorText = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const text = error.message
    .split('\n')
    .flatMap(line => line.trim() || [])
    .join(' | ')
  const cause = error.cause === undefined ? '' : errorText(error.cause)
  return cause === '' || text.includes(cause) ? text : `${text}: ${cause}`
}
