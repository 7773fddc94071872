// A disk that is really full: a small file system of its own. Needs root on Linux, and is skipped elsewhere.
import { execFile } from 'node:child_process'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { assert } from 'chai'
import { directoryStore } from '../../../runners/checkpoint/index.ts'
import { refuses } from './refusal.ts'
import { bytesOf, temporaryFolders, textOf } from './temporary-folder.ts'
import { skip } from '../../support/skip.ts'

const execute = promisify(execFile)
const kilobytes = (n: number): Uint8Array => new Uint8Array(n * 1_024).fill(1)

describe('A full disk', () => {
  const mounted: Array<string> = []
  afterEach(async () => {
    for (const path of mounted.splice(0)) await execute('umount', [path])
  })
  const folder = temporaryFolders()
  const smallDisk = async (): Promise<string | null> => {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return null
    const path = await folder()
    try {
      await execute('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', path])
    } catch {
      return null
    }
    mounted.push(path)
    return path
  }
  const fill = async (path: string): Promise<string> => {
    const filler = join(path, 'filler')
    await writeFile(filler, kilobytes(600)).catch(() => undefined)
    return filler
  }

  it('refuses a segment that does not fit, removes what was written of it, and goes on with smaller ones', async function () {
    const path = await smallDisk()
    if (path === null) return skip(this, 'no small disk can be mounted here')
    const session = await directoryStore({ path }).open('job')
    const first = await session.writeSegment([bytesOf('first')])
    await session.commit(0, [first], 'first')
    await refuses('StoreFull', session.writeSegment([kilobytes(200), kilobytes(600)]), path, 'make room')
    assert.deepStrictEqual(await readdir(join(path, 'job', 'segments')), [first.name])
    await session.commit(1, [await session.writeSegment([kilobytes(200)])], 'second')
    await session.release()
    const again = await directoryStore({ path }).open('job')
    assert.strictEqual(again.latest?.content, 'second')
    await again.release()
  })

  it('fails a checkpoint whose manifest does not fit, keeps the one before, and goes on when there is room', async function () {
    const path = await smallDisk()
    if (path === null) return skip(this, 'no small disk can be mounted here')
    const session = await directoryStore({ path }).open('job')
    const first = await session.writeSegment([bytesOf('first')])
    await session.commit(0, [first], 'first')
    const second = await session.writeSegment([bytesOf('second')])
    const filler = await fill(path)
    await refuses('StoreFull', session.commit(1, [second], 'second'), '000001-0000000001.json', 'make room')
    assert.deepStrictEqual(await readdir(join(path, 'job', 'manifests')), ['000001-0000000000.json'])
    assert.isFalse(session.lost())
    assert.strictEqual(textOf(await session.readSegment(first)), 'first')
    await rm(filler)
    await session.commit(2, [second], 'second')
    await session.release()
    const again = await directoryStore({ path }).open('job')
    assert.deepStrictEqual([again.latest?.epoch, again.latest?.content], [2, 'second'])
    await again.release()
  })

  it('makes room by discarding what an aborted checkpoint wrote', async function () {
    const path = await smallDisk()
    if (path === null) return skip(this, 'no small disk can be mounted here')
    const session = await directoryStore({ path }).open('job')
    const aborted = await session.writeSegment([kilobytes(300)])
    await refuses('StoreFull', session.writeSegment([kilobytes(300)]))
    await session.discardSegments([aborted])
    await session.commit(0, [await session.writeSegment([kilobytes(300)])], null)
    await session.release()
  })

  it('leaves nothing of a savepoint that does not fit', async function () {
    const path = await smallDisk()
    if (path === null) return skip(this, 'no small disk can be mounted here')
    const store = directoryStore({ path })
    await refuses('StoreFull', store.writeSavepoint('job', 'big', [kilobytes(200), kilobytes(600)], null), 'big', 'make room')
    assert.deepStrictEqual(await readdir(join(path, 'job', 'savepoints')), [])
    await store.writeSavepoint('job', 'big', [kilobytes(100)], null)
  })

  it('keeps a lease that it is renewed on, and refuses a new one', async function () {
    const path = await smallDisk()
    if (path === null) return skip(this, 'no small disk can be mounted here')
    const warnings: Array<string> = []
    const session = await directoryStore({ path, leaseExpiryMs: 100, onWarning: message => warnings.push(message) }).open('job')
    const filler = await fill(path)
    await new Promise(resolve => setTimeout(resolve, 150))
    assert.deepStrictEqual(warnings, [])
    await refuses('StoreFull', directoryStore({ path }).open('job'), 'make room')
    await rm(filler)
    await session.commit(0, [], null)
    await session.release()
  })
})
