// Texts become what a schema asks for, and what it refuses is told by option.
import { assert } from 'chai'
import { z } from 'zod'
import type { StandardSchema } from 'jetbeam'
import { optionsShape, optionsValue } from '../../../runners/cli/pipeline-options.ts'
import { usage } from '../../../runners/cli/usage.ts'

const schema = z.object({
  maxRate: z.number().describe('elements a second'),
  to: z.string().default('out.txt'),
  dry: z.boolean().default(false),
  tag: z.array(z.string()).default([]),
  size: z.object({ width: z.number() }).optional(),
  code: z.string().optional(),
})

describe("A pipeline's options", () => {
  it('stay texts where the schema takes a text, and become JSON where it does not', () => {
    const value = optionsValue(schema, {}, { maxRate: ['3'], dry: [true], tag: ['7'], size: ['{"width":2}'], code: ['7'] })
    assert.deepEqual(value, { _tag: 'Right', right: { maxRate: 3, dry: true, tag: ['7'], size: { width: 2 }, code: '7' } })
  })
  it('are taken from a file, under those of the command line', () => {
    assert.deepEqual(optionsValue(schema, { maxRate: 1, to: 'file.txt' }, { maxRate: ['2'] }), {
      _tag: 'Right',
      right: { maxRate: 2, to: 'file.txt' },
    })
  })
  it('are refused by name, with what the schema says', () => {
    const value = optionsValue(schema, {}, { maxRate: ['fast'], dry: ['maybe'] })
    if (value._tag === 'Right') return assert.fail('taken')
    assert.lengthOf(value.left, 2)
    assert.match(value.left[0] ?? '', /^--max-rate: .*number/)
    assert.match(value.left[1] ?? '', /^--dry: .*boolean/)
  })
  it('are listed with their types, descriptions and defaults, from a Standard JSON Schema', () => {
    const text = usage('p', 'node p.js', optionsShape(schema))
    assert.match(text, /--max-rate NUMBER +elements a second \(required\)/)
    assert.match(text, /--to VALUE +\("out.txt" unless told\)/)
    assert.match(text, /--tag VALUE +.*may be given several times/)
    assert.match(text, /--dry /)
  })
  it('are listed by name where the schema has no JSON Schema', () => {
    const since = optionsShape(z.object({ since: z.date(), to: z.string() }))
    assert.deepEqual(
      since.options.map(({ name }) => name),
      ['since', 'to'],
    )
    assert.isFalse(since.open)
  })
  it('are open where the schema tells nothing, or takes more than it names', () => {
    const bare: StandardSchema<unknown, unknown> = { '~standard': { version: 1, vendor: 'test', validate: value => ({ value }) } }
    assert.deepEqual(optionsShape(bare), { options: [], open: true })
    assert.isTrue(optionsShape(z.looseObject({ a: z.string() })).open)
  })
})
