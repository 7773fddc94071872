// Runs a command to its end within a time limit: what obtains a server leans on go, apt-get, dpkg and tar.
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import type { GuardedDirectory } from './guarded-directory.ts'
import type { Environment } from './obtainer.ts'

export interface CommandOptions {
  readonly limitMs: number
  readonly env?: Environment | undefined
}

/** Resolves to its standard output. Rejects with the end of what it said if it is not there, fails, or takes longer than `limitMs`. */
export const run = async (
  directory: GuardedDirectory,
  commandLine: readonly [string, ...Array<string>],
  options: CommandOptions,
): Promise<string> => {
  const [command, ...args] = commandLine
  const child = directory.spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: options.env, cwd: directory.path })
  const { stdout, stderr, pid } = child
  if (stdout === null || stderr === null || pid === undefined) throw new Error('sh did not start')
  child.ref()
  const ending = { late: false }
  const limit = setTimeout(() => {
    ending.late = true
    killGroup(pid)
  }, options.limitMs)
  const [output, complaints] = await Promise.all([buffer(stdout), buffer(stderr), once(child, 'exit')]).finally(() => clearTimeout(limit))
  const what = `'${[command, ...args.slice(0, 2)].join(' ')}'`
  const lastWords = lastLines(complaints.length > 0 ? complaints.toString() : output.toString())
  if (ending.late) throw new Error(`${what} took longer than ${options.limitMs / 1000} s: ${lastWords}`)
  // sh's own answer where there is no such command.
  if (child.exitCode === 127) throw new Error(`no ${command} on this machine`)
  if (child.exitCode !== 0) throw new Error(`${what} ended with ${child.exitCode ?? child.signalCode}: ${lastWords}`)
  return output.toString()
}

/** go and apt-get have children that would go on without them. */
const killGroup = (pid: number): void => {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-3).join(' | ').slice(-400)
