// Servers that were obtained once and are kept: `<cache>/nats-server/<version>/nats-server`, where the cache is `JETBEAM_CACHE`,
// `XDG_CACHE_HOME`/jetbeam or `~/.cache/jetbeam`.
import { createHash, randomUUID } from 'node:crypto'
import { chmod, copyFile, lstat, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
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
        return await examineKept(join(folder, version))
      } catch (error) {
        failures.push(errorText(error))
      }
    throw new Error(failures.join('; '))
  },
}

/** This version, if it was kept. */
export const fromCacheOf = (version: string): Obtainer => ({
  how: `cache of ${version}`,
  obtain: env => examineKept(join(cachedServers(env), version)),
})

const recordName = 'nats-server.sha256'

const sha256Of = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex')

/** Runs a kept server only if its hash is unchanged and no other user could have written it. */
const examineKept = async (folder: string): Promise<Binary> => {
  const binary = join(folder, 'nats-server')
  const record = join(folder, recordName)
  for (const path of [folder, binary, record]) await requireOwn(path)
  const expected = (await readFile(record, 'utf8')).trim()
  const actual = await sha256Of(binary)
  if (actual !== expected) throw new Error(`${binary} has the SHA-256 ${actual}, and was kept with ${expected}: remove ${folder}`)
  return examine(binary)
}

const requireOwn = async (path: string): Promise<void> => {
  const found = await lstat(path)
  if (found.isSymbolicLink()) throw new Error(`${path} is a symbolic link, and is not run`)
  // Windows has neither.
  const user = process.getuid?.()
  if (user !== undefined && found.uid !== user) throw new Error(`${path} belongs to another user, and is not run`)
  if (process.platform !== 'win32' && (found.mode & 0o022) !== 0) throw new Error(`${path} can be written by others, and is not run`)
}

/** Copies a server into the cache, if it runs. Two processes may keep the same one at the same time: each sees a whole file or none. */
export const keep = async (env: Environment, obtained: string): Promise<Binary> => {
  const { version } = await examine(obtained)
  const folder = join(cachedServers(env), version)
  const binary = join(folder, 'nats-server')
  const unfinished = join(folder, `.${randomUUID()}`)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  try {
    await copyFile(obtained, unfinished)
    await chmod(unfinished, 0o700)
    const record = `${unfinished}.sha256`
    await writeFile(record, `${await sha256Of(unfinished)}\n`, { mode: 0o600 })
    await rename(unfinished, binary)
    await rename(record, join(folder, recordName))
  } finally {
    await rm(unfinished, { force: true })
  }
  return { binary, version }
}
