// The error of a pipeline that cannot run, with everything that is wrong with it.

/**
 * Thrown by Pipeline.of and by a definition's call: all problems at once, each with where it was made and how to mend it.
 *
 * @example
 * const branch = E.tryCatch(() => Pipeline.of(), E.toError)
 * E.isLeft(branch) && branch.left instanceof InvalidPipelineError && branch.left.problems.length // => 1
 */
export class InvalidPipelineError extends Error {
  readonly _tag = 'InvalidPipeline'
  /** A sentence or two each. */
  readonly problems: ReadonlyArray<string>
  constructor(pipelineName: string | null, problems: ReadonlyArray<string>) {
    super(
      `${pipelineName === null ? 'the pipeline' : `the pipeline ${JSON.stringify(pipelineName)}`} cannot run:\n${problems.map(problem => `- ${problem}`).join('\n')}`,
    )
    this.name = 'InvalidPipelineError'
    this.problems = Object.freeze(problems)
  }
}
