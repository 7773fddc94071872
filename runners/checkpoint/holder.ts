// Who holds a lease: a process, told apart from every other one, and whether it can be known to be gone.
import { randomUUID } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { codeOf } from './medium-error.ts'
import { fieldsOf, isCount } from './sealed-text.ts'

/** What is null the platform does not tell: only Linux does. */
export interface Holder {
  readonly pid: number
  readonly host: string
  /** The kernel's id of its own boot: a host that was started again is another place, and so is another host of the same name. */
  readonly boot: string | null
  /** A process id means something in one namespace: two containers on one host are two places. */
  readonly pidNamespace: string | null
  /** When the process began, in clock ticks since the boot: a process id is used again, never with the same start. */
  readonly started: string | null
  /** Random, drawn once for each loaded copy of this module. */
  readonly token: string
}

const token = randomUUID()

export const thisProcess = async (): Promise<Holder> => ({
  pid: process.pid,
  host: hostname(),
  boot: await readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(text => text.trim(), unknown),
  pidNamespace: await readlink('/proc/self/ns/pid').then(text => text, unknown),
  started: (await processStat(process.pid))?.started ?? null,
  token,
})

/** True only if it is certain; a process in another place is never known to be gone, it only falls silent. */
export const isGone = async (holder: Holder, here: Holder): Promise<boolean> => {
  if (holder.host !== here.host || holder.boot !== here.boot || holder.pidNamespace !== here.pidNamespace) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    return codeOf(error) === 'ESRCH'
  }
  const stat = await processStat(holder.pid)
  if (stat === null) return false
  // A zombie has ended; its parent has not asked how.
  return stat.state === 'Z' || stat.state === 'X' || (holder.started !== null && stat.started !== holder.started)
}

export const isThisProcess = (holder: Holder, here: Holder): boolean => holder.token === here.token

/** null for what is not one. */
export const holderOf = (value: unknown): Holder | null => {
  const { pid, host, boot, pidNamespace, started, token: drawn } = fieldsOf(value)
  const isTextOrNull = (v: unknown): v is string | null => v === null || typeof v === 'string'
  if (!isCount(pid) || pid === 0 || typeof host !== 'string' || typeof drawn !== 'string') return null
  if (!isTextOrNull(boot) || !isTextOrNull(pidNamespace) || !isTextOrNull(started)) return null
  return { pid, host, boot, pidNamespace, started, token: drawn }
}

export const showHolder = (holder: Holder | null): string =>
  holder === null ? 'A process that is not known' : `Process ${holder.pid} on host ${holder.host}`

const unknown = (): null => null

const processStat = async (pid: number): Promise<{ readonly state: string; readonly started: string } | null> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(unknown)
  if (text === null) return null
  // The command's name, in parentheses, may hold spaces and parentheses itself; the state is the first field after it, the start the 20th.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, started] = [fields[0], fields[19]]
  return state === undefined || started === undefined ? null : { state, started }
}
