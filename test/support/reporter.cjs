// Mocha's own report, then what was skipped and why, and a last line that a program can read: `N passed, N failed`, with `, N skipped`
// where there are any, alone on a line. CommonJS, for that is how mocha loads a reporter.
'use strict'

const { reporters, Runner } = require('mocha')

module.exports = class Reporter extends reporters.Spec {
  #skipped = []

  constructor(runner, options) {
    super(runner, options)
    runner.on(Runner.constants.EVENT_TEST_PENDING, test => this.#skipped.push(test))
  }

  epilogue() {
    super.epilogue()
    const { passes, failures } = this.stats
    const skipped = this.#skipped.length
    const lines = this.#skipped.map(test => `  skipped: ${test.titlePath().join(' ')}`)
    if (skipped > 0) lines.push('')
    lines.push(`${passes} passed, ${failures} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`)
    process.stdout.write(`${lines.join('\n')}\n`)
  }
}
