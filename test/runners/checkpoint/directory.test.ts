// What holds for the directory store alone: its files, what happens when they are damaged or left behind, and what the system refuses.
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, readFile, readdir, rm, rmdir, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { assert } from 'chai'
import { directoryStore, type CheckpointSession, type Segment } from '../../../runners/checkpoint/index.ts'
import { refuses } from './refusal.ts'
import { bytesOf, temporaryFolders, textOf } from './temporary-folder.ts'
import { skip } from '../../support/skip.ts'

describe('A directory of checkpoints', () => {
  const folder = temporaryFolders()
  const commit = async (session: CheckpointSession, epoch: number): Promise<Segment> => {
    const segment = await session.writeSegment([bytesOf(`state ${epoch}`)])
    await session.commit(epoch, [segment], { epoch })
    return segment
  }
  const run = async (path: string, ...epochs: ReadonlyArray<number>): Promise<number> => {
    const session = await directoryStore({ path }).open('job')
    for (const epoch of epochs) await commit(session, epoch)
    await session.release()
    return session.generation
  }
  const manifests = (path: string): Promise<ReadonlyArray<string>> => readdir(join(path, 'job', 'manifests')).then(names => names.sort())
  const segments = (path: string): Promise<ReadonlyArray<string>> => readdir(join(path, 'job', 'segments')).then(names => names.sort())
  const edit = async (path: string, change: (text: string) => string): Promise<void> =>
    writeFile(path, change(await readFile(path, 'utf8')))

  it('has one folder a job, and a file for each manifest that is kept and each segment that one names', async () => {
    const path = await folder()
    await run(path, 0, 1, 2, 3, 4)
    assert.deepStrictEqual((await readdir(join(path, 'job'))).sort(), ['lease', 'manifests', 'savepoints', 'segments'])
    assert.deepStrictEqual(await manifests(path), ['000001-0000000002.json', '000001-0000000003.json', '000001-0000000004.json'])
    assert.deepStrictEqual(await segments(path), ['000001-0000000002.segment', '000001-0000000003.segment', '000001-0000000004.segment'])
  })

  it('is readable by its owner alone, whatever the umask, and closes a folder that an earlier version left open', async () => {
    if (process.platform === 'win32') return
    const modesBelow = async (path: string): Promise<string[]> => {
      const found = [`${((await stat(path)).mode & 0o777).toString(8)} ${(await stat(path)).isDirectory() ? 'folder' : 'file'}`]
      if (!(await stat(path)).isDirectory()) return found
      for (const name of await readdir(path)) found.push(...(await modesBelow(join(path, name))))
      return [...new Set(found)].sort()
    }
    const path = await folder()
    const umask = process.umask(0)
    try {
      for (const mask of [0, 0o277]) {
        process.umask(mask)
        const store = directoryStore({ path: join(path, 'new', String(mask)) })
        const session = await store.open('job')
        await commit(session, 0)
        await store.writeSavepoint('job', 'monday', [bytesOf('state')], { epoch: 0 })
        await session.release()
      }
      process.umask(0)
      await chmod(join(path, 'new', '0', 'job'), 0o755)
      await run(join(path, 'new', '0'), 1)
    } finally {
      process.umask(umask)
    }
    assert.deepStrictEqual(await modesBelow(join(path, 'new', '0')), ['600 file', '700 folder'])
    assert.includeMembers(await modesBelow(join(path, 'new', String(0o277))), ['600 file', '700 folder'])
  })

  it('keeps as many checkpoints as it is told, over restarts', async () => {
    const path = await folder()
    const store = directoryStore({ path, keep: 2 })
    for (const epoch of [0, 1, 2, 3]) {
      const session = await store.open('job')
      await commit(session, epoch)
      await session.release()
    }
    assert.deepStrictEqual(await manifests(path), ['000003-0000000002.json', '000004-0000000003.json'])
    assert.lengthOf(await segments(path), 2)
    assert.throws(() => directoryStore({ path, keep: 0 }), RangeError)
    assert.throws(() => directoryStore({ path, leaseExpiryMs: 0 }), RangeError)
  })

  it('ignores an unfinished checkpoint and removes what is left of it', async () => {
    const path = await folder()
    await run(path, 0)
    const before = { segments: await segments(path), manifests: await manifests(path) }
    for (const name of [
      'segments/000001-0000000077.segment',
      'segments/000001-0000000078.segment.tmp',
      'manifests/000001-0000000001.json.tmp',
      'lease/000001.base.json.tmp',
    ])
      await writeFile(join(path, 'job', name), 'half')
    const session = await directoryStore({ path }).open('job')
    assert.strictEqual(session.latest?.epoch, 0)
    assert.deepStrictEqual({ segments: await segments(path), manifests: await manifests(path) }, before)
    assert.deepStrictEqual((await readdir(join(path, 'job', 'lease'))).sort(), ['000002.base.json', '000002.beat', '000002.claim.json'])
    await session.release()
  })

  it('leaves files alone that are not its own', async () => {
    const path = await folder()
    await run(path, 0)
    for (const name of ['notes.txt', '.DS_Store']) await writeFile(join(path, 'job', 'segments', name), 'mine')
    await run(path, 1, 2, 3, 4)
    assert.includeMembers([...(await segments(path))], ['notes.txt', '.DS_Store'])
  })

  const damages: Readonly<Record<string, (file: string) => Promise<void>>> = {
    'a flipped bit': file => edit(file, text => text.replace('"epoch":3', '"epoch":2')),
    'an end that is missing': async file => truncate(file, (await stat(file)).size - 5),
    'no content at all': file => truncate(file, 0),
    'another format version': file => edit(file, text => text.replace('"version":1', '"version":9')),
    'another manifest in its place': file => copyFile(file.replace('03.json', '02.json'), file),
  }
  for (const [damage, make] of Object.entries(damages))
    it(`stops when the last manifest has ${damage}, and never goes on from the one before`, async () => {
      const path = await folder()
      await run(path, 1, 2, 3)
      const file = join(path, 'job', 'manifests', '000001-0000000003.json')
      await make(file)
      for (let attempt = 0; attempt < 2; attempt++)
        await refuses(
          'Damaged',
          directoryStore({ path }).open('job'),
          file,
          'backup',
          damage === 'another format version' ? 'version 9' : 'damaged',
        )
      assert.lengthOf(await manifests(path), 3)
    })

  it('stops when the manifest is gone that the last process went on from', async () => {
    const path = await folder()
    await run(path, 0, 1)
    await run(path)
    await rm(join(path, 'job', 'manifests', '000001-0000000001.json'))
    await refuses('Damaged', directoryStore({ path }).open('job'), '000001-0000000001.json', 'missing')
  })

  it('stops when the record is damaged of what the last process went on from', async () => {
    const path = await folder()
    await run(path, 0)
    await run(path)
    await writeFile(join(path, 'job', 'lease', '000002.base.json'), 'null')
    await refuses('Damaged', directoryStore({ path }).open('job'), '000002.base.json', 'backup')
  })

  it('goes on, with a warning, when only an earlier manifest is damaged', async () => {
    const path = await folder()
    await run(path, 0, 1, 2)
    await truncate(join(path, 'job', 'manifests', '000001-0000000001.json'), 3)
    const warnings: Array<string> = []
    const session = await directoryStore({ path, onWarning: message => warnings.push(message) }).open('job')
    assert.strictEqual(session.latest?.epoch, 2)
    assert.lengthOf(warnings, 1)
    assert.include(warnings[0], 'latest one is intact')
    await session.release()
  })

  it('says so when a segment is missing, cut short, longer or altered', async () => {
    const path = await folder()
    const session = await directoryStore({ path }).open('job')
    const segment = await commit(session, 0)
    const file = join(path, 'job', 'segments', segment.name)
    const changes: ReadonlyArray<readonly [string, () => Promise<void>]> = [
      ['checksum', () => writeFile(file, 'State 0')],
      ['8 bytes instead of 7', () => writeFile(file, 'state 00')],
      ['6 bytes instead of 7', () => writeFile(file, 'state ')],
      ['missing', () => rm(file)],
    ]
    for (const [why, change] of changes) {
      await change()
      await refuses('Damaged', session.readSegment(segment), file, why, 'backup')
    }
    await session.release()
  })

  it('says so when a part of a savepoint is damaged', async () => {
    const path = await folder()
    const store = directoryStore({ path })
    const place = await store.writeSavepoint('job', 'point', [bytesOf('a')], 1)
    await writeFile(join(place, '000000-0000000000.segment'), 'b')
    await refuses('Damaged', store.readSavepoint('job', 'point'), place, 'checksum')
    await rm(join(place, 'savepoint.json'))
    await refuses('Damaged', store.readSavepoint('job', 'point'), place, 'missing')
  })

  it('never goes on from a manifest that a process wrote after it had lost its lease', async () => {
    const path = await folder()
    const stale = async (name: string): Promise<void> =>
      copyFile(join(path, 'job', 'manifests', '000001-0000000001.json'), join(path, 'job', 'manifests', name))
    await run(path, 0, 1)
    await run(path)
    await stale('000001-0000000002.json')
    const third = await directoryStore({ path }).open('job')
    assert.deepStrictEqual([third.latest?.generation, third.latest?.epoch], [1, 1])
    await stale('000001-0000000002.json')
    await stale('000001-0000000009.json')
    await commit(third, 2)
    await third.release()
    const fourth = await directoryStore({ path }).open('job')
    assert.deepStrictEqual([fourth.latest?.generation, fourth.latest?.epoch], [3, 2])
    assert.deepStrictEqual(await manifests(path), ['000001-0000000000.json', '000001-0000000001.json', '000003-0000000002.json'])
    await fourth.release()
  })

  it('goes on from the one before when a process took the lease and got no further', async () => {
    const path = await folder()
    await run(path, 0, 1)
    await run(path)
    await rm(join(path, 'job', 'lease', '000002.base.json'))
    const third = await directoryStore({ path }).open('job')
    assert.deepStrictEqual([third.generation, third.latest?.epoch], [3, 1])
    await third.release()
  })

  it('commits although an old file cannot be removed, says so once, and removes it when it can', async () => {
    const path = await folder()
    const warnings: Array<string> = []
    const session = await directoryStore({ path, keep: 1, onWarning: message => warnings.push(message) }).open('job')
    const segment = await commit(session, 0)
    const file = join(path, 'job', 'segments', segment.name)
    await rm(file)
    // Not even root can remove a folder as if it were a file.
    await mkdir(file)
    for (const epoch of [1, 2, 3]) await commit(session, epoch)
    await session.discardSegments([])
    assert.lengthOf(warnings, 1)
    assert.include(warnings[0], file)
    await rmdir(file)
    await writeFile(file, 'state 0')
    await commit(session, 4)
    await session.release()
    assert.notInclude([...(await segments(path))], segment.name)
    assert.lengthOf(warnings, 1)
  })

  it('says what to do when the path is a file, or leads through one', async () => {
    const path = join(await folder(), 'file')
    await writeFile(path, '')
    await refuses('StoreFailed', directoryStore({ path }).open('job'), path, 'not a folder')
    await refuses('StoreFailed', directoryStore({ path: join(path, 'below') }).open('job'), path, 'not a folder')
    await refuses('StoreFailed', directoryStore({ path }).writeSavepoint('job', 'a', [], null), path, 'not a folder')
    await refuses('StoreFailed', directoryStore({ path }).readSavepoint('job', 'a'), path, 'not a folder')
  })

  it('says what to do where the system allows no folder', async function () {
    if (process.platform !== 'linux') skip(this, 'only Linux has a /proc that allows no folder')
    await refuses(
      'StoreFailed',
      directoryStore({ path: '/proc/jetbeam' }).open('job'),
      '/proc/jetbeam',
      'Could not create the folder',
      'another directory',
    )
  })

  it('says what to do when it may not write there', async function () {
    const path = await folder()
    await chmod(path, 0o500)
    // Nothing is forbidden to root but what is mounted read-only.
    if (process.getuid?.() === 0) {
      const readOnly = await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', path]).then(
        () => true,
        () => false,
      )
      if (!readOnly) skip(this, 'root may write everywhere, and nothing can be mounted read-only here')
    } else if (process.platform === 'win32') skip(this, 'Windows has no such permissions')
    try {
      await refuses('StoreFailed', directoryStore({ path }).open('job'), path, 'keep checkpoints in another')
    } finally {
      if (process.getuid?.() === 0) await promisify(execFile)('umount', [path])
      await chmod(path, 0o700)
    }
  })

  it('tells the process it was opened by that its folder was removed', async () => {
    const path = await folder()
    const session = await directoryStore({ path }).open('job')
    await rm(path, { recursive: true })
    await refuses('LeaseLost', session.commit(0, [], null), 'is gone from', 'must stop')
    assert.isTrue(session.lost())
    await session.release()
  })

  it('knows a job by its folder, whatever path leads there', async () => {
    const path = await folder()
    await symlink(path, join(path, 'alias'))
    const session = await directoryStore({ path }).open('job')
    await refuses('LeaseHeld', directoryStore({ path: join(path, 'alias') }).open('job'))
    await session.release()
  })

  it('reads back a segment of many megabytes and odd pieces', async () => {
    const session = await directoryStore({ path: await folder() }).open('job')
    const pieces = [1, 1 << 20, 0, (1 << 20) - 1, 3_000_001, 7, 65_536].map((length, i) => new Uint8Array(length).fill(i + 1))
    const segment = await session.writeSegment(pieces)
    assert.isTrue(Buffer.concat(pieces).equals(await session.readSegment(segment)))
    assert.strictEqual(textOf(await session.readSegment(await session.writeSegment([bytesOf('é')]))), 'é')
    await session.release()
  })
})
