// Threads that wait for work: starting one, and loading what it runs, takes longer than many a run. A thread that nobody has asked for
// within two seconds ends, and none keeps the process alive.
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { isBundled } from '../../sdk/graph/own-files.ts'
import { serveInBundle } from './bundled-worker.ts'
import { loadingOf, type OwnData, tsxFor } from './loading.ts'

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

const meta: { readonly url?: string } = import.meta
/** This file, or the bundle that contains it. */
const here = meta.url ?? (typeof __filename === 'string' ? pathToFileURL(__filename).href : null)

/**
 * The program of a worker. Where the package is part of a bundle, it is the bundle: the worker evaluates it up to the last line of this
 * file, which starts the program.
 */
const programUrl = (): URL => {
  if (here === null)
    throw new Error('this bundle does not know its own file, which its workers run. Let the bundler write ESM (format: esm)')
  return isBundled ? new URL(here) : new URL(here.endsWith('.ts') ? './jetbeam-worker.ts' : './jetbeam-worker.js', here)
}

/** A thread that has loaded a module keeps it as it was: another module's runs go to it as well, but not to one with another loader. */
const kindOf = (url: string): string => {
  const { main, worker } = loadingOf(url)
  return `${main} ${worker}`
}

/**
 * A worker takes over `--import` and other options of its process, but not a loader that a call has registered, nor, before Node 22, what
 * such an option has registered: a few lines of JavaScript load tsx first.
 */
const startWorker = (url: string): Worker => {
  const loading = loadingOf(url)
  const program = programUrl()
  const data: OwnData = { jetbeam: loading }
  // This package's own sources are TypeScript in a checkout of it.
  const needsTsx = loading.worker === 'tsx' || program.pathname.endsWith('.ts')
  const loader = needsTsx ? tsxFor(url) : null
  if (loader === null) return new Worker(program, { name: 'jetbeam', workerData: data })
  const load = `const { register } = await import(${JSON.stringify(loader)}); register();`
  return new Worker(`(async () => { ${load} await import(${JSON.stringify(program.href)}) })()`, {
    eval: true,
    name: 'jetbeam',
    workerData: data,
  })
}

// An export of it is used: bundlers drop a module of which none is.
serveInBundle()
