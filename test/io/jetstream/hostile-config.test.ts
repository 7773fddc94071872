// Configurations that nobody would write, and some that a machine did: each is one, or is refused by name.
import { assert } from 'chai'
import * as fc from 'fast-check'
import { Decoder, Encoder, Pipeline, seconds } from '../../../sdk/index.ts'
import { ConfigurationError, JetStreamConfig, JetStreamIO, KvIO, StartAt } from '../../../io/jetstream/index.ts'
import { deadLetterSchema, kvSchema, sinkSchema, sourceSchema } from '../../../io/jetstream/jetstream-keys.ts'
import { connectionSchema } from '../../../io/nats/connection-keys.ts'

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
    for (const before of [`"a": "${'x'.repeat(200_000)}",`, `"a": ${'['.repeat(600)}${']'.repeat(600)},`, '"a": "\\"}{",\n'])
      assert.match(
        refusal(() => JetStreamConfig.json(`{ ${before} ${twice} }`)).message,
        /: source\.stream: this key is there twice, the second time at line \d/,
      )
    assert.match(refusal(() => JetStreamConfig.json('{ "source": { "stre\\u0061m": "A", "stream": "B" } }')).message, /twice/)
    assert.equal(JetStreamConfig.json('{ "source": { "stream": "A" }, "sink": { "stream": "A" } }').sink?.stream, 'A')
  })

  it('is refused by its length alone', () => {
    for (const load of doors) {
      assert.include(refusal(() => load('#'.repeat(262_145))).message, 'it is longer than 262144 characters')
      assert.notInclude(refusal(() => load(`x${'\\'.repeat(262_000)}x`)).message, 'longer')
    }
  })

  it('has brackets and dashes in a name, or is nested deeper than anything', () => {
    for (const mark of ['[', '{', '- ', ': ', '? ', '"', "'"]) {
      const config = JetStreamConfig.of({ source: { stream: 'VIEWS', name: `${mark.repeat(20_000)}x` } })
      assert.deepEqual(JetStreamConfig.yaml(JetStreamConfig.toYaml(config)), config)
      assert.deepEqual(JetStreamConfig.properties(JetStreamConfig.toProperties(config)), config)
    }
    for (const deep of ['['.repeat(100_000), '{ a: '.repeat(50_000), '- '.repeat(100_000), '? '.repeat(100_000)])
      assert.include(refusal(() => JetStreamConfig.yaml(deep)).message, 'it is nested too deeply')
  })

  it('has thousands of unknown keys: the first are told, and how many others there are', () => {
    const names = Array.from({ length: 5_000 }, (_, n) => `k${n}`)
    const entries = (of: string): string => names.map(name => `${of}${name}=1\n`).join('')
    for (const load of [
      () => JetStreamConfig.properties(entries('')),
      () => JetStreamConfig.properties(entries('jetbeam.')),
      () => JetStreamConfig.yaml(names.map(name => `${name}: 1\n`).join('')),
      () => JetStreamConfig.json(`{ "source": { ${names.map(name => `"${name}": 1`).join()}, "stream": "S" } }`),
      () => JetStreamConfig.of({ sink: { stream: 'S', ...Object.fromEntries(names.map(name => [name, 1])) } }),
    ]) {
      const { message, problems } = refusal(load)
      assert.lengthOf(problems, 21)
      assert.include(message, 'there are 4980 more unknown keys')
    }
    assert.match(
      refusal(() => JetStreamConfig.yaml(`${names.map(name => `${name}: 1\n`).join('')}k5: 2`)).message,
      /k5: this key is there twice, the second time at line 5001/,
    )
  })

  it('has thousands of subjects', () => {
    const subjects = Array.from({ length: 20_000 }, (_, n) => `s.${n}`)
    assert.lengthOf(
      JetStreamConfig.properties(`jetbeam.source.stream=S\njetbeam.source.subjects=${subjects.join()}`).source?.subjects ?? [],
      20_000,
    )
    const overlapping = refusal(() => JetStreamConfig.of({ source: { stream: 'S', subjects: [...subjects, 's.7'] } }))
    assert.include(overlapping.message, 'the subjects "s.7" and "s.7" overlap')
    const wild = refusal(() => JetStreamConfig.of({ source: { stream: 'S', subjects: subjects.map(subject => `${subject}.*`) } }))
    assert.include(wild.message, 'more than 1000 subjects have wildcards')
    const spaced = `jetbeam.source.stream=S\njetbeam.source.subjects=a${' '.repeat(200_000)}b`
    assert.equal(refusal(() => JetStreamConfig.properties(spaced))._tag, 'InvalidSubject')
  })

  const sections = { connection: connectionSchema, source: sourceSchema, sink: sinkSchema, deadLetter: deadLetterSchema, kv: kvSchema }
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withObjectString: true,
  })
  const word = fc.oneof(anything, fc.string({ unit: 'binary' }), fc.constantFrom(0, -1, NaN, '', 'a,b', '>', '*', [], [''], {}))
  /** Keys that there are, with values that may be none. */
  const options = fc.record(
    Object.fromEntries(
      Object.entries(sections).map(([name, { keys }]) => [
        name,
        fc.oneof(
          { weight: 9, arbitrary: fc.record(Object.fromEntries(Object.keys(keys).map(key => [key, word])), { requiredKeys: [] }) },
          anything,
        ),
      ]),
    ),
    { requiredKeys: [] },
  )

  it('of any objects is one, or is refused by name, by each door and by the options of a verb', () => {
    const verbs: ReadonlyArray<(given: Readonly<Record<string, unknown>>) => unknown> = [
      given => JetStreamConfig.of(given),
      given => JetStreamConfig.json(JSON.stringify(given, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))),
      given => JetStreamIO.connection({ ...(given['connection'] as object) } as never),
      given => JetStreamIO.read({ ...(given['source'] as object), coder: Decoder.text } as never),
      given => JetStreamIO.write({ ...(given['sink'] as object), coder: Encoder.text() } as never),
      given => JetStreamIO.writeUndecodable({ ...(given['deadLetter'] as object) } as never),
      given => KvIO.watch({ ...(given['kv'] as object), coder: Decoder.text } as never),
    ]
    fc.assert(
      fc.property(options, given => {
        for (const verb of verbs)
          try {
            verb(given)
          } catch (error) {
            if (!(error instanceof ConfigurationError)) throw error
          }
      }),
      { seed, numRuns: 300 },
    )
  })

  it('shows no secret, whatever is damaged around it', () => {
    const secret = 'hunter2'
    const secretive = JetStreamConfig.of({
      connection: { servers: ['nats://a:4222'], user: 'ann', password: '${env:NATS_PASSWORD}', reconnectWait: seconds(2) },
      source: { stream: 'VIEWS', splits: 4, start: StartAt.all },
    })
    const all = [JetStreamConfig.toProperties(secretive), JetStreamConfig.toJson(secretive), JetStreamConfig.toYaml(secretive)]
    const texts = all.flatMap(text => [
      text.replace('${env:NATS_PASSWORD}', secret),
      text.replace('${env:NATS_PASSWORD}', '${env:A}').replace('nats://a', `nats://ann:${secret}@a`),
      text.replace('password', 'pasword').replace('${env:NATS_PASSWORD}', secret),
    ])
    const insertion = fc.record({
      text: fc.constantFrom(...texts),
      at: fc.nat(300),
      length: fc.nat(3),
      by: fc.string({ unit: fc.constantFrom(...'\\{}[]:,"\'=#!&*|>-?% \n\t\0x'), maxLength: 4 }),
    })
    fc.assert(
      fc.property(insertion, ({ text, at, length, by }) => {
        for (const load of doors)
          try {
            load(text.slice(0, at) + by + text.slice(at + length))
          } catch (error) {
            if (!(error instanceof ConfigurationError)) throw error
            assert.notInclude(`${error.message} ${String(error.stack)} ${JSON.stringify(error.problems)}`, secret)
          }
      }),
      { seed, numRuns: 400 },
    )
    for (const [load, text] of [
      [JetStreamConfig.yaml, 'source:\n  stream: S\n  splits: "4\n  password: hunter2\n  name: "'],
      [JetStreamConfig.properties, 'jetbeam.source.splits=4\\\njetbeam.connection.password=hunter2'],
      [JetStreamConfig.properties, 'jetbeam.connection.password=\nhunter2'],
    ] as const)
      assert.notInclude(refusal(() => load(text)).message, secret, text)
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
    assert.throws(() => Pipeline.of([] as never), /leaf 1 is not a finished branch but an array: pass its leaves one by one/)
    assert.throws(() => Pipeline.of(undefined as never), /leaf 1 is not a finished branch/)
  })
})
