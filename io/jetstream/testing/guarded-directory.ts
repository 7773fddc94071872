// A temporary directory and the processes that work in it, both of which end with the process that made them, however it ends.
//
// A SIGKILL leaves no time for clean-up, so another process does it: a small `sh` that reads a pipe from us. The system closes our end of
// the pipe when we are gone, whatever the reason; then the guard kills and removes.
import { type ChildProcess, type ChildProcessWithoutNullStreams, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Environment } from './obtainer.ts'

/** A temporary directory with its guard. */
export interface GuardedDirectory {
  readonly path: string
  /** Starts a process that dies, its children too, when this one ends or the directory is removed. Its pid is the command's own; it keeps nobody from exiting. */
  readonly spawn: (command: string, args: ReadonlyArray<string>, options: SpawnOptions) => ChildProcess
  /** Kills what still runs in it and removes it. */
  readonly remove: () => Promise<void>
}

export interface SpawnOptions {
  readonly stdio: StdioOptions
  readonly env?: Environment | undefined
  readonly cwd?: string | undefined
}

/** Makes one in the system's temporary folder (`TMPDIR`). Needs `sh`; rejects where there is none. */
export const guardedDirectory = async (): Promise<GuardedDirectory> => {
  // Detached: Ctrl-C in a terminal goes to the whole foreground group, and the process that handles it may still need its server.
  const guard = spawn('sh', ['-c', guardScript, tmpdir()], { detached: true })
  const path = await firstLine(guard)
  guard.unref()
  if (guard.stdin instanceof Socket) guard.stdin.unref()
  return {
    path,
    spawn: (command, args, { stdio, env = process.env, cwd }) => {
      const child = spawn('sh', ['-c', registerScript, path, command, ...args], { stdio, env, cwd, detached: true })
      // A pid that is free may be given to another process.
      child.once('exit', () => rmSync(join(path, 'pids', String(child.pid)), { force: true }))
      child.unref()
      return child
    },
    remove: async () => {
      if (!hasEnded(guard)) {
        guard.ref()
        guard.stdin.end()
        await once(guard, 'exit')
      }
      await rm(path, { recursive: true, force: true })
    },
  }
}

/** Does something in a directory that is gone afterwards. */
export const inGuardedDirectory = async <A>(use: (directory: GuardedDirectory) => Promise<A>): Promise<A> => {
  const directory = await guardedDirectory()
  try {
    return await use(directory)
  } finally {
    await directory.remove()
  }
}

export const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

// The guard makes the directory itself, so there is no moment at which one exists without the other.
// It renames before it looks: a process that has not registered by then no longer can, and so never starts.
// It may be orphaned at any moment, even before it could tell the name: a broken pipe must not end it.
// A killed process may still create a file while it dies, hence the tries.
const guardScript = `
trap '' HUP INT TERM PIPE
directory=$(mktemp -d "$0/jetbeam-XXXXXX") && mkdir "$directory/pids" || exit 1
printf '%s\\n' "$directory"
exec >/dev/null 2>&1
cat
mv "$directory" "$directory.gone" && cd "$directory.gone/pids" || exit 1
for pid in *; do kill -s KILL -- "-$pid"; done
cd /
tries=0
until rm -rf "$directory.gone" || [ $tries -ge 50 ]; do
  tries=$((tries + 1))
  sleep 0.1
done`

// Registers its own pid, then becomes the command.
const registerScript = ': >"$0/pids/$$" && exec "$@"'

/** Rejects where the guard ends without one; what it says on its standard error is the reason. */
const firstLine = async (guard: ChildProcessWithoutNullStreams): Promise<string> => {
  await once(guard, 'spawn')
  const [complaints, said] = await Promise.all([text(guard.stderr), text(guard.stdout)])
  const [line, ...more] = said.split('\n')
  if (line === undefined || more.length === 0) throw new Error(`could not make a temporary directory in ${tmpdir()}: ${complaints.trim()}`)
  return line
}
