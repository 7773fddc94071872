// The last line of a program: where the module is what was started, its arguments are read and its pipeline is run. What does that is loaded
// then: a worker, a test or another program imports the module as well.
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { type DefiningModule, moduleAdvice, moduleUrl } from '../../sdk/graph/module-url.ts'
import type { PipelineDefinition } from '../../sdk/graph/pipeline.ts'
import type { Binding, LocalBinding } from '../../sdk/model/bindings.ts'
import { serveInBundle } from '../worker-threads/bundled-worker.ts'

/** What a program hands to {@link main} besides its pipeline. */
export interface MainOptions {
  /** What the program itself binds, such as a connection with credentials; it goes before `--nats` and NATS_URL. */
  readonly provide?: ReadonlyArray<Binding | LocalBinding> | undefined
}

/**
 * Where the module is the program that was started: reads the command line, runs the pipeline to its end, and sets the exit code. Where
 * it is imported, by a test, a worker or another program: does nothing.
 *
 * The pipeline's options are read as `--name value`, in kebab or camel case, and from `--options FILE.json`; those of the run are listed
 * by `--help`. Progress goes to standard error. It never rejects: what fails is written there, with exit code 1, or 2 for a command line
 * that is wrong; where nobody reads that any more, the run goes on. Ctrl-C and SIGTERM suspend the run, a second one ends the process.
 *
 * @param module The caller's `import.meta`; in CommonJS, its `module`.
 * @param definition What Pipeline.define gave, with or without options.
 * @example
 * await main(import.meta, wordCount) // node word-count.js --from words.txt --to counts.txt --checkpoints ./state
 */
export const main = async (module: DefiningModule, definition: PipelineDefinition<never>, o: MainOptions = {}): Promise<void> => {
  const url = moduleUrl(module)
  if (url === null && isMainThread) {
    const { refuse } = await import('./program.ts')
    return refuse(`main: the first argument must name the module that calls it, and does not. ${moduleAdvice}`)
  }
  if (url === null || !isProgram(url)) return
  const { runProgram } = await import('./program.ts')
  return runProgram(definition, process.argv.slice(2), o)
}

/** A worker's argv names its parent's program: it is the main thread alone that was started. */
const isProgram = (url: string): boolean => {
  const [, started] = process.argv
  if (started === undefined || !isMainThread || !url.startsWith('file:')) return false
  try {
    return realpathSync(started) === realpathSync(fileURLToPath(url))
  } catch {
    return false
  }
}

// In a bundle, the runners are evaluated only once they are loaded: a worker never does so.
serveInBundle()
