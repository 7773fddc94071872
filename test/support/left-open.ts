import { fstatSync, readFileSync, writeSync } from 'node:fs'

/** What a test leaves open keeps the process from ending: that is told, and fails, instead of a wait without an end. */
const patienceMs = 15_000

/** Mocha calls it when the last test is over. The timer holds nothing itself, so a process with nothing left open ends before it fires. */
export function mochaGlobalTeardown(): void {
  const timer = setTimeout(() => {
    writeSync(
      2,
      `\nThe tests are over, but ${String(patienceMs / 1_000)} s later something of them still runs:\n${leftOpen().join('\n')}\n`,
    )
    process.exit(1)
  }, patienceMs)
  timer.unref()
}

interface Handle {
  readonly type: string
  readonly is_active: boolean
  readonly is_referenced: boolean
  readonly fd?: number
  readonly pid?: number
  readonly localEndpoint?: object | null
  readonly remoteEndpoint?: object | null
}

/** A line each: sockets with their ends, child processes with their command lines, how many worker threads, timers and the like. */
export function leftOpen(): readonly string[] {
  const { libuv, workers } = process.report.getReport() as { readonly libuv: readonly Handle[]; readonly workers: readonly unknown[] }
  const handles = libuv.filter(handle => handle.is_active && handle.is_referenced && handle.type !== 'loop')
  return [
    `  in all: ${process.getActiveResourcesInfo().join(', ')}`,
    ...handles.map(({ type, fd, pid, localEndpoint, remoteEndpoint }) => {
      const ends = localEndpoint === undefined ? '' : ` ${JSON.stringify(localEndpoint)} to ${JSON.stringify(remoteEndpoint)}`
      return `  ${type}${ends}${pid === undefined ? '' : ` ${String(pid)}: ${commandLine(pid)}`}${fd === undefined ? '' : ` (descriptor ${String(fd)}, ${kind(fd)})`}`
    }),
    ...(workers.length === 0 ? [] : [`  worker threads: ${String(workers.length)}`]),
  ]
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return 'gone'
  }
}

function kind(fd: number): string {
  try {
    const stat = fstatSync(fd)
    return stat.isSocket() ? 'socket' : stat.isFIFO() ? 'pipe' : stat.isFile() ? 'file' : 'other'
  } catch {
    return 'closed'
  }
}
