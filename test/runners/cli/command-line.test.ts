// Arguments to a command: every spelling that is understood, and what is said of those that are not.
import { assert } from 'chai'
import { Checkpoints } from 'jetbeam'
import { type CommandLine, parseCommandLine } from '../../../runners/cli/command-line.ts'
import type { OptionsShape, PipelineOption } from '../../../runners/cli/pipeline-options.ts'
import { parseDuration, runnerOptions } from '../../../runners/cli/run-options.ts'

const option = (name: string, type: string | null): PipelineOption => ({
  name,
  type,
  required: false,
  description: null,
  default: null,
  choices: [],
})
const shape: OptionsShape = {
  options: [option('maxRate', 'number'), option('dryRun', 'boolean'), option('to', 'string'), option('tag', 'array')],
  open: false,
}

const right = (args: ReadonlyArray<string>, of = shape): CommandLine => {
  const parsed = parseCommandLine(args, of)
  if (parsed._tag === 'Left') throw new Error(parsed.left)
  return parsed.right
}
const left = (args: ReadonlyArray<string>, of = shape): string => {
  const parsed = parseCommandLine(args, of)
  return parsed._tag === 'Left' ? parsed.left : assert.fail(`understood: ${JSON.stringify(parsed.right)}`)
}

describe('A command line', () => {
  it("takes a pipeline's option in kebab case, in camel case, and with an equals sign", () => {
    for (const args of [['--max-rate', '3'], ['--maxRate', '3'], ['--max-rate=3']])
      assert.deepEqual(right(args).options, { maxRate: ['3'] })
  })
  it('takes a flag alone, with a value, and negated', () => {
    assert.deepEqual(right(['--dry-run', '--to', 'x']).options, { dryRun: [true], to: ['x'] })
    assert.deepEqual(right(['--dry-run', 'false', '--to', 'x']).options, { dryRun: ['false'], to: ['x'] })
    assert.deepEqual(right(['--no-dry-run']).options, { dryRun: ['false'] })
  })
  it('takes negative numbers, and keeps all values of an option that is repeated', () => {
    assert.deepEqual(right(['--max-rate', '-3', '--tag', 'a', '--tag', 'b']).options, { maxRate: ['-3'], tag: ['a', 'b'] })
  })
  it('refuses an unknown option with the nearest one that there is', () => {
    assert.include(left(['--max-rat', '3']), 'there is no option --max-rat. Did you mean --max-rate?')
    assert.include(left(['--checkpoint', './state']), 'Did you mean --checkpoints?')
    assert.include(left(['--frobnicate']), 'there is no option --frobnicate. --help lists those that there are')
  })
  it('refuses an option whose value was forgotten, at the end and before another one', () => {
    assert.include(left(['--to']), '--to needs a value')
    assert.include(left(['--job', '--to', 'x']), '--job needs a value: --job NAME')
  })
  it('refuses a value for a flag of the run, a run option given twice, and words that belong to nothing', () => {
    assert.include(left(['--strict=yes']), '--strict takes no value')
    assert.include(left(['--job', 'a', '--job', 'b']), '--job is given twice')
    assert.include(left(['kinglear.txt']), '"kinglear.txt" belongs to no option')
  })
  it("gives a pipeline's option precedence over a run option of the same name, which has another spelling then", () => {
    const own: OptionsShape = { options: [option('job', 'string')], open: false }
    assert.deepEqual(right(['--job', 'mine', '--run-job', 'theirs'], own), { run: { job: 'theirs' }, options: { job: ['mine'] } })
  })
  it('hands any name to a schema that does not tell its names, unless it is nearly that of a run option', () => {
    const open: OptionsShape = { options: [], open: true }
    assert.deepEqual(right(['--max-rate', '3', '--dry-run', '--strict'], open), {
      run: { strict: '' },
      options: { maxRate: ['3'], dryRun: [true] },
    })
    assert.include(left(['--checkpoint', './state'], open), 'Did you mean --checkpoints?')
  })
})

describe('The options of a run', () => {
  it('have lengths of time in milliseconds or with a unit', () => {
    const lengths = ['500', '500ms', '10s', '1.5s', '5m', '1h'].map(text => {
      const parsed = parseDuration(text)
      return parsed._tag === 'Right' ? parsed.right : NaN
    })
    assert.deepEqual<ReadonlyArray<number>>(lengths, [500, 500, 10_000, 1_500, 300_000, 3_600_000])
    for (const text of ['', 'soon', '-1s', '0', '10 days']) assert.equal(parseDuration(text)._tag, 'Left', text)
  })
  it('bind the addresses of --nats under the name that pipelines look for', () => {
    const told = runnerOptions({ nats: 'nats://a:4222, nats://b:4222' }, [])
    if (told._tag === 'Left') return assert.fail(told.left)
    assert.deepEqual(told.right.options.provide, [
      {
        _tag: 'Binding',
        key: 'jetstream:default',
        settings: { servers: ['nats://a:4222', 'nats://b:4222'] },
      },
    ])
  })
  it('refuse --nats where the program itself says where NATS is', () => {
    const told = runnerOptions({ nats: 'nats://a:4222' }, [{ _tag: 'Binding', key: 'jetstream:default', settings: {} }])
    assert.equal(told._tag, 'Left')
  })
  it('keep checkpoints in a directory, in a stream of the same NATS, or in a stream of another', () => {
    const told = (checkpoints: string) => {
      const options = runnerOptions({ checkpoints, every: '5s' }, [])
      return options._tag === 'Left' ? assert.fail(options.left) : options.right.options
    }
    assert.deepInclude(told('./state').checkpoints, { kind: 'directory', path: './state', everyMs: 5_000 })
    assert.deepInclude(told('./jetstream').checkpoints, { kind: 'directory', path: './jetstream' })
    assert.deepInclude(told('jetstream').checkpoints, {
      kind: 'jetstream',
      stream: 'JETBEAM_CHECKPOINTS',
      connection: 'default',
      everyMs: 5_000,
    })
    const { checkpoints, provide } = told('nats://a:4222,b:4222/STATE')
    assert.deepInclude(checkpoints, { kind: 'jetstream', stream: 'STATE', connection: 'checkpoints' })
    assert.deepEqual(provide, [
      {
        _tag: 'Binding',
        key: 'jetstream:checkpoints',
        settings: { servers: ['nats://a:4222', 'b:4222'] },
      },
    ])
    assert.deepInclude(told('nats://a').checkpoints, { stream: 'JETBEAM_CHECKPOINTS' })
  })
  it('refuse a stream that cannot be one', () => {
    for (const place of ['nats://a/b/c', 'nats:///b', 'nats://a,/b', 'nats://a/b.c']) {
      const options = runnerOptions({ checkpoints: place }, [])
      assert.match(options._tag === 'Left' ? options.left : '', /^--checkpoints .*Write nats:\/\/HOST:4222\/STREAM/)
    }
  })
  it('refuse an address that is none of NATS, and never show a login', () => {
    const text = (checkpoints: string): string => {
      const options = runnerOptions({ checkpoints }, [])
      return options._tag === 'Left' ? options.left : JSON.stringify(options.right.options.checkpoints)
    }
    for (const scheme of ['ws', 'wss', 'http', 'file', 'WS', ' redis', 's3'])
      assert.match(text(`${scheme}://ann:s3cret@host/state`), /:\/\/ cannot keep checkpoints\. Write nats:/)
    for (const login of ['ann:s3cret', 's3cret', 'ann:s3/cret', 'ann:s3,cret', 'ann:p@s3cret'])
      for (const rest of ['host/STATE', 'host/a.b', 'host/a/b', '', ',/S', 'host:99999/a b'])
        assert.notMatch(text(`nats://${login}@${rest}`), /s3|cret|ann:/)
    const told = runnerOptions({ checkpoints: 'nats://ann:s3/cr@et@a:1,nats://b:2/STATE' }, [])
    if (told._tag === 'Left') return assert.fail(told.left)
    assert.deepInclude(told.right.options.checkpoints, { stream: 'STATE' })
    assert.deepInclude(told.right.options.provide?.[0], { settings: { servers: ['nats://ann:s3/cr@et@a:1', 'nats://b:2'] } })
    for (const path of ['ws://ann:s3cret@host', 'file:///state'])
      assert.throws(() => Checkpoints.directory(path), RangeError, /an address, and no folder/)
  })
  it('show an argument that belongs to none without its login', () => {
    assert.include(left(['--strict', 'nats://ann:s3/cret@host']), '"nats://host" belongs to no option')
    for (const argument of ['ann:s3cret@host', 's3cret@host:4222', 'ws://s3cret@host', '--=s3cret', 'password=s3cret'])
      assert.notInclude(left([argument]), 's3cret')
  })
  it('are refused where a name is empty, as that of a variable that is not set', () => {
    for (const name of ['checkpoints', 'job', 'from-savepoint', 'options'] as const)
      for (const value of ['', ' ']) {
        const told = runnerOptions({ [name]: value }, [])
        assert.match(told._tag === 'Left' ? told.left : 'taken', new RegExp(`^--${name}: its value is empty, .*or leave --${name} out$`))
      }
  })
  it('keep checkpoints in the default place if only --every is given', () => {
    const told = runnerOptions({ every: '10s' }, [])
    if (told._tag === 'Left') return assert.fail(told.left)
    assert.deepInclude(told.right.options.checkpoints, { kind: 'auto', everyMs: 10_000 })
  })
  it('ask for worker threads by number, and only for what can go to them', () => {
    const told = (workers: string, provide: Parameters<typeof runnerOptions>[1] = []) => runnerOptions({ workers }, provide)
    const four = told('4')
    assert.strictEqual(four._tag === 'Right' ? four.right.workers : null, 4)
    for (const workers of ['0', '-1', '1.5', 'all', '']) assert.strictEqual(told(workers)._tag, 'Left', workers)
    const live = told('2', [{ _tag: 'LocalBinding', key: 'jetstream:default', value: {} }])
    assert.include(live._tag === 'Left' ? live.left : '', 'live object')
  })
})
