// The example of a source of one's own, against a real web service.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import { start } from '../runners/cli/child.ts'

describe('The example', () => {
  const items: { readonly seq: number; readonly id: string; readonly changed: number }[] = []
  const more = (count: number): void => {
    for (let i = 0; i < count; i++) items.push({ seq: items.length, id: `c${items.length}`, changed: 1_000 + items.length })
  }
  let [folder, url] = ['', '']
  let server: Server
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-changes-'))
    server = createServer((request, response) => {
      const from = Number(new URL(request.url ?? '/', 'http://localhost').searchParams.get('from'))
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ items: items.slice(from, from + 10), more: from + 10 < items.length }))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/changes` // it listens on a port
  })
  after(async () => {
    await new Promise(resolve => server.close(resolve))
    await rm(folder, { recursive: true, force: true })
  })

  it('changes follows a web service, suspends at Ctrl-C, and goes on where it stopped', async () => {
    const to = join(folder, 'changes.txt')
    const args = ['--url', url, '--to', to, '--poll', '50', '--checkpoints', join(folder, 'state'), '--every', '100ms', '--json']
    const program = new URL('../../examples/changes.ts', import.meta.url)
    more(25)
    const first = start(program, args)
    await first.says('"written":25')
    more(3)
    await first.says('"written":28')
    first.child.kill('SIGINT')
    const suspended = await first.ended
    assert.strictEqual(suspended.code, 0, suspended.stderr)
    assert.include(suspended.stderr, '"state":"suspended"')
    more(14)
    const second = start(program, [...args, '--strict'])
    await second.says('"written":14')
    second.child.kill('SIGTERM')
    const ended = await second.ended
    assert.strictEqual(ended.code, 0, ended.stderr)
    const lines = (await readFile(to, 'utf8')).trimEnd().split('\n')
    assert.sameMembers(
      lines,
      items.map(({ seq, id }) => `${seq} ${id}`),
    )
    assert.strictEqual(lines.length, 42)
  })
})
