import { assert } from 'chai'
import { z } from 'zod'
import { Create, InvalidPipelineError, PCollection, Pipeline, type StandardSchema, named, pipe } from '../../../sdk/index.ts'
import { read, write } from './endpoints.ts'

const copy = Pipeline.define(
  import.meta,
  'copy',
  z.object({ from: z.string(), to: z.string().default('COPY'), limits: z.object({ most: z.number() }).optional() }),
  ({ from, to }) => pipe(read(from), write(to)),
)
const messageOf = (f: () => unknown): string => {
  try {
    f()
  } catch (error) {
    assert.instanceOf(error, InvalidPipelineError)
    return error.message
  }
  return assert.fail('it was not refused')
}

describe('a definition', () => {
  it('makes the same pipeline of the same options, which travel as they were given', () => {
    const pipeline = copy({ from: 'A' })
    assert.deepEqual([...pipeline.graph.nodes.keys()], ['read(A)#1', 'write(COPY)#1'])
    assert.deepEqual(pipeline.origin, { url: import.meta.url, name: 'copy', options: { from: 'A' } })
    assert.strictEqual(pipeline.name, 'copy')
    assert.deepEqual([...copy(pipeline.origin.options as { from: string }).graph.nodes.keys()], [...pipeline.graph.nodes.keys()])
  })

  it('keeps a copy of its options, whatever becomes of them later', () => {
    const options = { from: 'A' }
    const pipeline = copy(options)
    options.from = 'B'
    assert.deepEqual(pipeline.origin.options, { from: 'A' })
  })

  it('shows its name and its schema to a command line', () => {
    assert.strictEqual(copy.pipelineName, 'copy')
    assert.strictEqual(copy.schema?.['~standard'].vendor, 'zod')
    assert.isNull(Pipeline.define(import.meta, 'fixed', () => pipe(Create.of([1]), PCollection.ignore)).schema)
  })

  it('needs no options where it has no schema, and takes none', () => {
    const fixed = Pipeline.define(import.meta, 'fixed', () => [
      pipe(Create.of([1]), PCollection.ignore),
      pipe(Create.of([2], { name: 'Two' }), write('TWO')),
    ])
    assert.deepEqual(fixed().graph.leaves.toArray(), ['ignore#1', 'write(TWO)#1'])
    assert.match(
      messageOf(() => (fixed as (options: unknown) => unknown)({ from: 'A' })),
      /"fixed" cannot run.*\n- it takes no options/,
    )
  })

  it('names the path of each option that its schema refuses', () => {
    const given: unknown = { to: 1, limits: { most: 'x' } }
    const message = messageOf(() => copy(given as { from: string }))
    for (const path of [/- option from: /, /- option to: /, /- option limits\.most: /]) assert.match(message, path)
  })

  it('refuses options that cannot travel to another thread', () => {
    const live = Pipeline.define(import.meta, 'live', z.object({ log: z.unknown() }), () => pipe(Create.of([1]), PCollection.ignore))
    assert.match(
      messageOf(() => live({ log: () => undefined })),
      /must be plain data/,
    )
  })

  it('refuses a schema that answers later', () => {
    const later: StandardSchema<string, string> = {
      '~standard': { version: 1, vendor: 'test', validate: value => Promise.resolve({ value }) },
    }
    assert.match(
      messageOf(() => Pipeline.define(import.meta, 'later', later, () => pipe(Create.of([1]), PCollection.ignore))('x')),
      /validates asynchronously/,
    )
  })

  it('refuses to lose a sink that its build made and no leaf reaches', () => {
    const forgetful = Pipeline.define(import.meta, 'forgetful', () => {
      const numbers = Create.of([1])
      named('Audit', () => pipe(numbers, write('AUDIT')))()
      return pipe(numbers, write('OUT'))
    })
    assert.match(
      messageOf(() => forgetful()),
      /- Audit\/write\(AUDIT\) \(made at .*\.ts:\d+:\d+\) would never run: no leaf reaches it.*PCollection\.tee/,
    )
  })

  it('is built apart from the names around its call', () => {
    const inside = named('Around', () => copy({ from: 'A' }))()
    assert.deepEqual([...inside.graph.nodes.keys()], ['read(A)#1', 'write(COPY)#1'])
  })

  it('lets an error of its build through, and is whole again afterwards', () => {
    let broken = true
    const sometimes = Pipeline.define(import.meta, 'sometimes', () => {
      const done = pipe(Create.of([1]), write('OUT'))
      if (broken) throw new TypeError('mine')
      return done
    })
    assert.throws(() => sometimes(), TypeError, 'mine')
    broken = false
    assert.deepEqual(sometimes().graph.leaves.toArray(), ['write(OUT)#1'])
  })
})
