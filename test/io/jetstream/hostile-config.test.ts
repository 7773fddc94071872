// Configurations that nobody would write, and some that a machine did: each is one, or is refused by name.
import { assert } from 'chai'
import * as fc from 'fast-check'
import { Pipeline } from '../../../sdk/index.ts'
import { ConfigurationError, JetStreamConfig, JetStreamIO } from '../../../io/jetstream/index.ts'

const seed = 20_261_129

const refusal = (load: () => unknown): ConfigurationError => {
  try {
    load()
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  throw new Error('this should have been refused')
}

const doors = [JetStreamConfig.properties, JetStreamConfig.json, JetStreamConfig.yaml] as const

describe('A hostile configuration', () => {
  const valid = { source: { stream: 'VIEWS', subjects: ['views.eu.>', 'views.us'] }, sink: { stream: 'TOTALS', subject: 'totals' } }
  const texts = [JetStreamConfig.toProperties(valid), JetStreamConfig.toJson(valid), JetStreamConfig.toYaml(valid)] as const
  /** A valid text with something of it replaced by anything. */
  const damaged = fc
    .record({ text: fc.constantFrom(...texts), at: fc.nat(200), length: fc.nat(20), by: fc.string({ unit: 'binary', maxLength: 20 }) })
    .map(({ text, at, length, by }) => text.slice(0, at) + by + text.slice(at + length))
  const bytes = fc.uint8Array({ maxLength: 200 }).map(some => Buffer.from(some).toString('utf8'))
  const marks = fc.string({ unit: fc.constantFrom(...'\\{}[]:,"\'=#!&*|>-?% \n\t\u{FEFF}\0jetbeam.source'), maxLength: 200 })

  it('of damaged texts and random bytes is one, or is refused by name', () => {
    for (const text of [damaged, bytes, marks])
      fc.assert(
        fc.property(text, content => {
          for (const load of doors)
            try {
              load(content)
            } catch (error) {
              if (!(error instanceof ConfigurationError)) throw error
            }
        }),
        { seed, numRuns: 300 },
      )
  })

  it('has a key twice, however long or deep it is', () => {
    const twice = '"source": { "stream": "A", "stream": "B" }'
    for (const before of [`"a": "${'x'.repeat(300_000)}",`, `"a": ${'['.repeat(600)}${']'.repeat(600)},`, '"a": "\\"}{",\n'])
      assert.match(refusal(() => JetStreamConfig.json(`{ ${before} ${twice} }`)).message, /a key is there twice, at line \d/)
    assert.match(refusal(() => JetStreamConfig.json('{ "source": { "stre\\u0061m": "A", "stream": "B" } }')).message, /twice/)
    assert.equal(JetStreamConfig.json('{ "source": { "stream": "A" }, "sink": { "stream": "A" } }').sink?.stream, 'A')
  })

  it('begins with a mark of its byte order', () => {
    for (const [i, load] of doors.entries()) assert.deepEqual(load(`\u{FEFF}${texts[i] ?? ''}`), load(texts[i] ?? ''))
  })

  it('has a section that has no keys to look at', () => {
    for (const section of [new Map([['stream', 'VIEWS']]), [], 'VIEWS', new Date(0)])
      assert.equal(refusal(() => JetStreamConfig.of({ source: section as never })).problems[0]?.reason, 'it is no plain object with keys')
  })

  it('names no subject at all', () => {
    assert.include(refusal(() => JetStreamConfig.of({ source: { stream: 'VIEWS', subjects: [] } })).message, 'source.subjects: it is empty')
    assert.include(refusal(() => JetStreamConfig.yaml('kv: { bucket: colours, keys: [] }')).message, 'kv.keys: it is empty')
  })

  it('of code in JavaScript leaves out a coder, or gives leaves as an array', () => {
    assert.throws(() => JetStreamIO.read({ stream: 'VIEWS' } as never), /JetStreamIO.read\(VIEWS\): coder: it is missing/)
    assert.throws(() => JetStreamIO.write({ stream: 'VIEWS', subject: 'a' } as never), /coder: it is missing/)
    assert.throws(() => Pipeline.of([] as never), /leaf 1 is no finished branch but an array: pass its leaves one by one/)
    assert.throws(() => Pipeline.of(undefined as never), /leaf 1 is no finished branch/)
  })
})
