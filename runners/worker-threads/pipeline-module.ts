// A worker's own copy of the pipeline: its module is imported, the definition found among its exports and called with the same options.
import { descriptions } from '../../sdk/graph/graph.ts'
import { codeHashes, mayBeSameCode, type NodeCode } from '../../sdk/graph/code-hash.ts'
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'
import type { PipelineDefinition, PortablePipeline } from '../../sdk/graph/pipeline.ts'
import { whileRebuilding } from '../host/rebuilding.ts'
import { type Loading, loadingText } from './loading.ts'
import type { StartStep, WorkerSetup } from './protocol.ts'

/** Throws an InvalidPipelineError where it is not there, or is not the same pipeline. */
export const rebuilt = async (
  { origin, nodes: expected, code: expectedCode }: Pick<WorkerSetup, 'origin' | 'nodes' | 'code'>,
  loading: Loading | null,
  onStep: (step: StartStep) => void = () => undefined,
): Promise<PortablePipeline> => {
  const { url, name, options } = origin
  const refuse = (problem: string): never => {
    throw new InvalidPipelineError(name, [problem])
  }
  const attempt = async <A>(doing: string, work: () => A | Promise<A>): Promise<A> => {
    try {
      return await work()
    } catch (error) {
      if (error instanceof InvalidPipelineError) throw error
      return refuse(
        `a worker thread ${doing}, and that failed there, not here${loading === null ? '' : ` (${loadingText(loading)})`}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      )
    }
  }
  onStep('import')
  const module = await attempt(`imported ${url}`, () =>
    whileRebuilding(url, async () => (await import(url)) as Readonly<Record<string, unknown>>),
  )
  const exported = exportsOf(module).flatMap(([as, value]) => (isDefinition(value) && value.pipelineName === name ? [{ as, value }] : []))
  const [first, ...others] = exported
  if (first === undefined)
    return refuse(
      `${url} has no export that is this definition, so a worker cannot make it again: it exports ${
        exportsOf(module)
          .map(([as]) => as)
          .join(', ') || 'nothing'
      }. Write: export const … = Pipeline.define(import.meta, ${JSON.stringify(name)}, …)`,
    )
  if (others.some(({ value }) => value !== first.value))
    return refuse(
      `${url} exports several definitions of this name, so a worker cannot tell which one is meant: ${exported.map(({ as }) => as).join(', ')}. Give each a name of its own`,
    )
  onStep('build')
  const pipeline = await attempt(`built it again from ${url}`, () => first.value(options))
  const nodes = descriptions(pipeline.graph)
  const unlike = differing(expected, nodes)
  if (unlike.length > 0) return refuse(`a worker that built it again got another pipeline: ${unlike.join('; ')}. ${dependsOnOptions}`)
  const code = codeHashes(pipeline.graph)
  // Loaders write the same function in different ways: between two of them only the values can be compared.
  const isComparable = loading === null || loading.main === loading.worker
  const changed = Object.keys(code).filter(
    id => (isComparable || isCreate(pipeline)(id)) && !mayBeSameCode(code[id] ?? noCode, expectedCode[id] ?? noCode),
  )
  const [values, functions] = [changed.filter(isCreate(pipeline)), changed.filter(id => !isCreate(pipeline)(id))]
  const [firstFunction] = functions
  if (firstFunction !== undefined)
    return refuse(
      `a worker that built it again got other functions in ${functions.join(', ')}. The first differs so: ${differingText(expectedCode[firstFunction] ?? noCode, code[firstFunction] ?? noCode)}. ${loading === null ? '' : `As far as is known, ${loadingText(loading)}. `}Either ${url}, or what it imports, was changed since this process began, and the program must start again; or something rewrites functions in one of the threads`,
    )
  if (values.length > 0) return refuse(`a worker that built it again got other elements in ${values.join(', ')}. ${dependsOnOptions}`)
  return pipeline
}

const dependsOnOptions =
  'Building must depend on the options alone: not on the clock, on chance, on the environment or on what a module has done before'

const noCode: NodeCode = { hash: '', texts: [] }

/** The exports of a module; those of CommonJS are properties of its default export, not all of which Node finds. */
const exportsOf = (module: Readonly<Record<string, unknown>>): ReadonlyArray<readonly [as: string, value: unknown]> => {
  const byDefault = module['default']
  const inDefault = typeof byDefault === 'object' && byDefault !== null ? Object.entries(byDefault) : []
  return [...Object.entries(module), ...inDefault.filter(([as]) => !(as in module))]
}

/** The first function that differs, as this process and the worker have it. */
const differingText = (here: NodeCode, there: NodeCode): string => {
  const i = there.texts.findIndex((text, at) => text !== here.texts[at])
  return `${JSON.stringify(here.texts[i] ?? '')} here, ${JSON.stringify(there.texts[i] ?? '')} in the worker`
}

const mostShown = 5

/** In words, the first few. */
const differing = (here: WorkerSetup['nodes'], there: WorkerSetup['nodes']): ReadonlyArray<string> => {
  const all = [...new Set([...Object.keys(here), ...Object.keys(there)])].filter(id => here[id] !== there[id])
  const shown = all.slice(0, mostShown).map(id => {
    if (!(id in there)) return `${id} is not in it`
    return id in here ? `${id} is ${there[id]} there, and ${here[id]} here` : `${id} is new in it`
  })
  return all.length > mostShown ? [...shown, `and ${all.length - mostShown} more`] : shown
}

const isCreate =
  ({ graph }: PortablePipeline) =>
  (id: string): boolean =>
    graph.nodes.get(id)?.node.transform._tag === 'Create'

const isDefinition = (value: unknown): value is PipelineDefinition<unknown> =>
  typeof value === 'function' && 'pipelineName' in value && 'schema' in value
