// The log of a run: whose records they are, to whom they go, and what never gets there.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Writable } from 'node:stream'
import { assert } from 'chai'
import { Checkpoints, Instant, millis, orThrow, PCollection, Pipeline, pipe, Splittable } from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { pino } from 'pino'
import { logOf, withFields } from '../../../runners/host/log.ts'
import { redactedFields } from '../../../sdk/model/redaction.ts'
import { redactedText } from '../../../sdk/model/secret-text.ts'
import { breaksOnce } from '../../support/measured-programs.ts'
import { numberSource } from '../../support/number-source.ts'
import { run } from '../cli/child.ts'

const recording = () => {
  const records: Readonly<Record<string, unknown>>[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      records.push(JSON.parse(chunk.toString()) as Readonly<Record<string, unknown>>)
      done()
    },
  })
  return { records, logger: pino({ level: 'warn', base: null }, stream) }
}

describe('The log of a run', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-log-'))
    await writeFile(join(folder, 'lines.txt'), Array.from({ length: 10_000 }, (_, i) => `${i}\n`).join(''))
  })
  after(() => rm(folder, { recursive: true }))

  it('goes to a logger of pino’s that is handed in, by its level, with the job in each record', async () => {
    const { records, logger } = recording()
    const broken = breaksOnce({ from: join(folder, 'lines.txt'), to: join(folder, 'out.txt'), flag: join(folder, 'flag') })
    const checkpoints = Checkpoints.directory(join(folder, 'state'), { every: millis(20) })
    await orThrow(WorkerThreadsRunner.run({ workers: 2, checkpoints, log: logger, restart: { attempts: 1, initial: millis(1) } })(broken))
    assert.lengthOf(records, 1)
    assert.deepInclude(records[0], { level: 40, job: 'breaks-once' })
    assert.include(records[0]?.['msg'], 'the run failed, and begins again')
  })

  it('goes to any function, where a part of the run adds whose record it is', () => {
    const told: unknown[] = []
    const log = withFields(
      logOf((...record) => told.push(record), 'shop'),
      { transform: 'read#1' },
    )
    log('info', 'reading on', { sequence: 7 })
    assert.deepEqual(told, [['info', 'reading on', { job: 'shop', transform: 'read#1', sequence: 7 }]])
  })

  it('never holds a login of an address, a token, a seed or what a field of such a name holds', () => {
    const seed = `SU${'A'.repeat(56)}`
    assert.strictEqual(
      redactedText(`lost nats://shop:p@ss@host:4222,tls://t0ken@other and ${seed}, kept https://plain/a@b nats://plain:4222`),
      'lost nats://[redacted]@host:4222,tls://[redacted]@other and [redacted], kept https://plain/a@b nats://plain:4222',
    )
    const hidden = { password: 'x', userPassword: 'x', token: 'x', nkeySeed: 'x', Authorization: ['x'], clientSecret: 'x', jwt: 'x' }
    const nested = { servers: ['nats://a:b@c'], cause: new TypeError('not nats://u:v@w'), deep: { ...hidden } }
    const text = JSON.stringify(redactedFields({ ...hidden, nested, note: 'eyJhbGciOiJ.eyJqdGkiOiJ.c2ln', tokens: 5, passed: true }))
    for (const secret of ['"x"', 'a:b', 'u:v', 'eyJ']) assert.notInclude(text, secret)
    assert.include(text, '"tokens":5,"passed":true')
    assert.include(text, '"type":"TypeError","message":"not nats://[redacted]@w"')
  })

  it('holds no secret that a source of a run tells it, in what it says or beside it', async () => {
    const { records, logger } = recording()
    const source = numberSource({ label: 'tells', rangesOf: () => [{ from: 0, to: 1 }] })
    const telling: typeof source = {
      ...source,
      connect: context => {
        context.log('warn', 'lost nats://shop:p@ss@host', { password: 'p@ss', cause: new Error('no answer of nats://shop:p@ss@host') })
        return source.connect(context)
      },
    }
    const numbers = Splittable.source({ source: telling, decode: n => n, timestamp: () => Instant.min })
    await orThrow(DirectRunner.run({ log: logger })(Pipeline.of(PCollection.ignore(numbers))))
    assert.lengthOf(records, 1)
    assert.deepInclude(records[0], { msg: 'lost nats://[redacted]@host', password: '[redacted]' })
    assert.include(JSON.stringify(records), 'no answer of nats://[redacted]@host')
    assert.notInclude(JSON.stringify(records), 'p@ss')
  })

  it('holds no secret in the events, the metrics and the error of a run that fails', async () => {
    const input = 'nats://shop:s3cret/word@host'
    const source = numberSource({ label: 'fails', rangesOf: () => [{ from: 0, to: 1 }] })
    const failing: typeof source = {
      ...source,
      connect: async () =>
        Promise.reject(new Error(`no server at ${input}`, { cause: Object.assign(new TypeError('Invalid URL'), { input }) })),
    }
    const numbers = (of: typeof source) => Splittable.source({ source: of, decode: n => n, timestamp: () => Instant.min })
    const { logger, records } = recording()
    const run = await DirectRunner.run({ log: logger })(Pipeline.of(PCollection.ignore(numbers(failing))))()
    assert.include(inspect(run, { depth: 9, showHidden: true }), 'no server at nats://[redacted]@host')
    assert.include(inspect(run, { depth: 9 }), "input: 'nats://[redacted]@host'")

    const told: unknown[] = []
    const broken = pipe(
      numbers(source),
      PCollection.map((): number => {
        throw new Error(`no answer from ${input}`)
      }),
    )
    const checkpoints = Checkpoints.directory(join(folder, 'failing'), { every: millis(20) })
    const restart = { attempts: 1, initial: millis(1) }
    const ended = await DirectRunner.run({ job: 'fails', log: logger, checkpoints, restart, onEvent: event => void told.push(event) })(
      Pipeline.of(PCollection.ignore(broken)),
    )()
    assert.strictEqual(ended._tag, 'Left')
    assert.include(JSON.stringify(told), '"message":"')
    assert.include(JSON.stringify(told), 'no answer from nats://[redacted]@host')
    for (const shown of [run, ended, told, records]) assert.notMatch(inspect(shown, { depth: 20, showHidden: true }), /s3cret|word@/)
  })

  it('is lines of JSON where a program is told so, from the level on that it is told', async () => {
    const program = new URL('../cli/squares.ts', import.meta.url)
    const to = join(folder, 'squares.txt')
    const lines = async (level: string): Promise<ReadonlyArray<Readonly<Record<string, unknown>>>> => {
      const { code, stderr } = await run(program, '--to', to, '--up-to', '4', '--log', 'json', '--log-level', level)
      assert.strictEqual(code, 0, stderr)
      const text = stderr.trimEnd()
      return text === '' ? [] : text.split('\n').map(line => JSON.parse(line) as Readonly<Record<string, unknown>>)
    }
    const debug = await lines('debug')
    assert.deepInclude(debug.at(-1), { level: 'info', msg: 'result', state: 'done', read: 4, written: 4 })
    assert.isDefined(
      debug.find(({ level, msg, checkpoint }) => level === 'debug' && msg === 'CheckpointCompleted' && checkpoint !== undefined),
    )
    assert.isEmpty(await lines('error'))
  })
})
