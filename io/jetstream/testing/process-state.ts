// Whether a process has really stopped: SIGSTOP only asks for it, and a busy thread may answer a client meanwhile.
import { execFile } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'

const pollMs = 2
const limitMs = 5_000

/** Resolves when all threads of a process that was sent SIGSTOP stand still. Rejects after 5 s. */
export const standsStill = async (pid: number): Promise<void> => {
  const giveUpAt = Date.now() + limitMs
  while (Date.now() < giveUpAt) {
    const states = process.platform === 'linux' ? await threadStates(pid) : await processState(pid)
    if (states.every(state => state.startsWith('T'))) return
    await setTimeout(pollMs)
  }
  throw new Error(`process ${pid} did not stop within ${limitMs / 1000} s`)
}

const threadStates = async (pid: number): Promise<ReadonlyArray<string>> => {
  const threads = await readdir(`/proc/${pid}/task`)
  const texts = await Promise.all(threads.map(thread => readFile(`/proc/${pid}/task/${thread}/status`, 'utf8')))
  return texts.map(text => /^State:\s*(\S+)/m.exec(text)?.[1] ?? '')
}

const processState = async (pid: number): Promise<ReadonlyArray<string>> => {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'state=', '-p', String(pid)])
  return [stdout.trim()]
}
