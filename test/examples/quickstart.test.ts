// The quick start as `npm start` runs it, with a smaller feed: it counts for itself.
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import { run, start } from '../runners/cli/child.ts'

const program = new URL('../../examples/quickstart/main.ts', import.meta.url)

describe('The quick start', () => {
  it('kills the pipeline in the middle, starts it again, and finds nothing lost and nothing duplicated', async () => {
    const { code, stdout, stderr } = await run(program, '--events', '5000', '--seed', '7', '--seconds', '3')
    assert.equal(code, 0, stdout + stderr)
    assert.match(stdout, /page-time was killed \(SIGKILL\) at [\d,]+ of 5,000/)
    assert.match(stdout, /dropped late +0\b/)
    assert.match(stdout, /lost +0\n/)
    assert.match(stdout, /duplicated +0\n/)
    const lines = stdout.trimEnd().split('\n')
    assert.match(lines.at(-10) ?? '', /^Shown: a pipeline was killed in the middle and started again/)
    assert.match(lines.at(-1) ?? '', /^Every event counted exactly once; /)
    for (const [, place = '', lag = ''] of stdout.matchAll(/at ([\d,]+) of 5,000 {2}lag ([\d,]+)/g))
      assert.strictEqual(Number(place.replace(',', '')) + Number(lag.replace(',', '')), 5_000, 'the figures add up, after the restart too')
  })
  it('leaves nothing behind at Ctrl-C: no server, no temporary folder', async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'quickstart-test-'))
    try {
      const running = start(program, ['--events', '5000', '--seconds', '20'], { TMPDIR: temporary })
      await running.says('at 0 of 5,000')
      running.child.kill('SIGINT')
      const { code, stdout } = await running.ended
      assert.equal(code, 130)
      assert.deepEqual(
        (await readdir(temporary)).filter(name => name.startsWith('jetbeam')),
        [],
      )
      const port = Number(/:(\d+), with/.exec(stdout)?.[1])
      const refused = await once(connect(port, '127.0.0.1'), 'connect').catch((error: unknown) => error)
      assert.propertyVal(refused, 'code', 'ECONNREFUSED')
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  })
  it('refuses what it does not know, and tells its options', async () => {
    assert.equal((await run(program, '--evnts', '5')).code, 1)
    assert.include((await run(program, '--help')).stdout, '--seed S')
  })
})
