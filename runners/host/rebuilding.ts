// A worker builds a pipeline by importing its module. A module that also runs it would then run it in every worker, and so on without end.
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'

let importing: string | null = null

/** `work` imports the module at `url`: no run may begin meanwhile. */
export const whileRebuilding = async <A>(url: string, work: () => Promise<A>): Promise<A> => {
  importing = url
  try {
    return await work()
  } finally {
    importing = null
  }
}

export class PipelineRunsItselfError extends InvalidPipelineError {
  constructor(pipelineName: string | null, url: string) {
    super(pipelineName, [
      `PipelineRunsItself: ${url} runs the pipeline whenever it is imported, and a worker thread must import it to build the pipeline again. Let the module end with await main(import.meta, …), which does nothing where it is imported, or run the pipeline from another module`,
    ])
    this.name = 'PipelineRunsItself'
  }
}

/** Throws where a worker is about to find out what the pipeline is. */
export const refuseWithinBuild = (pipelineName: string | null): void => {
  if (importing !== null) throw new PipelineRunsItselfError(pipelineName, importing)
}
