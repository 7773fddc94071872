// Nothing public is left out: what a pipeline can be made of occurs in some case of the suite.
import { readdir, readFile } from 'node:fs/promises'
import { assert } from 'chai'
import * as sdk from '../../sdk/index.ts'
import * as testing from '../../sdk/testing/index.ts'

/** What is no part of a pipeline, and whose tests are elsewhere. */
const elsewhere = new Set([
  ...['Coder', 'Decoder', 'Encoder', 'EncodeError', 'Instant', 'millis', 'seconds', 'minutes', 'hours', 'days'], // test/sdk
  ...['InvalidPipelineError', 'SideInputError'], // named by the messages that cases look for
  'TimestampError', // test/runners/direct/refused-values
  ...['Latency', 'prometheusText'], // test/runners/host/measured
  ...['Checkpoints', 'StatefulTest', 'Pipeline', 'orThrow'],
])
/** One thing each, though it has functions. */
const whole = new Set(['GlobalWindows', 'OffsetRange', 'empty'])

const namesOf = ([name, value]: readonly [string, unknown]): ReadonlyArray<string> => {
  if (elsewhere.has(name)) return []
  if (whole.has(name) || typeof value !== 'object' || value === null) return [name]
  const functions = Object.entries(value).filter(([, member]) => typeof member === 'function' || typeof member === 'object')
  return functions.length === 0 ? [name] : functions.map(([member]) => `${name}.${member}`)
}

describe('the conformance suite', () => {
  it('has a case for every public transform, trigger, window function, state, timer and assertion', async () => {
    const files = (await readdir(import.meta.dirname)).filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    const texts = await Promise.all(files.map(file => readFile(`${import.meta.dirname}/${file}`, 'utf8')))
    // Imported is not used.
    const used = texts.join('\n').replaceAll(/^import [\s\S]*? from '.*'$/gm, '')
    const missing = [...Object.entries(sdk), ...Object.entries(testing)]
      .flatMap(namesOf)
      .filter(name => !new RegExp(`(?<![\\w.])${name.replace('.', '\\.')}\\b`).test(used))
    assert.deepEqual(missing, [])
  })
})
