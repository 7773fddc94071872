// A short round of what `npm run test:fuzz -- --inputs 1000000` does at length.
import { assert } from 'chai'
import { fuzz, fuzzLong } from './fuzz.ts'

describe('Every decoder, configuration, subject, header and redaction function', () => {
  it('takes random and damaged input without an error that it does not document, and makes no more of it than it is', () => {
    const { problems, inputs, refused } = fuzz(10_000, 7)
    assert.deepEqual(problems, [])
    assert.strictEqual(inputs, 10_000)
    assert.isAbove(refused, 100)
  })
  it('takes time in proportion to long inputs of one token', () => {
    assert.deepEqual(fuzzLong(0, 7, 60_000), [])
  })
})
