// Debian's package of the server, unpacked and not installed: 4 seconds, where the machine has apt. The suites that have a recent one are
// newer than what people run, so apt is given other sources, and a state of its own: the system's lists, cache and packages stay as they are.
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Archive, debianArchives } from './apt-sources.ts'
import { keep } from './cache.ts'
import { run } from './command.ts'
import { inGuardedDirectory } from './guarded-directory.ts'
import type { Obtainer } from './obtainer.ts'

const listsLimitMs = 60_000
const packageLimitMs = 60_000
const unpackLimitMs = 30_000
const answerSeconds = 5

/** From a suite whose server is recent. */
export const fromDebian: Obtainer = {
  how: 'Debian package',
  announcement: "nats-server: unpacking the package of Debian's sid",
  obtain: env => obtainFrom(env, () => ['sid']),
}

/** From one suite alone: `bookworm` has the oldest server that is supported. */
export const fromDebianSuite = (suite: string): Obtainer => ({
  how: `Debian package of ${suite}`,
  announcement: `nats-server: unpacking the package of Debian's ${suite}`,
  obtain: env => obtainFrom(env, () => [suite]),
})

/** From the newest release of Debian and the one that runs here: an old server, for when there is no other. */
export const fromOlderDebian: Obtainer = {
  how: 'older Debian package',
  announcement: 'nats-server: unpacking an older package of Debian',
  obtain: env => obtainFrom(env, archive => [...new Set(['trixie', ...archive.suites])]),
}

const obtainFrom = (
  env: Parameters<Obtainer['obtain']>[0],
  suitesOf: (archive: Archive) => ReadonlyArray<string>,
): ReturnType<Obtainer['obtain']> =>
  inGuardedDirectory(async directory => {
    if (process.platform !== 'linux') throw new Error(`${process.platform} has no Debian packages`)
    const [archive] = await debianArchives()
    if (archive === undefined) throw new Error('no archive of Debian among the sources of apt')
    const inside = (name: string): string => join(directory.path, name)
    const architecture = await run(directory, ['dpkg', '--print-architecture'], { limitMs: unpackLimitMs, env })
    for (const name of ['sources.d', 'none', 'state/lists/partial', 'cache/archives/partial', 'log', 'unpacked'])
      await mkdir(inside(name), { recursive: true })
    await writeFile(inside('state/status'), '')
    await writeFile(inside('sources.d/jetbeam.sources'), sources(archive, suitesOf(archive), architecture.trim()))
    await writeFile(inside('apt.conf'), configuration(directory.path))
    await run(directory, ['apt-get', '-qq', '-c', inside('apt.conf'), 'update'], { limitMs: listsLimitMs, env })
    await run(directory, ['apt-get', '-qq', '-c', inside('apt.conf'), 'download', 'nats-server'], { limitMs: packageLimitMs, env })
    const file = (await readdir(directory.path)).find(name => name.endsWith('.deb'))
    if (file === undefined) throw new Error('apt-get downloaded nothing')
    await run(directory, ['dpkg', '-x', inside(file), inside('unpacked')], { limitMs: unpackLimitMs, env })
    return keep(env, inside('unpacked/usr/sbin/nats-server'))
  })

const sources = ({ uri, signedBy }: Archive, suites: ReadonlyArray<string>, architecture: string): string =>
  [
    'Types: deb',
    `URIs: ${uri}`,
    `Suites: ${suites.join(' ')}`,
    'Components: main',
    `Architectures: ${architecture}`,
    // A key that stands in the file itself has several lines, the later ones indented.
    ...(signedBy === null ? [] : [`Signed-By: ${signedBy}`.replaceAll(/\n\s*/g, '\n ').replace(/^Signed-By: (?=-)/, 'Signed-By:\n ')]),
    '',
  ].join('\n')

// Read after the machine's own configuration, so that its proxies and credentials hold. Its hooks must not: they act on the system.
const configuration = (path: string): string => `
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State "${path}/state";
Dir::State::lists "${path}/state/lists";
Dir::State::status "${path}/state/status";
Dir::Cache "${path}/cache";
Dir::Cache::archives "${path}/cache/archives";
Dir::Log "${path}/log";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "${path}/sources.d";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "${path}/none";
APT::Default-Release "";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Retries "0";
Acquire::http::Timeout "${answerSeconds}";
Acquire::https::Timeout "${answerSeconds}";
`
