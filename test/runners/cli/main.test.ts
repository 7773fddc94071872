// Programs that end with `await main(import.meta, …)`, run as processes of their own.
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { assert } from 'chai'
import { strangerText } from '../../../runners/cli/given-definition.ts'
import { run, start } from './child.ts'
import { until } from '../../support/until.ts'

const program = new URL('./squares.ts', import.meta.url)

describe('A program', () => {
  let folder = ''
  let to = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-cli-'))
    to = join(folder, 'squares.txt')
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('runs its pipeline to the end, and ends with one line of figures', async () => {
    const { code, stderr } = await run(program, '--to', to, '--up-to', '4', '--tag', 'a', '--tag', 'b')
    assert.equal(code, 0, stderr)
    assert.equal(await readFile(to, 'utf8'), '1 a b\n4 a b\n9 a b\n16 a b\n')
    assert.match(stderr, /^done: read 4, written 4, in \d+\.\d\d s, [\d,]+ per second\n$/)
  })
  it('tells its options and those of the run with --help', async () => {
    const { code, stdout, stderr } = await run(program, '--help')
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    assert.match(stdout, /--up-to NUMBER +how many squares \(5 unless told\)/)
    assert.match(stdout, /--nats URL\[,URL\]/)
  })
  it('says where its metrics and health are served with --metrics, and refuses what is no address', async () => {
    const { code, stderr } = await run(program, '--to', to, '--metrics', '127.0.0.1:0')
    assert.equal(code, 0, stderr)
    assert.match(stderr, /Metrics and health: http:\/\/127\.0\.0\.1:\d+\/metrics, \/live and \/ready\n/)
    const refused = await run(program, '--to', to, '--metrics', 'localhost')
    assert.deepInclude(refused, { code: 2 })
    assert.equal(
      refused.stderr,
      'squares: --metrics: it is not HOST:PORT. Write 127.0.0.1:9464, or 0.0.0.0:9464 to be reached from other machines\n',
    )
  })
  it('refuses an unknown option with the nearest one, and exit code 2', async () => {
    const { code, stderr } = await run(program, '--to', to, '--upto', '4')
    assert.equal(code, 2)
    assert.equal(stderr, 'squares: there is no option --upto. Did you mean --up-to? --help lists all\n')
  })
  it('refuses what its schema refuses, each option by its name, and exit code 2', async () => {
    const { code, stderr } = await run(program, '--up-to', '4.5', '--order', 'sideways')
    assert.equal(code, 2)
    for (const part of [/--to: /, /--up-to: .*int/, /--order: .*"up"\|"down"/]) assert.match(stderr, part)
    assert.notInclude(stderr, 'node_modules')
  })
  it('reads options from a file', async () => {
    const file = join(folder, 'options.json')
    await writeFile(file, JSON.stringify({ to, upTo: 2, tag: ['x'] }))
    const { code, stderr } = await run(program, '--options', file, '--up-to', '3')
    assert.equal(code, 0, stderr)
    assert.equal(await readFile(to, 'utf8'), '1 x\n4 x\n9 x\n')
    await writeFile(file, '{ "apiToken": "s3cret", "to": s3cret }')
    const broken = await run(program, '--options', file)
    assert.strictEqual(broken.code, 2)
    assert.match(broken.stderr, /options\.json cannot be used: this is no JSON, at line 1, column \d+/)
    const token = await run(program, '--options', 's3cretT0ken')
    assert.match(token.stderr, /--options: there is no file of this name \(not shown/)
    for (const { stderr: text } of [broken, token]) assert.notInclude(text, 's3cret')
    const missing = await run(program, '--options', join(folder, 'none.json'))
    assert.equal(missing.code, 2)
    assert.include(missing.stderr, 'none.json cannot be read')
  })
  it("says which transform failed, at which element, and where in the user's own code", async () => {
    const { code, stderr } = await run(program, '--to', to, '--fail-at', '3')
    assert.equal(code, 1)
    const [what, element, ...frames] = stderr.trimEnd().split('\n')
    assert.equal(what, 'squares failed: map#1: 3 is unlucky')
    assert.equal(element, '  while it processed 3, at position 2 of the split Create#1/0')
    assert.match(frames[0] ?? '', /at square .*squares\.ts:19/)
    for (const frame of frames) assert.match(frame, /squares\.ts/)
  })
  it('names what a transform was told wrongly, and where', async () => {
    const { code, stderr } = await run(program, '--to', join(folder, 'none', 'squares.txt'))
    assert.equal(code, 1)
    assert.include(stderr, 'squares failed: ')
    assert.notMatch(stderr, /^\s+at /m)
  })
  it('shows its plan and its guarantees with --explain, and runs nothing', async () => {
    const { code, stdout } = await run(program, '--to', to, '--explain')
    assert.equal(code, 0)
    assert.include(stdout, 'stage 1: Create#1')
    assert.include(stdout, 'sink write#1')
    assert.equal(await readFile(to, 'utf8').catch(() => 'not there'), 'not there')
  })
  it('does nothing where it is imported', async () => {
    const importing = join(folder, 'importing.mjs')
    await writeFile(importing, `const { squares } = await import(${JSON.stringify(program.href)})\nconsole.log(squares.pipelineName)\n`)
    const { code, stdout, stderr } = await run(pathToFileURL(importing), '--nonsense')
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'squares\n', stderr: '' })
  })
  it('runs where it is started through a link, as package managers do', async () => {
    const link = join(folder, 'squares.ts')
    await symlink(fileURLToPath(program), link)
    const { code, stdout } = await run(pathToFileURL(link), '--help')
    assert.equal(code, 0)
    assert.include(stdout, 'Runs the pipeline squares.')
  })
  it('suspends at SIGTERM, and the next start goes on from there: nothing is missing, nothing is there twice', async () => {
    const total = 40_000
    const args = [
      '--to',
      to,
      '--up-to',
      String(total),
      '--pause-ms',
      '1',
      '--checkpoints',
      join(folder, 'state'),
      '--every',
      '100ms',
      '--json',
    ]
    const first = start(program, args)
    await first.says('"completed":1')
    first.child.kill('SIGTERM')
    const suspended = await first.ended
    assert.equal(suspended.code, 0, suspended.stderr)
    assert.include(suspended.stderr, 'SIGTERM: suspending')
    assert.include(suspended.stderr, '"type":"result","state":"suspended"')
    const before = (await readFile(to, 'utf8')).split('\n').length - 1
    assert.isBelow(before, total)
    const second = await start(program, args).ended
    assert.include(second.stderr, '"state":"done"')
    assert.equal(await readFile(to, 'utf8'), Array.from({ length: total }, (_, i) => `${(i + 1) ** 2}\n`).join(''))
    const third = await run(program, ...args.slice(0, -1))
    assert.equal(third.code, 0)
    assert.include(third.stderr, 'had ended before: there was nothing to do')
  })
  it('works on where nobody reads its standard error or its output any more', async () => {
    const running = start(program, ['--to', to, '--up-to', '500', '--pause-ms', '50', '--json'])
    await running.says('"type":"progress"')
    running.child.stderr?.destroy()
    running.child.stdout?.destroy()
    assert.equal((await running.ended).code, 0)
    assert.lengthOf((await readFile(to, 'utf8')).split('\n'), 501)
  })
  it('is told, with exit code 2, what to hand to main: a definition', async () => {
    const handing = join(folder, 'handing.mjs')
    const room = (path: string): string => JSON.stringify(new URL(`../../../${path}`, import.meta.url).href)
    await writeFile(
      handing,
      `import { Create, PCollection, Pipeline, pipe } from ${room('sdk/index.ts')}\nimport { main } from ${room('runners/cli/index.ts')}\n` +
        'await main(import.meta, Pipeline.of(pipe(Create.of([1]), PCollection.ignore)))\n',
    )
    const { code, stderr } = await run(pathToFileURL(handing))
    assert.equal(code, 2, stderr)
    assert.match(stderr, /handing\.mjs: main takes a definition, and was given a pipeline, .*Pipeline\.define\(/)
    assert.match(strangerText(undefined) ?? '', /and was given none\. Write export const/)
    assert.isNull(strangerText(Object.assign(() => null, { pipelineName: 'squares' })))
  })
  it('ends at once at a second SIGINT, with exit code 130', async () => {
    // Suspended, it still takes 10 s to put away what it uses.
    const running = start(program, ['--to', to, '--pause-ms', '50000', '--close-ms', '10000', '--json'])
    await running.says('"read":5')
    running.child.kill('SIGINT')
    await running.says('SIGINT: suspending')
    // Two signals within half a second are one: a terminal's Ctrl-C can arrive twice.
    const heardMs = performance.now()
    await until('half a second is over', () => performance.now() - heardMs > 600)
    running.child.kill('SIGINT')
    assert.equal((await running.ended).code, 130)
  })
})
