// The room's front door: get a nats-server, start it.
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Configuration, configurationText } from './configuration.ts'
import { guardedDirectory } from './guarded-directory.ts'
import { type LocateOptions, type LocatedServer, locate } from './locate.ts'
import { type RunningServer, foreignServer, runServer } from './running-server.ts'
import { serverInfo } from './server-info.ts'
import { compareVersions } from './version.ts'

/** How `NatsServer.start` starts a server. */
export interface StartOptions {
  /** More lines for the server's configuration. Address, port and store directory are decided here. */
  readonly config?: Configuration | undefined
  /** A port of 127.0.0.1; a free one unless given. */
  readonly port?: number | undefined
  /** A directory that is used as it is and kept; a temporary one, removed in the end, unless given. */
  readonly storeDir?: string | undefined
  /** true unless given. */
  readonly jetstream?: boolean | undefined
  /** Refuse anything older, such as `2.12.1`. Unless given, 2.12 or later is preferred and an older one taken if there is no other. */
  readonly minimumVersion?: string | undefined
  /** The test pauses, kills or restarts it: start one even where `JETBEAM_NATS_URL` names one. */
  readonly control?: boolean | undefined
  /** The path of a server's program, instead of a search. */
  readonly binary?: string | undefined
  /** How long it may take to become ready, in milliseconds: 20,000 unless given. A large store takes a while. */
  readonly readyLimitMs?: number | undefined
}

const defaultReadyLimitMs = 20_000

/** Real NATS servers for tests. */
export const NatsServer = {
  /**
   * Starts a nats-server with JetStream on a free port of 127.0.0.1, with a temporary store, and waits until it is ready. It ends, and its
   * store goes, with `stop()` or with this process, however that ends. `JETBEAM_NATS_URL` names a running server to use instead, unless the
   * options ask for what only a server of one's own can give: `config`, `port`, `storeDir`, `binary`, `control` or no JetStream.
   *
   * Rejects with NatsServerNotFound (it lists what was tried) or NatsServerFailed (with the end of the server's log).
   *
   * @example
   * const server = await NatsServer.start()
   * const connection = await connect({ servers: server.url })
   * await connection.close()
   * await server.stop()
   */
  start: async (options: StartOptions = {}): Promise<RunningServer> => {
    const url = process.env['JETBEAM_NATS_URL']
    if (url && !needsItsOwn(options)) return useForeign(url, options)
    const binary = options.binary ?? (await locateOnce(options.minimumVersion)).binary
    const directory = await guardedDirectory()
    const configurationFile = options.config === undefined ? null : join(directory.path, 'nats-server.conf')
    if (options.config !== undefined && configurationFile !== null) await writeFile(configurationFile, configurationText(options.config))
    const plan = {
      binary,
      directory,
      storeDir: resolve(options.storeDir ?? join(directory.path, 'store')),
      jetstream: options.jetstream ?? true,
      configurationFile,
      readyLimitMs: options.readyLimitMs ?? defaultReadyLimitMs,
    }
    return runServer(plan, options.port ?? null)
  },

  /**
   * Finds a nats-server's program, and obtains one if there is none: `JETBEAM_NATS_SERVER` (a path), the PATH, the cache, the release
   * archive, Debian's package, `go install`, Docker's image. What is obtained is kept in the cache: `JETBEAM_CACHE`,
   * `XDG_CACHE_HOME`/jetbeam or `~/.cache/jetbeam`.
   *
   * Rejects with NatsServerNotFound, which lists what was tried and what to do.
   *
   * @example
   * const { binary, version, how } = await NatsServer.locate({ minimumVersion: '2.12.1' })
   */
  locate: (options?: LocateOptions): Promise<LocatedServer> => locate(options),
} as const

const needsItsOwn = ({ config, port, storeDir, jetstream, control, binary }: StartOptions): boolean =>
  control === true || jetstream === false || [config, port, storeDir, binary].some(each => each !== undefined)

const useForeign = async (url: string, { minimumVersion }: StartOptions): Promise<RunningServer> => {
  const { host, port } = addressIn(url)
  const { version, jetstream } = await serverInfo(host, port).catch((error: unknown) => {
    throw new Error(`JETBEAM_NATS_URL is ${url}: no NATS server can be reached there`, { cause: error })
  })
  if (!jetstream) throw new Error(`JETBEAM_NATS_URL is ${url}: that server has no JetStream. Start it with --jetstream`)
  if (minimumVersion !== undefined && compareVersions(version, minimumVersion) < 0)
    throw new Error(`JETBEAM_NATS_URL is ${url}: that server is ${version}, and ${minimumVersion} or later is needed`)
  return foreignServer(url, port, version)
}

/** Of the first server, where there are several: `nats://a:4222,nats://b:4222`. */
const addressIn = (url: string): { readonly host: string; readonly port: number } => {
  const [first = ''] = url.split(',')
  const { hostname, port } = new URL(first.includes('://') ? first : `nats://${first}`)
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? defaultPort : Number(port) }
}

const defaultPort = 4222

// A search that failed may have taken a minute; the next test file would only repeat it.
const searches = new Map<string, Promise<LocatedServer>>()

const locateOnce = (minimumVersion: string | undefined): Promise<LocatedServer> => {
  const { JETBEAM_NATS_SERVER, JETBEAM_CACHE, XDG_CACHE_HOME, PATH } = process.env
  const key = JSON.stringify([minimumVersion, JETBEAM_NATS_SERVER, JETBEAM_CACHE, XDG_CACHE_HOME, PATH])
  const search = searches.get(key) ?? locate({ minimumVersion })
  searches.set(key, search)
  return search
}
