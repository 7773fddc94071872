// What main is handed: programs without types hand in other things.

/** What is wrong with it, and what to write; null: it is a definition. */
export const strangerText = (definition: unknown): string | null => {
  if (typeof definition === 'function' && 'pipelineName' in definition) return null
  const given =
    definition === undefined
      ? 'was given none'
      : typeof definition === 'object' && definition !== null && 'graph' in definition
        ? 'was given a pipeline, which is one already'
        : `was given ${definition === null ? 'null' : `what is ${typeof definition}`}`
  return `main takes a definition, and ${given}. Write export const NAME = Pipeline.define(import.meta, 'NAME', () => …), and await main(import.meta, NAME)`
}
