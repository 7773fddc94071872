// Skipping says why: a test that silently does not run looks like one that passes.

/**
 * Skips the test, or all tests of the suite when a hook calls it, with the reason behind the title.
 *
 * @example
 * before(async function () {
 *   if (!(await hasDocker())) skip(this, 'there is no Docker here')
 * })
 */
export const skip = (context: Mocha.Context, reason: string): never => {
  const { test } = context
  const explain = (skipped: Mocha.Runnable): void => {
    skipped.title = `${skipped.title} (${reason})`
  }
  if (test !== undefined && 'type' in test && test.type === 'hook') test.parent?.eachTest(explain)
  else if (test !== undefined) explain(test)
  return context.skip()
}
