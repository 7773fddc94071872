// The error of a pipeline that cannot run, with everything that is wrong with it.

/** Thrown by Pipeline.of and by a definition's call: all problems at once, each with where it was made and how to mend it. */
export class InvalidPipelineError extends Error {
  readonly _tag = 'InvalidPipeline'
  readonly problems: ReadonlyArray<string>
  constructor(pipelineName: string | null, problems: ReadonlyArray<string>) {
    super(
      `${pipelineName === null ? 'the pipeline' : `the pipeline ${JSON.stringify(pipelineName)}`} cannot run:\n${problems.map(problem => `- ${problem}`).join('\n')}`,
    )
    this.name = 'InvalidPipelineError'
    this.problems = Object.freeze(problems)
  }
}
