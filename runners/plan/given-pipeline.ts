// What a runner is handed: programs without types hand in other things.
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'

/** Throws an InvalidPipelineError for what is no pipeline, a definition that was not called among it. */
export const requirePipeline = (given: unknown): void => {
  if (typeof given === 'object' && given !== null && 'graph' in given) return
  throw new InvalidPipelineError(null, [
    typeof given === 'function'
      ? 'it is a definition: call it, for that builds the pipeline. runner.run(options)(definition())'
      : `a runner takes what Pipeline.of or a definition gives, and was handed ${given === null ? 'null' : typeof given === 'object' ? 'another object' : `what is ${typeof given}`}`,
  ])
}
