// One configuration through each of its doors, in and out; what is wrong with it, all at once; and texts that nobody wrote.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import fc from 'fast-check'
import { Decoder, Encoder } from '../../../sdk/coders/index.ts'
import { Instant, days, millis, minutes, seconds } from '../../../sdk/model/time.ts'
import {
  Acknowledge,
  type BucketSettings,
  ConfigurationError,
  type ConnectionConfig,
  type DeadLetterSettings,
  Delivery,
  Erased,
  type GivenConfig,
  JetStreamConfig,
  JetStreamIO,
  KvIO,
  Poison,
  type ReadSettings,
  SplitBy,
  StartAt,
  StopAt,
  Watermark,
  type WriteSettings,
} from '../../../io/jetstream/index.ts'

const refused = (load: () => unknown): ConfigurationError => {
  try {
    load()
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  throw new Error('it was taken')
}

const whole: JetStreamConfig = JetStreamConfig.of({
  connection: {
    name: 'eu',
    servers: ['nats://a:4222', 'tls://b:4222'],
    user: 'ann',
    password: '${env:NATS_PASSWORD}',
    tlsCaFile: '/etc/nats/ca.pem',
    tlsCertFile: '/etc/nats/me.pem',
    tlsKeyFile: '/etc/nats/me.key',
    inboxPrefix: '_INBOX_ann',
    domain: 'hub',
    reconnectWait: seconds(2),
    reconnectJitter: millis(250),
  },
  source: {
    stream: 'VIEWS',
    subjects: ['views.eu.>', 'views.us.*'],
    start: StartAt.time(Instant.ofMillis(1_700_000_000_123)),
    stop: StopAt.count(1_000),
    watermark: Watermark.boundedOutOfOrderness(seconds(10), { idleAfter: minutes(1) }),
    splits: 4,
    name: 'views',
  },
  sink: { stream: 'TOTALS', subject: 'totals.all', delivery: Delivery.atLeastOnce, name: 'totals', connection: 'us' },
  deadLetter: {
    stream: 'REJECTED',
    subject: 'rejected',
    delivery: Delivery.atLeastOnce,
    createSubjects: ['rejected'],
    createMaxAge: days(7),
  },
  kv: { bucket: 'colours', keys: ['sky', 'sea.*'] },
})

const properties = `# the same
jetbeam.connection.name = eu
jetbeam.connection.servers = nats://a:4222, \\
    tls://b:4222
jetbeam.connection.user: ann
jetbeam.connection.password=\${env:NATS_PASSWORD}
jetbeam.connection.tlsCaFile=/etc/nats/ca.pem
jetbeam.connection.tlsCertFile=/etc/nats/me.pem
jetbeam.connection.tlsKeyFile /etc/nats/me.key
jetbeam.connection.inboxPrefix=_INBOX_ann
jetbeam.connection.domain=hub
jetbeam.connection.reconnectWait=PT2S
jetbeam.connection.reconnectJitter=250ms
! what is read
jetbeam.source.stream=VIEWS
jetbeam.source.subjects=views.eu.>,views.us.*
jetbeam.source.start=time:2023-11-14T22:13:20.123Z
jetbeam.source.stop=count:1000
jetbeam.source.watermark=outOfOrder:10s,idle:PT1M
jetbeam.source.splits=4
jetbeam.source.name=v\\u0069ews
jetbeam.sink.stream=TOTALS
jetbeam.sink.subject=totals.all
jetbeam.sink.delivery=atLeastOnce
jetbeam.sink.name=totals
jetbeam.sink.connection=us
jetbeam.deadLetter.stream=REJECTED
jetbeam.deadLetter.subject=rejected
jetbeam.deadLetter.delivery=atLeastOnce
jetbeam.deadLetter.createSubjects=rejected
jetbeam.deadLetter.createMaxAge=P7D
jetbeam.kv.bucket=colours
jetbeam.kv.keys=sky, sea.*
`

const json = `{
  "connection": { "name": "eu", "servers": ["nats://a:4222", "tls://b:4222"], "user": "ann", "password": "\${env:NATS_PASSWORD}",
    "tlsCaFile": "/etc/nats/ca.pem", "tlsCertFile": "/etc/nats/me.pem", "tlsKeyFile": "/etc/nats/me.key", "inboxPrefix": "_INBOX_ann",
    "domain": "hub", "reconnectWait": "2s", "reconnectJitter": 250 },
  "source": { "stream": "VIEWS", "subjects": ["views.eu.>", "views.us.*"], "start": "time:2023-11-14T23:13:20.123+01:00",
    "stop": "count:1000", "watermark": "outOfOrder:10s,idle:1m", "splits": 4, "name": "views" },
  "sink": { "stream": "TOTALS", "subject": "totals.all", "delivery": "atLeastOnce", "name": "totals", "connection": "us" },
  "deadLetter": { "stream": "REJECTED", "subject": "rejected", "delivery": "atLeastOnce", "createSubjects": ["rejected"],
    "createMaxAge": "7d" },
  "kv": { "bucket": "colours", "keys": "sky,sea.*" }
}`

const yaml = `
connection:
  name: eu
  servers: [nats://a:4222, tls://b:4222]
  user: ann
  password: \${env:NATS_PASSWORD}
  tlsCaFile: /etc/nats/ca.pem
  tlsCertFile: /etc/nats/me.pem
  tlsKeyFile: /etc/nats/me.key
  inboxPrefix: _INBOX_ann
  domain: hub
  reconnectWait: 2s
  reconnectJitter: 250ms
source:
  stream: VIEWS
  subjects:
    - views.eu.>
    - views.us.*
  start: time:2023-11-14T22:13:20.123Z
  stop: count:1000
  watermark: outOfOrder:10s,idle:1m
  splits: 4
  name: views
sink: { stream: TOTALS, subject: totals.all, delivery: atLeastOnce, name: totals, connection: us }
deadLetter:
  stream: REJECTED
  subject: rejected
  delivery: atLeastOnce
  createSubjects: [rejected]
  createMaxAge: 168h
kv: { bucket: colours, keys: [sky, sea.*] }
`

const byHand = (): JetStreamConfig =>
  JetStreamConfig.builder()
    .connection.name('eu')
    .connection.servers(['nats://a:4222', 'tls://b:4222'])
    .connection.user('ann')
    .connection.password('${env:NATS_PASSWORD}')
    .connection.tlsCaFile('/etc/nats/ca.pem')
    .connection.tlsCertFile('/etc/nats/me.pem')
    .connection.tlsKeyFile('/etc/nats/me.key')
    .connection.inboxPrefix('_INBOX_ann')
    .connection.domain('hub')
    .connection.reconnectWait(seconds(2))
    .connection.reconnectJitter(millis(250))
    .source.stream('VIEWS')
    .source.subjects(['views.eu.>', 'views.us.*'])
    .source.start(StartAt.time(Instant.ofMillis(1_700_000_000_123)))
    .source.stop(StopAt.count(1_000))
    .source.watermark(Watermark.boundedOutOfOrderness(seconds(10), { idleAfter: minutes(1) }))
    .source.splits(4)
    .source.name('views')
    .sink.stream('TOTALS')
    .sink.subject('totals.all')
    .sink.delivery(Delivery.atLeastOnce)
    .sink.name('totals')
    .sink.connection('us')
    .deadLetter.stream('REJECTED')
    .deadLetter.subject('rejected')
    .deadLetter.delivery(Delivery.atLeastOnce)
    .deadLetter.createSubjects(['rejected'])
    .deadLetter.createMaxAge(days(7))
    .kv.bucket('colours')
    .kv.keys(['sky', 'sea.*'])
    .build()

// ---- Configurations of any kind

const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter(s => !/\p{Cc}|\p{Cs}/u.test(s))
const token = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter(s => !/[\s.*>/\\]|\p{Cc}|\p{Cs}/u.test(s))
const subjectText = fc
  .array(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }).filter(s => !/[\s.*>]|\p{Cc}|\p{Cs}/u.test(s)),
    { minLength: 1, maxLength: 3 },
  )
  .map(tokens => tokens.join('.'))
const positive = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const instant = fc.integer({ min: Instant.min, max: Instant.max }).map(Instant.ofMillis)
const reference = fc.constantFrom('${env:SECRET}', '${file:/run/secrets/nats}')
const wait = fc.integer({ min: 10, max: 60_000 }).map(millis)
const maybe = <A>(a: fc.Arbitrary<A>): fc.Arbitrary<A | undefined> => fc.option(a, { nil: undefined })

const login: fc.Arbitrary<Partial<ConnectionConfig>> = fc.oneof(
  fc.constant({}),
  reference.map(token => ({ token })),
  reference.map(nkeySeed => ({ nkeySeed })),
  fc.record({ user: word, password: reference }),
  word.map(credentialsFile => ({ credentialsFile })),
  word.map(tokenVariable => ({ tokenVariable })),
)
const connection: fc.Arbitrary<ConnectionConfig> = fc
  .tuple(
    fc.record({
      name: maybe(word),
      servers: fc.oneof(
        fc.array(fc.constantFrom('nats://a:4222', 'tls://b.example:1', 'c', '[::1]:4222'), { minLength: 1, maxLength: 4 }),
        fc.array(fc.constantFrom('wss://a', 'wss://b.example:443/nats/a-b', 'wss://[::1]:8080/'), { minLength: 1, maxLength: 3 }),
      ),
      tlsCaFile: maybe(word),
      inboxPrefix: maybe(subjectText),
      reconnectWait: maybe(wait),
      reconnectMaxWait: maybe(wait),
      reconnectFor: maybe(wait),
      reconnectJitter: maybe(wait),
    }),
    login,
    fc.oneof(fc.record({ domain: maybe(token) }), fc.record({ apiPrefix: maybe(subjectText) })),
    fc.oneof(fc.constant({}), fc.record({ tlsCertFile: word, tlsKeyFile: word })),
  )
  .map(([base, ...others]) => Object.assign(base, ...others) as ConnectionConfig)
const stop = fc.oneof(fc.constant(StopAt.end), positive.map(StopAt.sequence), instant.map(StopAt.time), positive.map(StopAt.count))
/** A comma begins another. */
const oneName = token.filter(name => !name.includes(','))
const source: fc.Arbitrary<ReadSettings> = fc
  .record({
    stream: oneName,
    subjects: maybe(fc.uniqueArray(subjectText, { minLength: 1, maxLength: 3 })),
    start: maybe(
      fc.oneof(
        fc.constantFrom(StartAt.all, StartAt.onlyNew, StartAt.lastPerSubject),
        positive.map(StartAt.sequence),
        instant.map(StartAt.time),
      ),
    ),
    stop: maybe(stop),
    watermark: maybe(
      fc
        .tuple(fc.nat(1e9), maybe(fc.nat(1e9)))
        .map(([bound, idle]) =>
          Watermark.boundedOutOfOrderness(millis(bound), { idleAfter: idle === undefined ? undefined : millis(idle) }),
        ),
    ),
    splits: maybe(positive),
    name: maybe(word),
    connection: maybe(word),
  })
  .map(it => (it.stop === undefined ? { ...it, splits: undefined } : it))
  .chain(it =>
    it.splits === undefined && (it.stop === undefined || it.stop._tag === 'End') && it.start?._tag !== 'LastPerSubject'
      ? maybe(
          fc.oneof(
            fc.integer({ min: 1, max: 1e9 }).map(n => SplitBy.subject({ discoverEvery: millis(n) })),
            fc.record({ parts: fc.integer({ min: 1, max: 256 }), tokens: fc.uniqueArray(positive) }).map(SplitBy.hash),
          ),
        ).map(splitBy => ({ ...it, splitBy }))
      : fc.constant(it),
  )
const duration = (least: number, most: number) => fc.integer({ min: least, max: most }).map(millis)
const queue: fc.Arbitrary<ReadSettings> = fc.record({
  stream: fc.oneof(oneName, fc.uniqueArray(oneName, { minLength: 2, maxLength: 3 })),
  acknowledge: fc.constant(Acknowledge.onCheckpoint),
  consumer: token,
  ackWait: maybe(duration(1_000, 86_400_000)),
  maxAckPending: maybe(positive),
  inactiveThreshold: maybe(duration(1_000, 1e9)),
  erased: maybe(fc.constantFrom(Erased.fail, Erased.skip)),
  poison: maybe(
    fc
      .tuple(fc.constantFrom(Poison.deadLetter, Poison.terminate), fc.integer({ min: 2, max: 99 }), maybe(duration(0, 1e6)))
      .map(([policy, attempts, delay]) => policy({ attempts, delay })),
  ),
  rateLimit: maybe(positive),
  batchMessages: maybe(positive),
  batchBytes: maybe(fc.integer({ min: 1_024, max: 1e9 })),
  fetchTimeout: maybe(duration(2_000, 300_000)),
  heartbeat: maybe(duration(100, 1_000)),
})
const written = {
  stream: fc.oneof(oneName, fc.uniqueArray(oneName, { minLength: 2, maxLength: 3 })),
  delivery: maybe(fc.constantFrom(...Object.values(Delivery))),
  maxInFlight: maybe(fc.integer({ min: 1, max: 65_536 })),
  maxInFlightBytes: maybe(fc.integer({ min: 1, max: 1e9 })),
  traceContext: maybe(fc.boolean()),
  name: maybe(word),
  connection: maybe(word),
}
const sink: fc.Arbitrary<WriteSettings> = fc.record({ ...written, subject: maybe(subjectText) })
const deadLetter: fc.Arbitrary<DeadLetterSettings> = fc.record({ ...written, subject: subjectText })
const kv: fc.Arbitrary<BucketSettings> = fc.record({
  bucket: fc.stringMatching(/^[\w-]{1,8}$/),
  keys: maybe(fc.uniqueArray(subjectText, { minLength: 1, maxLength: 3 })),
  name: maybe(word),
  connection: maybe(word),
})
const anyConfig: fc.Arbitrary<GivenConfig> = fc.record({
  connection: maybe(connection),
  source: maybe(fc.oneof(source, queue)),
  sink: maybe(sink),
  deadLetter: maybe(deadLetter),
  kv: maybe(kv),
})

describe('A configuration', () => {
  it('is the same through all its doors', () => {
    for (const [door, config] of Object.entries({
      properties: JetStreamConfig.properties(properties),
      json: JetStreamConfig.json(json),
      yaml: JetStreamConfig.yaml(yaml),
      builder: byHand(),
    }))
      assert.deepEqual(config, whole, door)
  })

  it('comes back from what it is written out as, whatever it holds', () => {
    fc.assert(
      fc.property(anyConfig, given => {
        const config = JetStreamConfig.of(given)
        assert.deepEqual(JetStreamConfig.properties(JetStreamConfig.toProperties(config)), config)
        assert.deepEqual(JetStreamConfig.json(JetStreamConfig.toJson(config)), config)
        assert.deepEqual(JetStreamConfig.yaml(JetStreamConfig.toYaml(config)), config)
      }),
      { numRuns: 100 },
    )
  })

  it('takes what code says before what a file says, in whichever order', () => {
    const file = 'source: { stream: VIEWS, stop: end, splits: 2 }'
    const start = JetStreamConfig.builder()
    const codeFirst = start.source.splits(8).yaml(file)
    assert.strictEqual(codeFirst.build().source?.splits, 8)
    assert.strictEqual(start.yaml(file).source.splits(8).build().source?.splits, 8)
    assert.strictEqual(start.yaml(file).properties('jetbeam.source.splits=3').build().source?.splits, 3, 'of two files, the later one')
    assert.deepEqual(start.build(), {}, 'a builder stays what it was')
  })

  it('is completed by what only code can say', () => {
    const config = JetStreamConfig.yaml(
      'connection: { name: eu, servers: a }\nsource: { stream: VIEWS }\nsink: { stream: TOTALS, subject: t }',
    )
    assert.deepEqual(JetStreamConfig.read(config), { stream: 'VIEWS', connection: 'eu' })
    assert.deepEqual(JetStreamConfig.write(config), { stream: 'TOTALS', subject: 't', connection: 'eu' })
    assert.deepEqual(JetStreamConfig.writeTarget(config), { stream: 'TOTALS', connection: 'eu' })
    assert.deepEqual(JetStreamConfig.connection(config), { _tag: 'Binding', key: 'jetstream:eu', settings: { servers: ['a'] } })
    JetStreamIO.read({ ...JetStreamConfig.read(config), coder: Decoder.text })
    const rejected = { ...config, ...JetStreamConfig.yaml('deadLetter: { stream: R, subject: r }') }
    assert.deepEqual(JetStreamConfig.deadLetter(rejected), { stream: 'R', subject: 'r', connection: 'eu' })
    JetStreamIO.writeUndecodable(JetStreamConfig.deadLetter(rejected))
    JetStreamIO.writeFailures({ ...JetStreamConfig.deadLetter(rejected), coder: Encoder.text() })
    assert.match(refused(() => JetStreamConfig.deadLetter(config)).message, /deadLetter\.stream: it is missing/)
    assert.match(refused(() => JetStreamConfig.yaml('deadLetter: { stream: R }')).message, /deadLetter\.subject: it is missing/)
    assert.match(refused(() => JetStreamConfig.yaml('deadLetter: { stream: R, subject: r.* }')).message, /deadLetter\.subject: /)
    assert.match(refused(() => JetStreamConfig.read({})).message, /source\.stream: it is missing/)
    assert.match(refused(() => JetStreamConfig.write({ sink: { stream: 'S' } })).message, /sink\.subject: it is missing/)
  })

  it('is read from a file by its ending', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-config-'))
    try {
      for (const [name, text] of Object.entries({ 'a.properties': properties, 'a.json': json, 'a.yaml': yaml, 'a.yml': yaml })) {
        await writeFile(join(folder, name), text)
        assert.deepEqual(JetStreamConfig.file(join(folder, name)), whole, name)
      }
      assert.match(refused(() => JetStreamConfig.file(join(folder, 'none.yaml'))).message, /none\.yaml cannot be read: ENOENT/)
      const wrong = async (name: string, text: string): Promise<string> => {
        await writeFile(join(folder, name), text)
        return refused(() => JetStreamConfig.file(join(folder, name))).message
      }
      for (const [text, place] of [
        ['{"source":{"stream":"A",}}', 'line 1, column 25'],
        ['{ // x\n"source":{}}', 'line 1, column 3'],
        ['{\n "source": s3cret\n}', 'line 2, column 12'],
        ['{"source":', 'line 1, column 11'],
        ['', 'line 1, column 1'],
        ['{"source":{}} more', 'line 1, column 15'],
      ] as const)
        assert.match(await wrong('b.json', text), new RegExp(`^The configuration of .*b\\.json: this is no JSON, at ${place}\\.$`))
      assert.match(
        await wrong('b.properties', 'jetbeam.source.stream\\ =A\n'),
        /^The configuration of .*b\.properties has 2 problems:\n.*missing.*\n- source\.stream : a space is part of this key\. Write source\.stream\.$/,
      )
      assert.match(
        await wrong('b.yaml', 'connection:\n  servers: nats://a:99999\n'),
        /b\.yaml: connection\.servers: number 1: the port of nats:\/\/a:99999 is none/,
      )
      assert.match(refused(() => JetStreamConfig.file('a.toml')).message, /neither \.properties nor/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('A configuration that is wrong', () => {
  it('is told with all its problems at once, each with its path', () => {
    const error = refused(() =>
      JetStreamConfig.yaml(`
connection: { servers: [], tlsKeyFile: k, token: s3cret, inboxPrefix: "a.>", reconnectWait: 5 }
source: { stream: a.b, subjects: [a.*, a.b], start: yesterday, splits: 0, splitz: 1, batch: 4 }
sink: { subject: "x.*", delivery: twice }
surce: {}
`),
    )
    assert.deepEqual(
      error.problems.map(({ path }) => path),
      [
        'surce',
        'connection.servers',
        'connection.token',
        'connection.inboxPrefix',
        'connection.reconnectWait',
        'connection.tlsKeyFile',
        'source.stream',
        'source.subjects',
        'source.start',
        'source.splits',
        'source.splitz',
        'source.batch',
        'sink.stream',
        'sink.subject',
        'sink.delivery',
      ],
    )
    assert.strictEqual(error._tag, 'InvalidOptions')
    for (const part of [
      'surce: there is no such key. Did you mean source?\n',
      'source.splitz: there is no such key. Did you mean source.splits?\n',
      'source.batch: there is no such key. There are source.stream, source.subjects',
      'source.splits: 0 is not a whole number from 1.',
      'source.start: "yesterday" is not all, new, lastPerSubject, sequence:N or time:',
      'connection.reconnectWait: 5 is not a duration from 10ms to 1m',
      'sink.delivery: "twice" is not exactlyOnce or atomicBatch or chain or messageIds or atLeastOnce or atMostOnce.',
      'connection.tlsKeyFile: it needs tlsCertFile as well.',
    ])
      assert.include(error.message, part)
  })

  it('is refused by the options of a read, a write and a connection too, all at once', () => {
    const options = { stream: 'a b', splits: 0, coder: Decoder.text, splitz: 1 }
    const error = refused(() => JetStreamIO.read(options))
    assert.deepEqual(
      error.problems.map(({ path }) => path),
      ['stream', 'splits', 'splitz'],
    )
    assert.match(error.message, /^JetStreamIO\.read\(a b\) has 3 problems/)
    assert.strictEqual(
      refused(() => JetStreamIO.read({ stream: 'S', subjects: ['a.>', 'a.b'], coder: Decoder.text }))._tag,
      'OverlappingSubjects',
    )
    const connection = { servers: 'a', user: 'ann', token: '${env:T}' }
    assert.deepEqual(
      refused(() => JetStreamIO.connection(connection)).problems.map(({ path }) => path),
      ['user', 'user'],
    )
  })

  it('has addresses of several kinds, or asks for TLS where there is none', () => {
    for (const servers of [
      ['nats://a', 'ws://b'],
      ['ws://a', 'wss://b'],
    ])
      assert.match(
        refused(() => JetStreamIO.connection({ servers })).message,
        /servers: .*all begin with nats:\/\/ or tls:\/\/, all with ws:/,
      )
    for (const servers of ['wss://a?token=hunter2', 'wss://a/#hunter2', 'ws://'])
      assert.match(refused(() => JetStreamIO.connection({ servers })).message, /servers: number 1: it is no address such as/)
    const error = refused(() => JetStreamIO.connection({ servers: 'ws://a', tlsCaFile: 'ca.pem' }))
    assert.match(error.message, /tlsCaFile: .* has no TLS: give wss:/)
  })

  it('never shows a secret, wherever it was written', () => {
    const secret = 'hunter2hunter2'
    const texts: ReadonlyArray<readonly [keyof Pick<typeof JetStreamConfig, 'json' | 'yaml' | 'properties'>, string]> = [
      ['json', `{ "connection": { "servers": ["a"], "token": "${secret}" } }`],
      ['json', `{ "connection": { "servers": ["a"], "tokn": "${secret}" } }`],
      ['json', `{ "connection": { "servers": ["nats://ann:p@${secret}@a"] } }`],
      ['json', `{ "connection": "${secret}" }`],
      ['json', `{ "token": "${secret}", }`],
      ['json', `{ token: ${secret} }`],
      ['json', secret],
      ['yaml', secret],
      ['yaml', `connection: { password: ${secret}, servers: a`],
      ['yaml', `connection: { password: *${secret} }`],
      ['yaml', `connection: { password: !${secret} x }`],
      ['yaml', `connection:\n  nkeySeed: ${secret}\n  nkeySeed: ${secret}\n`],
      ['properties', `jetbeam.connection.password=${secret}\njetbeam.connection.servers=nats://${secret}@a`],
      ['properties', `jetbeam.connection.token=\${env:${secret}`],
      ['properties', `jetbeam.password=${secret}`],
    ]
    for (const [door, text] of texts) {
      const error = refused(() => JetStreamConfig[door](text))
      assert.notInclude(`${error.message} ${String(error.stack)} ${JSON.stringify(error.problems)}`, secret, text)
    }
  })

  it('has a key twice', () => {
    const json = '{\n"sink": { "stream": "A" },\n"source": { "subjects": [{ "stream": "A" }, "stream"],\n"stream": "A",\n"stream": "B" } }'
    for (const [line, path, load] of [
      [5, 'source.stream', () => JetStreamConfig.json(json)],
      [2, 'source', () => JetStreamConfig.json('{ "source": {},\n"source": {} }')],
      [5, 'source.stream', () => JetStreamConfig.yaml('sink:\n  stream: A\nsource:\n  stream: A\n  stream: B\n')],
      [3, 'source', () => JetStreamConfig.yaml('source: {}\nsink: { stream: A }\nsource: {}')],
      [5, 'source.stream', () => JetStreamConfig.properties('# A\njetbeam.source.stream=\\\nA\n\njetbeam.source.stream=\\\nB')],
    ] as const)
      assert.include(refused(load).message, `: ${path}: this key is there twice, the second time at line ${line}.`)
  })
})

describe('A text that nobody wrote', () => {
  const seeds = [properties, json, yaml, '{"__proto__":{"stream":1}}', 'source: { __proto__: 1 }', 'source: {constructor: 1, toString: 2}']
  const bytes = fc.uint8Array({ maxLength: 200 }).map(data => new TextDecoder().decode(data))
  const bent = fc
    .tuple(fc.constantFrom(...seeds), fc.nat(1_500), fc.nat(20), bytes)
    .map(([text, at, n, between]) => text.slice(0, at) + between + text.slice(at + n))
  const doors = ['properties', 'json', 'yaml'] as const

  it('is a configuration or refused by name, in every door', () => {
    fc.assert(
      fc.property(fc.constantFrom(...doors), fc.oneof(bytes, bent, fc.json(), fc.string({ unit: 'binary' })), (door, text) => {
        let config: JetStreamConfig
        try {
          config = JetStreamConfig[door](text)
        } catch (error) {
          assert.instanceOf(error, ConfigurationError)
          return
        }
        assert.deepEqual(JetStreamConfig.yaml(JetStreamConfig.toYaml(config)), config)
      }),
      { numRuns: 300 },
    )
    assert.strictEqual(Object.hasOwn(Object.prototype, 'stream'), false)
  })

  it('may be as long and as nested as it likes', () => {
    const deep = [
      '['.repeat(100_000),
      '{"a":'.repeat(100_000),
      '- '.repeat(100_000),
      '? '.repeat(100_000),
      '-\t'.repeat(450),
      '['.repeat(450),
    ]
    const stairs = Array.from({ length: 700 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')
    for (const door of doors)
      for (const text of [...deep, stairs, `source: { stream: ${'x'.repeat(300_000)} }`]) refused(() => JetStreamConfig[door](text))
  })
})

describe('A configuration with several sections of a kind', () => {
  const yaml = `
connections:
  eu: { servers: nats://eu:4222 }
  us: { servers: nats://us:4222 }
sources:
  views: { stream: VIEWS, connection: eu }
  orders: { stream: ORDERS, subjects: [orders.>] }
sinks:
  totals: { stream: TOTALS, subject: totals }
deadLetters:
  views: { stream: REJECTED, subject: views.rejected }
kvs:
  colours: { bucket: colours, keys: [sky.*] }
  totals: { bucket: totals, onConflict: skip }
`
  const config = JetStreamConfig.yaml(yaml)

  it('gives each to the verb that it is for, under the same keys as in code', () => {
    assert.deepEqual(JetStreamConfig.read(config, 'views'), { stream: 'VIEWS', connection: 'eu' })
    assert.deepEqual(JetStreamConfig.read(config, 'orders'), { stream: 'ORDERS', subjects: ['orders.>'] })
    assert.deepEqual(JetStreamConfig.write(config, 'totals'), { stream: 'TOTALS', subject: 'totals' })
    assert.deepEqual(JetStreamConfig.writeTarget(config, 'totals'), { stream: 'TOTALS' })
    assert.deepEqual(JetStreamConfig.deadLetter(config, 'views'), { stream: 'REJECTED', subject: 'views.rejected' })
    assert.deepEqual(JetStreamConfig.watch(config, 'colours'), { bucket: 'colours', keys: ['sky.*'] })
    assert.deepEqual(JetStreamConfig.put(config, 'totals'), { bucket: 'totals', onConflict: 'skip' })
    assert.deepEqual(
      JetStreamConfig.connections(config).map(({ key }) => key),
      ['jetstream:eu', 'jetstream:us'],
    )
    KvIO.write({ ...JetStreamConfig.put(config, 'totals'), coder: Encoder.text() })
    KvIO.watch({ ...JetStreamConfig.watch(config, 'colours'), coder: Decoder.text })
    assert.deepEqual(JetStreamConfig.of(config), config, 'code takes what the file gives')
  })

  it('is the same through each door, and may stand beside sections without a name', () => {
    assert.deepEqual(JetStreamConfig.properties(JetStreamConfig.toProperties(config)), config)
    assert.deepEqual(JetStreamConfig.json(JetStreamConfig.toJson(config)), config)
    assert.deepEqual(JetStreamConfig.yaml(JetStreamConfig.toYaml(config)), config)
    const both = JetStreamConfig.builder()
      .yaml(yaml)
      .source.stream('ONE')
      .options({ sources: { views: { splits: 2 } } })
      .build()
    assert.deepEqual(JetStreamConfig.read(both), { stream: 'ONE' })
    assert.deepEqual(JetStreamConfig.read(both, 'views'), { stream: 'VIEWS', connection: 'eu', splits: 2 })
  })

  it('is refused with the path of each key that is wrong, and of a section that is missing', () => {
    const paths = (load: () => unknown) => refused(load).problems.map(({ path }) => path)
    assert.sameMembers(
      paths(() =>
        JetStreamConfig.yaml('sources: { a: { strem: A }, b: { stream: B, splits: 0 } }\nconnections: { eu: { name: us, servers: a } }'),
      ),
      ['sources.a.stream', 'sources.a.strem', 'sources.b.splits', 'connections.eu.name'],
    )
    assert.deepEqual(
      paths(() => JetStreamConfig.yaml('sinks: { "a.b": { stream: A } }')),
      ['sinks'],
    )
    assert.deepEqual(
      paths(() => JetStreamConfig.yaml('sinks: [A]')),
      ['sinks'],
    )
    assert.deepEqual(
      paths(() => JetStreamConfig.read(config, 'clicks')),
      ['sources.clicks.stream'],
    )
    assert.deepEqual(
      paths(() => JetStreamConfig.read(config, 'constructor')),
      ['sources.constructor.stream'],
    )
    assert.deepEqual(
      paths(() => JetStreamConfig.put(config)),
      ['kv.bucket'],
    )
  })
})
