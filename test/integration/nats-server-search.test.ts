// The search for a nats-server: what is taken, what is passed over, and what is said when there is none.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { access, appendFile, chmod, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { type Server, createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import { debianArchives } from '../../io/jetstream/testing/apt-sources.ts'
import { fromCache, keep } from '../../io/jetstream/testing/cache.ts'
import { fromDebian, fromOlderDebian } from '../../io/jetstream/testing/debian.ts'
import { fromGoInstall } from '../../io/jetstream/testing/go-install.ts'
import { NatsServer, NatsServerNotFound, type Obtainer } from '../../io/jetstream/testing/index.ts'
import { errorText } from '../../io/jetstream/testing/obtainer.ts'
import { fromPath } from '../../io/jetstream/testing/path.ts'
import { fromRelease, pinnedArchives, pinnedImage, pinnedVersion } from '../../io/jetstream/testing/release.ts'
import { docker, fromTestcontainer } from '../../io/jetstream/testing/testcontainer.ts'
import { compareVersions } from '../../io/jetstream/testing/version.ts'
import { skip } from '../support/skip.ts'

describe('The search for a nats-server', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-search-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const silent = (): void => undefined
  /** A program that says it is a nats-server of this version. */
  const program = async (version: string, name = `v${version}/nats-server`): Promise<string> => {
    const file = join(folder, name)
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, `#!/bin/sh\necho nats-server: v${version}\n`, { mode: 0o755 })
    return file
  }
  const giving = (version: string): Obtainer => ({
    how: `giver of ${version}`,
    obtain: async () => ({ binary: await program(version), version }),
  })
  const failing = (how: string, reason: string): Obtainer => ({ how, obtain: () => Promise.reject(new Error(reason)) })

  it('lists what was tried, why each failed, and what to do, when nothing works', async () => {
    const obtainers = [failing('moon', 'no rocket'), failing('sea', 'no ship')]
    const error = await refusal(NatsServer.locate({ obtainers, env: {}, report: silent }))
    assert.deepEqual(error.attempts, [
      { how: 'moon', reason: 'no rocket' },
      { how: 'sea', reason: 'no ship' },
    ])
    assert.match(
      error.message,
      /^No nats-server 2\.12\.0 or later was found[^]*- moon: no rocket\n {2}- sea: no ship\n[^]*JETBEAM_NATS_SERVER[^]*JETBEAM_NATS_URL/,
    )
  })

  it('stops at the first way that works, and remembers the others', async () => {
    const found = await NatsServer.locate({
      obtainers: [failing('moon', 'no rocket'), giving('2.14.0'), giving('2.15.0')],
      env: {},
      report: silent,
    })
    assert.equal(found.version, '2.14.0')
    assert.equal(found.how, 'giver of 2.14.0')
    assert.deepEqual(found.attempts, [{ how: 'moon', reason: 'no rocket' }])
  })

  it('passes over a server on the PATH that is too old, with the reason', async () => {
    const binary = await program('2.9.10')
    const found = await NatsServer.locate({
      obtainers: [fromPath, giving('2.12.0')],
      env: { PATH: `${join(folder, 'nothing')}:${join(binary, '..')}` },
      report: silent,
    })
    assert.equal(found.version, '2.12.0')
    assert.deepEqual(found.attempts, [{ how: 'PATH', reason: `${binary} is 2.9.10, older than 2.12.0` }])
  })

  it('goes on with the newest of the old ones when there is no other, and says so', async () => {
    const said: Array<string> = []
    const report = (line: string): void => void said.push(line)
    const found = await NatsServer.locate({
      obtainers: [giving('2.9.10'), giving('2.10.27'), failing('moon', 'no rocket')],
      env: {},
      report,
    })
    assert.equal(found.version, '2.10.27')
    assert.deepEqual(said, ['no nats-server 2.12.0 or later: going on with 2.10.27, with the features it has'])
  })

  it('refuses an old one when a version is asked for', async () => {
    const error = await refusal(
      NatsServer.locate({ minimumVersion: '2.12.1', obtainers: [giving('2.12.0'), giving('2.9.10')], env: {}, report: silent }),
    )
    assert.deepEqual(
      error.attempts.map(({ how }) => how),
      ['giver of 2.12.0', 'giver of 2.9.10'],
    )
    assert.match(error.message, /v2\.12\.0\/nats-server is 2\.12\.0, older than 2\.12\.1/)
  })

  it('says what it is doing before it does what takes long', async () => {
    const said: Array<string> = []
    await NatsServer.locate({
      obtainers: [{ ...giving('2.15.2'), announcement: 'building it' }],
      env: {},
      report: line => void said.push(line),
    })
    assert.deepEqual(said, ['building it', `nats-server 2.15.2 is now in ${join(folder, 'v2.15.2', 'nats-server')}`])
  })

  it('takes the one that JETBEAM_NATS_SERVER names, an old one too', async () => {
    const binary = await program('2.9.10')
    const found = await NatsServer.locate({ obtainers: [giving('2.15.2')], env: { JETBEAM_NATS_SERVER: binary } })
    assert.deepEqual(found, { binary, version: '2.9.10', how: 'JETBEAM_NATS_SERVER', attempts: [] })
  })

  it('takes no other one when the one that JETBEAM_NATS_SERVER names does not run', async () => {
    const env = { JETBEAM_NATS_SERVER: join(folder, 'nowhere') }
    assert.match(
      (await refusal(NatsServer.locate({ obtainers: [giving('2.15.2')], env }))).message,
      /JETBEAM_NATS_SERVER: .*nowhere does not run: .*ENOENT/,
    )
    const other = await program('none', 'other')
    assert.match(
      (await refusal(NatsServer.locate({ env: { JETBEAM_NATS_SERVER: other } }))).message,
      /other is not a nats-server: its --version says 'nats-server: vnone'/,
    )
  })

  it('refuses a minimum that is not a version before it tries anything', async () => {
    const error: unknown = await NatsServer.locate({ minimumVersion: 'new', obtainers: [giving('2.15.2')], env: {} }).catch(
      (reason: unknown) => reason,
    )
    assert.instanceOf(error, TypeError)
  })

  describe('in the cache', () => {
    const env = (): { readonly JETBEAM_CACHE: string } => ({ JETBEAM_CACHE: join(folder, 'cache') })

    it('finds the newest one that runs', async () => {
      for (const version of ['2.9.10', '2.12.3', '2.15.0', '2.14.9']) await keep(env(), await program(version))
      await writeFile(join(folder, 'cache', 'nats-server', '2.15.0', 'nats-server'), 'damaged')
      assert.deepEqual(await fromCache.obtain(env()), {
        version: '2.14.9',
        binary: join(folder, 'cache', 'nats-server', '2.14.9', 'nats-server'),
      })
    })

    it('is run only if it is what was kept, and nobody else can have written it', async () => {
      const { binary } = await keep(env(), await program('2.15.2'))
      const original = await readFile(binary)
      const record = join(binary, '..', 'nats-server.sha256')
      await appendFile(binary, '# another')
      assert.match(await reason(fromCache, env()), /has the SHA-256 [0-9a-f]{64}, and was kept with [0-9a-f]{64}/)
      await writeFile(binary, original)
      await fromCache.obtain(env())
      for (const path of [binary, record, join(binary, '..')]) {
        const { mode } = await stat(path)
        await chmod(path, mode | 0o020)
        assert.match(await reason(fromCache, env()), /can be written by others, and is not run/)
        await chmod(path, mode)
      }
      await rename(binary, join(folder, 'moved'))
      await symlink(join(folder, 'moved'), binary)
      assert.match(await reason(fromCache, env()), /is a symbolic link, and is not run/)
      await rm(binary)
      await rename(join(folder, 'moved'), binary)
      await rm(record)
      assert.match(await reason(fromCache, env()), /ENOENT.*nats-server\.sha256/)
    })

    it('finds none where none was kept', async () => {
      assert.match(await reason(fromCache, env()), /nothing kept in .*cache\/nats-server$/)
      assert.match(await reason(fromCache, { XDG_CACHE_HOME: folder }), /jetbeam\/nats-server$/)
    })

    it('is whole at any moment, however many keep it at once', async () => {
      const source = await program('2.15.2')
      const { binary } = await keep(env(), source)
      const contents = await Promise.all(Array.from({ length: 20 }, () => keep(env(), source).then(() => readFile(binary, 'utf8'))))
      assert.deepEqual([...new Set(contents)], [await readFile(source, 'utf8')])
      assert.deepEqual((await readdir(join(binary, '..'))).sort(), ['nats-server', 'nats-server.sha256'])
    })

    it('keeps nothing that does not run', async () => {
      const broken = join(folder, 'broken')
      await writeFile(broken, 'not a program', { mode: 0o755 })
      assert.match(await keep(env(), broken).then(() => 'kept', errorText), /broken (does not run|is not a nats-server)/)
    })
  })

  describe('among the releases', () => {
    let server: Server
    let base = ''
    const files = new Map<string, string | Buffer>()
    beforeEach(async () => {
      files.clear()
      server = createServer((request, response) => {
        const file = files.get(request.url ?? '')
        if (file === 'never') return
        response.statusCode = file === undefined ? 404 : 200
        response.end(file)
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = server.address()
      base = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : ''
    })
    afterEach(() => {
      server.closeAllConnections()
      server.close()
    })

    const name = `nats-server-v${pinnedVersion}-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
    const platform = name.slice(`nats-server-v${pinnedVersion}-`.length)
    const publish = async (): Promise<Readonly<Record<string, string>>> => {
      await program(pinnedVersion, `${name}/nats-server`)
      execFileSync('tar', ['-czf', join(folder, 'archive'), '-C', folder, name])
      const archive = await readFile(join(folder, 'archive'))
      files.set(`/v${pinnedVersion}/${name}.tar.gz`, archive)
      return { [platform]: createHash('sha256').update(archive).digest('hex') }
    }
    const env = (): Readonly<Record<string, string | undefined>> => ({ ...process.env, JETBEAM_CACHE: join(folder, 'cache') })

    it('takes the archive for this platform and keeps its server', async () => {
      const { binary, version } = await fromRelease(base, await publish()).obtain(env())
      assert.equal(version, pinnedVersion)
      assert.equal(binary, join(folder, 'cache', 'nats-server', pinnedVersion, 'nats-server'))
      await access(binary)
    })

    it('refuses an archive that is not the one whose checksum is in the source', async () => {
      await publish()
      assert.match(await reason(fromRelease(base), env()), /has the SHA-256 [0-9a-f]{64}, and [0-9a-f]{64} is expected/)
    })

    it('has a checksum for each platform that it offers archives for, and a digest for the image', () => {
      assert.sameMembers(Object.keys(pinnedArchives), ['linux-amd64', 'linux-arm64', 'darwin-amd64', 'darwin-arm64'])
      for (const sum of Object.values(pinnedArchives)) assert.match(sum, /^[0-9a-f]{64}$/)
      assert.match(pinnedImage, /^nats@sha256:[0-9a-f]{64}$/)
    })

    it('says what is missing', async () => {
      assert.match(await reason(fromRelease(base), env()), /could not download http.*tar\.gz: HTTP status 404/)
      assert.match(await reason(fromRelease(base, {}), env()), /no archive of .* is known for/)
    })

    it('gives up within seconds where nothing answers', async () => {
      files.set(`/v${pinnedVersion}/${name}.tar.gz`, 'never')
      assert.match(await reason(fromRelease(base), env()), /no answer within 4 s/)
      assert.match(await reason(fromRelease('http://127.0.0.1:1'), env()), /could not download/)
    })
  })

  it('knows Debian’s archives among the sources of apt, in both formats', async () => {
    await mkdir(join(folder, 'sources.list.d'))
    await writeFile(
      join(folder, 'sources.list'),
      [
        '# deb http://old.example/debian buster main',
        'deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.example/debian bookworm main contrib # ours',
        'deb http://mirror.example/debian bookworm-updates main',
        'deb-src http://mirror.example/debian bookworm main',
        'deb https://download.example/linux/debian bookworm stable',
        'deb https://packages.example/node nodistro main',
      ].join('\n'),
    )
    await writeFile(
      join(folder, 'sources.list.d', 'debian.sources'),
      [
        'Types: deb deb-src\n# a comment\nURIs: http://other.example/debian/\nSuites: trixie trixie-updates\nComponents: main',
        'Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n xyz\n',
        'Types: deb\nURIs: http://other.example/debian-security\nSuites: trixie-security\nComponents: main\n',
        'Enabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: sid\nComponents: main',
      ].join('\n'),
    )
    await writeFile(join(folder, 'sources.list.d', 'off.list.disabled'), 'deb http://off.example/debian sid main')
    assert.deepEqual(await debianArchives(folder), [
      { uri: 'http://mirror.example/debian', suites: ['bookworm'], signedBy: '/keys/debian.gpg' },
      { uri: 'http://other.example/debian/', suites: ['trixie'], signedBy: '-----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n xyz' },
    ])
  })

  it('orders versions by their numbers, and previews before their release', () => {
    const ordered = ['2.9.10', '2.12.0-RC.2', '2.12.0-RC.10', '2.12', '2.12.1', '2.100.0', '10.0.0']
    assert.deepEqual([...ordered].reverse().sort(compareVersions), ordered)
  })

  it('takes the server out of its image where Docker runs', async function () {
    this.timeout(300_000)
    const why = await docker().then(() => null, errorText)
    if (why !== null) skip(this, why)
    const { version } = await fromTestcontainer.obtain({ ...process.env, JETBEAM_CACHE: join(folder, 'cache') })
    assert.equal(version, pinnedVersion)
  })

  // They need a network, and one of them a minute.
  const really = process.env['JETBEAM_TEST_OBTAINERS'] === undefined ? it.skip : it
  for (const obtainer of [fromDebian, fromOlderDebian, fromGoInstall])
    really(`obtains one by ${obtainer.how}, where JETBEAM_TEST_OBTAINERS asks for it`, async function () {
      this.timeout(700_000)
      const { binary, version } = await obtainer.obtain({ ...process.env, JETBEAM_CACHE: join(folder, 'cache') })
      assert.isAbove(compareVersions(version, '2.9.0'), 0)
      await access(binary)
    })
})

const refusal = async (search: Promise<unknown>): Promise<NatsServerNotFound> => {
  const error: unknown = await search.catch((reason: unknown) => reason)
  if (error instanceof NatsServerNotFound) return error
  return assert.fail(`it did not say that there is none, but ${String(error)}`)
}

const reason = (obtainer: Obtainer, env: Readonly<Record<string, string | undefined>>): Promise<string> =>
  obtainer.obtain(env).then(() => assert.fail('it obtained one'), errorText)
