// The search for a nats-server: tries one way after the other, cheapest first, and remembers why each failed.
import { fromCache } from './cache.ts'
import { fromDebian, fromOlderDebian } from './debian.ts'
import { fromGoInstall } from './go-install.ts'
import { type Binary, type Environment, type Obtainer, errorText, examine } from './obtainer.ts'
import { fromPath } from './path.ts'
import { fromRelease } from './release.ts'
import { fromTestcontainer } from './testcontainer.ts'
import { compareVersions, fullVersion, recentVersion, wantedVersion } from './version.ts'

/** A way of getting a server that was tried in vain: `how`, and the `reason`. */
export interface Attempt {
  readonly how: string
  readonly reason: string
}

/** A server's program, and how it was found. */
export interface LocatedServer extends Binary {
  /** The way that worked: `JETBEAM_NATS_SERVER`, `PATH`, `cache`, `go install`, … */
  readonly how: string
  /** What was tried before. */
  readonly attempts: ReadonlyArray<Attempt>
}

/** What `NatsServer.locate` looks for. */
export interface LocateOptions {
  /** Refuse anything older, such as `2.12.1`. Unless given, 2.12 or later is preferred and an older one taken if there is no other. */
  readonly minimumVersion?: string | undefined
  /** The ways to try, in order, instead of the usual ones. */
  readonly obtainers?: ReadonlyArray<Obtainer> | undefined
  /** Instead of `process.env`. */
  readonly env?: Environment | undefined
  /** Takes lines about what takes long. They go to the standard error unless given. */
  readonly report?: ((line: string) => void) | undefined
}

/**
 * No server could be found or obtained. `message` lists the `attempts` and what to do: to put one on the PATH, to set JETBEAM_NATS_SERVER or
 * JETBEAM_NATS_URL, or to let this machine fetch one.
 *
 * @example
 * const version = await NatsServer.locate().then(found => found.version, error => (error instanceof NatsServerNotFound ? null : Promise.reject(error)))
 */
export class NatsServerNotFound extends Error {
  readonly _tag = 'NatsServerNotFound'
  readonly attempts: ReadonlyArray<Attempt>

  constructor(minimumVersion: string | undefined, attempts: ReadonlyArray<Attempt>) {
    const tried = attempts.map(({ how, reason }) => `  - ${how}: ${reason}`)
    const what = minimumVersion === undefined ? 'nats-server' : `nats-server ${minimumVersion} or later`
    super([`No ${what} was found, and none could be obtained. Tried:`, ...tried, ...remedies].join('\n'))
    this.name = 'NatsServerNotFound'
    this.attempts = attempts
  }
}

const remedies = [
  'Any one of these helps:',
  '  - put a nats-server on the PATH: https://docs.nats.io/running-a-nats-service/introduction/installation',
  '  - set JETBEAM_NATS_SERVER to the path of one',
  '  - set JETBEAM_NATS_URL to the address of one that runs, such as nats://127.0.0.1:4222',
  `  - install Go 1.26 or later, or Docker, or let this machine reach github.com: version ${wantedVersion} is then fetched and kept`,
]

/** The usual ways, cheapest first. A package takes 4 seconds, a build with Go about 50. */
export const usualObtainers: ReadonlyArray<Obtainer> = [
  fromPath,
  fromCache,
  fromRelease('https://github.com/nats-io/nats-server/releases/download'),
  fromDebian,
  fromGoInstall,
  fromTestcontainer,
  fromOlderDebian,
]

/** See `NatsServer.locate`. */
export const locate = async (options: LocateOptions = {}): Promise<LocatedServer> => {
  const { env = process.env, obtainers = usualObtainers, report = toStandardError } = options
  const wanted = fullVersion(options.minimumVersion ?? recentVersion)
  const attempts: Array<Attempt> = []
  const older: Array<LocatedServer> = []
  const named = env['JETBEAM_NATS_SERVER']
  // What the user names is taken, or refused aloud: another one in its place would be a surprise.
  if (named) return locateNamed(named, options.minimumVersion)
  for (const { how, announcement, obtain } of obtainers) {
    if (announcement !== undefined) report(announcement)
    try {
      const found = await obtain(env)
      if (compareVersions(found.version, wanted) >= 0) {
        if (announcement !== undefined) report(`nats-server ${found.version} is now in ${found.binary}`)
        return { ...found, how, attempts }
      }
      older.push({ ...found, how, attempts })
      attempts.push({ how, reason: `${found.binary} is ${found.version}, older than ${wanted}` })
    } catch (error) {
      attempts.push({ how, reason: errorText(error) })
    }
  }
  const newest = older.sort((a, b) => compareVersions(b.version, a.version))[0]
  if (options.minimumVersion !== undefined || newest === undefined) throw new NatsServerNotFound(wanted, attempts)
  report(`no nats-server ${wanted} or later: going on with ${newest.version}, with the features it has`)
  return newest
}

const locateNamed = async (binary: string, minimumVersion: string | undefined): Promise<LocatedServer> => {
  const how = 'JETBEAM_NATS_SERVER'
  const found = await examine(binary).catch((error: unknown) => {
    throw new NatsServerNotFound(minimumVersion, [{ how, reason: errorText(error) }])
  })
  if (minimumVersion !== undefined && compareVersions(found.version, minimumVersion) < 0)
    throw new NatsServerNotFound(minimumVersion, [{ how, reason: `${binary} is ${found.version}` }])
  return { ...found, how, attempts: [] }
}

const toStandardError = (line: string): void => {
  process.stderr.write(`jetbeam: ${line}\n`)
}
