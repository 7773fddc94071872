// Leaves become a pipeline; a definition makes it importable by others: workers, the command line, a job server.
import type { StandardSchema } from '../coders/index.ts'
import { showGiven } from '../model/show-given.ts'
import { recording } from './building.ts'
import { graphOf } from './graph.ts'
import type { Graph } from './graph-node.ts'
import { InvalidPipelineError } from './invalid-pipeline.ts'
import { type DefiningModule, moduleAdvice, moduleUrl } from './module-url.ts'
import type { Node } from './node.ts'
import { validOptions } from './options.ts'
import { isLeaf, type PDone, shownGraphPart } from './pcollection.ts'
import { problemsOf, warningsOf } from './validate.ts'

/** A checked graph, ready for a runner (Beam's Pipeline). {@link Pipeline.of} makes one for a test or a single thread. */
export interface Pipeline {
  readonly _tag: 'Pipeline'
  /** @internal The graph of its transforms, for runners. */
  readonly graph: Graph
  /** What is allowed and seldom meant, such as counting again what an accumulating trigger has fired before. */
  readonly warnings: ReadonlyArray<string>
  /** The name of its definition; null for one of Pipeline.of. */
  readonly name: string | null
}
/** Knows the module it comes from and the options it was made with, so another thread can make it again. */
export interface PortablePipeline extends Pipeline {
  /** Where it comes from. */
  readonly origin: {
    /** Of its module. */
    readonly url: string
    /** Of its definition. */
    readonly name: string
    /** As they were given. */
    readonly options: unknown
  }
}

type Leaves = PDone | ReadonlyArray<PDone>

/** A pipeline as a function of its options: {@link Pipeline.define} makes one. */
export interface PipelineDefinition<in I> {
  /** Under which its checkpoints are kept. */
  readonly pipelineName: string
  /** The module that exports it. */
  readonly url: string
  /** What its options must look like; null: it takes none. */
  readonly schema: StandardSchema<unknown, unknown> | null
  (options: I): PortablePipeline
}

const make = (leaves: ReadonlyArray<PDone>, name: string | null, madeSinks: ReadonlyArray<Node>): Pipeline => {
  const stranger = leaves.findIndex(leaf => !isLeaf(leaf))
  if (stranger >= 0)
    throw new InvalidPipelineError(name, [
      `leaf ${stranger + 1} is not a finished branch but ${Array.isArray(leaves[stranger]) ? 'an array: pass its leaves one by one, Pipeline.of(...leaves)' : strangerText(leaves[stranger])}.`,
    ])
  const graph = graphOf(leaves)
  const problems = problemsOf(graph, madeSinks)
  if (problems.length > 0) throw new InvalidPipelineError(name, problems)
  return Object.freeze({ _tag: 'Pipeline', graph, warnings: Object.freeze(warningsOf(graph)), name })
}

const strangerText = (leaf: unknown): string => {
  const shown = shownGraphPart(leaf)
  return shown === showGiven(leaf) ? `${shown}: return, or pass, what a write or PCollection.ignore gives` : shown
}

/** What a definition's function gave: JavaScript may forget to return, or give anything else. */
const leavesIn = (given: Leaves, name: string): ReadonlyArray<PDone> => {
  const result: unknown = given
  if (Array.isArray(result)) return result as ReadonlyArray<PDone> // `make` looks at each
  if (isLeaf(result)) return [result]
  const what =
    typeof result === 'object' && result !== null && 'then' in result
      ? 'gave a promise: it builds, and does not wait. Take async and await away, and do what is asynchronous in PCollection.mapAsync'
      : shownGraphPart(result) !== showGiven(result)
        ? `returned ${shownGraphPart(result)}`
        : `gave ${showGiven(result)}: return the last write or ignored collection, or an array of all of them`
  throw new InvalidPipelineError(name, [`its function ${what}.`])
}

function define(module: DefiningModule, name: string, build: () => Leaves): PipelineDefinition<void>
function define<I, O>(
  module: DefiningModule,
  name: string,
  options: StandardSchema<I, O>,
  build: (options: O) => Leaves,
): PipelineDefinition<I>
function define(
  module: DefiningModule,
  name: string,
  ...rest: readonly [() => Leaves] | readonly [StandardSchema<unknown, unknown>, (options: never) => Leaves]
): PipelineDefinition<unknown> {
  if (typeof name !== 'string')
    throw new RangeError(
      `Pipeline.define: the second argument is the definition's name, and was ${showGiven(name)}. Write Pipeline.define(import.meta, 'NAME', () => …)`,
    )
  if (name.trim() === '') throw new RangeError('Pipeline.define: a definition needs a name, under which its checkpoints are kept')
  const url = moduleUrl(module)
  if (url === null)
    throw new RangeError(
      `Pipeline.define: the first argument must name the module of ${JSON.stringify(name)}, and does not. ${moduleAdvice}`,
    )
  const [schema, build] = rest.length === 1 ? [null, rest[0]] : rest
  if (typeof build !== 'function')
    throw new RangeError(
      `Pipeline.define: the definition ${JSON.stringify(name)} takes a function that builds it, and was given ${showGiven(build)}`,
    )
  const definition = (given: unknown): PortablePipeline => {
    const { options, travelling } = validOptions(name, schema, given)
    // `options` is what the schema of the same call gives: the overloads have matched the two.
    const { result, sinks } = recording(() => build(options as never))
    const pipeline = make(leavesIn(result, name), name, sinks)
    return Object.freeze({ ...pipeline, origin: Object.freeze({ url, name, options: travelling }) })
  }
  return Object.freeze(Object.assign(definition, { pipelineName: name, url, schema }))
}

/**
 * Pipelines from finished branches (Beam's Pipeline).
 *
 * `of` takes leaves: writes, assertions, ignored outputs. What none of them reaches does not exist.
 *
 * `define(import.meta, name, [schema,] build)` makes a function of options instead. Export it: another thread imports the module, looks
 * for that name among its exports and calls it with the same options, so these must be plain data. The schema is any Standard Schema
 * (zod, valibot, arktype) that validates synchronously. A sink that `build` makes and no returned leaf reaches is a problem.
 *
 * Both throw an {@link InvalidPipelineError} with all problems at once, a definition where it is called; it also does for options that its
 * schema refuses. `define` throws a RangeError for an empty name.
 *
 * @example
 * export const relay = Pipeline.define(import.meta, 'relay', z.object({ from: z.string() }), ({ from }) =>
 *   pipe(TextIO.read(from), TextIO.write('copy.txt')))
 * await orThrow(pipe(relay({ from: 'words.txt' }), DirectRunner.run({ checkpoints: Checkpoints.directory('./state') })))
 * const check = Pipeline.of(pipe(orders, PCollection.ignore))
 */
export const Pipeline = Object.freeze({
  /** From finished branches, for a test or a single thread. Throws an InvalidPipelineError. */
  of: (...leaves: ReadonlyArray<PDone>): Pipeline => make(leaves, null, []),
  /** A function of options that another thread can find again: export it. */
  define,
})
