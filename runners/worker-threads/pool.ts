// Threads that wait for work: starting one, and loading what it runs, takes longer than many a run. A thread that nobody has asked for
// within two seconds ends, and none keeps the process alive.
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'

const idleMs = 2_000

interface Idle {
  readonly worker: Worker
  readonly timer: NodeJS.Timeout
}
/** By how they were started. */
const idle = new Map<string, Idle[]>()

/** For a pipeline whose module is at `url`. It is the caller's until it is given back. */
export const takeWorker = (url: string): Worker => {
  const waiting = idle.get(kindOf(url))?.pop()
  if (waiting === undefined) return startWorker(url)
  clearTimeout(waiting.timer)
  waiting.worker.removeAllListeners()
  waiting.worker.ref()
  return waiting.worker
}

/** One that has ended its run as it should. */
export const giveBack = (url: string, worker: Worker): void => {
  const kind = kindOf(url)
  const workers = idle.get(kind) ?? []
  idle.set(kind, workers)
  const gone = (): void => {
    const at = workers.findIndex(it => it.worker === worker)
    if (at >= 0) workers.splice(at, 1)
    void worker.terminate()
  }
  worker.removeAllListeners()
  worker.on('error', gone)
  worker.on('exit', gone)
  worker.unref()
  workers.push({ worker, timer: setTimeout(gone, idleMs).unref() })
}

const program = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/** A thread that has loaded a module keeps it as it was: another module's runs go to it as well, but not to one without tsx. */
const kindOf = (url: string): string => loaderFor(url) ?? ''

/**
 * Compiled output is started as it is. TypeScript sources need tsx, which a worker of Node 20 does not take over from its process: a
 * few lines of JavaScript load it first.
 */
const startWorker = (url: string): Worker => {
  const loader = loaderFor(url)
  if (loader === null) return new Worker(program, { name: 'jetbeam' })
  const load = `const { register } = await import(${JSON.stringify(loader)}); register();`
  return new Worker(`(async () => { ${load} await import(${JSON.stringify(program.href)}) })()`, { eval: true, name: 'jetbeam' })
}

/** null where no TypeScript is to be loaded, or tsx is not installed: then Node itself may run it. */
const loaderFor = (url: string): string | null => {
  if (!program.pathname.endsWith('.ts') && !url.endsWith('.ts')) return null
  return tsxFrom(url) ?? tsxFrom(import.meta.url)
}

const tsxFrom = (url: string): string | null => {
  try {
    // What require finds is the CommonJS half, which cannot register hooks; the other lies beside it.
    return pathToFileURL(createRequire(fileURLToPath(url)).resolve('tsx/esm/api')).href.replace(/\.cjs$/, '.mjs')
  } catch {
    return null
  }
}
