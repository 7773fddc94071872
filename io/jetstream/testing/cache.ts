// Servers that were obtained once and are kept: `<cache>/nats-server/<version>/nats-server`, where the cache is `JETBEAM_CACHE`,
// `XDG_CACHE_HOME`/jetbeam or `~/.cache/jetbeam`.
import { randomUUID } from 'node:crypto'
import { chmod, copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Binary, type Environment, type Obtainer, errorText, examine } from './obtainer.ts'
import { compareVersions, versionIn } from './version.ts'

const cachedServers = (env: Environment): string =>
  join(env['JETBEAM_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'jetbeam'), 'nats-server')

/** The newest of the kept ones that runs. */
export const fromCache: Obtainer = {
  how: 'cache',
  obtain: async env => {
    const folder = cachedServers(env)
    const versions = (await readdir(folder).catch(() => [])).filter(name => versionIn(name) === name)
    if (versions.length === 0) throw new Error(`nothing kept in ${folder}`)
    const failures: Array<string> = []
    for (const version of versions.sort(compareVersions).reverse())
      try {
        return await examine(join(folder, version, 'nats-server'))
      } catch (error) {
        failures.push(errorText(error))
      }
    throw new Error(failures.join('; '))
  },
}

/** This version, if it was kept. */
export const fromCacheOf = (version: string): Obtainer => ({
  how: `cache of ${version}`,
  obtain: env => examine(join(cachedServers(env), version, 'nats-server')),
})

/** Copies a server into the cache, if it runs. Two processes may keep the same one at the same time: each sees a whole file or none. */
export const keep = async (env: Environment, obtained: string): Promise<Binary> => {
  const { version } = await examine(obtained)
  const folder = join(cachedServers(env), version)
  const binary = join(folder, 'nats-server')
  const unfinished = join(folder, `.${randomUUID()}`)
  await mkdir(folder, { recursive: true })
  try {
    await copyFile(obtained, unfinished)
    await chmod(unfinished, 0o755)
    await rename(unfinished, binary)
  } finally {
    await rm(unfinished, { force: true })
  }
  return { binary, version }
}
