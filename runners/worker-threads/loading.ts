// How modules are loaded: by Node, by tsx or by a test runner. Workers load a pipeline's module in the same way as the main thread,
// since another loader compiles TypeScript to other text, or does not take it at all.
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isMainThread, workerData } from 'node:worker_threads'
import { ownUrl } from '../../sdk/graph/own-files.ts'

export type Loader = 'node' | 'tsx' | 'vitest' | 'jest'

/** What a worker is started with. */
export interface Loading {
  /** How the main thread has loaded the pipeline's module. */
  readonly main: Loader
  /** How the worker loads it. */
  readonly worker: 'node' | 'tsx'
}

const isTypeScript = (url: string): boolean => /\.[mc]?tsx?(?:[?#]|$)/.test(url)

/** `--import tsx`, or the program `tsx`, which passes the paths of its parts. */
const runsTsx = (): boolean =>
  [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some(text => /(?:^|[\s/\\=])tsx(?:[\s/\\]|$)/.test(text))

/** Whether this Node takes TypeScript by itself, as from 22.18 on. */
const stripsTypes = (): boolean => 'typescript' in process.features && process.features.typescript !== false

const mainLoader = (url: string): Loader => {
  if (process.env['VITEST'] !== undefined) return 'vitest'
  if (process.env['JEST_WORKER_ID'] !== undefined) return 'jest'
  // Without type stripping something else has loaded it: tsx, registered by a call.
  return runsTsx() || (isTypeScript(url) && !stripsTypes()) ? 'tsx' : 'node'
}

/** For a pipeline whose module is at `url`. A test runner's own transformation cannot be had in a worker: tsx comes nearest to it. */
export const loadingOf = (url: string): Loading => {
  const main = mainLoader(url)
  return { main, worker: main !== 'node' && tsxFor(url) !== null ? 'tsx' : 'node' }
}

/** The module that registers tsx; null where it is not installed. */
export const tsxFor = (url: string): string | null => tsxFrom(url) ?? (ownUrl === null ? null : tsxFrom(ownUrl))

const tsxFrom = (url: string): string | null => {
  try {
    // What require finds is the CommonJS half, which cannot register hooks; the other lies beside it.
    return pathToFileURL(createRequire(fileURLToPath(url)).resolve('tsx/esm/api')).href.replace(/\.cjs$/, '.mjs')
  } catch {
    return null
  }
}

const names: Readonly<Record<Loader, string>> = { node: 'Node', tsx: 'tsx', vitest: 'vitest', jest: 'jest' }

/** For errors: "vitest here and tsx in the worker". */
export const loadingText = ({ main, worker }: Loading): string =>
  main === worker
    ? `both threads load modules by ${names[main]}`
    : `this thread loads modules by ${names[main]}, workers by ${names[worker]}`

/** The data of a worker that this package starts: it tells it from other workers of the same bundle. */
export interface OwnData {
  readonly jetbeam: Loading
}

const isOwnData = (data: unknown): data is OwnData => typeof data === 'object' && data !== null && 'jetbeam' in data

export const isOwnWorker = (): boolean => !isMainThread && isOwnData(workerData)

/** In a worker: how modules are loaded. null where this package has not started it. */
export const loadingHere = (): Loading | null => {
  const data: unknown = workerData
  return isOwnData(data) ? data.jetbeam : null
}
