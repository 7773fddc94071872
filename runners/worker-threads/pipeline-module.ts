// A worker's own copy of the pipeline: its module is imported, the definition found among its exports and called with the same options.
import { fingerprint } from '../../sdk/graph/graph.ts'
import { codeHashes, mayBeSameCode } from '../../sdk/graph/code-hash.ts'
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'
import type { PipelineDefinition, PortablePipeline } from '../../sdk/graph/pipeline.ts'
import { whileRebuilding } from '../host/rebuilding.ts'
import type { WorkerSetup } from './protocol.ts'

/** Throws an InvalidPipelineError where it is not there, or is not the same pipeline. */
export const rebuilt = async ({ origin, fingerprint: expected, code: expectedCode }: WorkerSetup): Promise<PortablePipeline> => {
  const { url, name, options } = origin
  const module = await whileRebuilding(url, async () => (await import(url)) as Readonly<Record<string, unknown>>)
  const found = Object.values(module).find(value => isDefinition(value) && value.pipelineName === name)
  if (!isDefinition(found)) {
    throw new InvalidPipelineError(name, [
      `${url} has no export that is this definition, so a worker cannot make it again: it exports ${Object.keys(module).join(', ') || 'nothing'}. Write: export const … = Pipeline.define(import.meta, ${JSON.stringify(name)}, …)`,
    ])
  }
  const pipeline = found(options)
  if (fingerprint(pipeline.graph) !== expected) {
    throw new InvalidPipelineError(name, [
      `a worker that built it again got another pipeline. Building must depend on the options alone: not on the clock, on chance, on the environment or on what a module has done before`,
    ])
  }
  const code = codeHashes(pipeline.graph)
  const changed = Object.keys(code).filter(id => !mayBeSameCode(code[id] ?? '', expectedCode[id] ?? ''))
  if (changed.length > 0) {
    throw new InvalidPipelineError(name, [
      `a worker that built it again got other functions in ${changed.join(', ')}: ${url}, or what it imports, was changed since this process began. Start the program again`,
    ])
  }
  return pipeline
}

const isDefinition = (value: unknown): value is PipelineDefinition<unknown> =>
  typeof value === 'function' && 'pipelineName' in value && 'schema' in value
