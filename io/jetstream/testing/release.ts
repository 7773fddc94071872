// The archive that the project releases for this platform: 6 MB, a few seconds, where GitHub can be reached.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keep } from './cache.ts'
import { run } from './command.ts'
import { inGuardedDirectory } from './guarded-directory.ts'
import type { Obtainer } from './obtainer.ts'
import { wantedVersion } from './version.ts'

// A machine without internet must learn so fast; one with a slow line may take its time.
const answerLimitMs = 4_000
const downloadLimitMs = 120_000
const unpackLimitMs = 30_000

/** `base`: what comes before `/v2.15.2/nats-server-…` in the address of a release's file. */
export const fromRelease = (base: string): Obtainer => ({
  how: 'release archive',
  announcement: `nats-server ${wantedVersion}: asking for the release archive`,
  obtain: env =>
    inGuardedDirectory(async directory => {
      const name = `nats-server-v${wantedVersion}-${platform()}`
      // The release's own list, fetched beside the archive: it tells a broken download. Who published both is what https vouches for.
      const sums = await download(`${base}/v${wantedVersion}/SHA256SUMS`)
      const expected = checksumOf(`${name}.tar.gz`, sums.toString())
      const archive = await download(`${base}/v${wantedVersion}/${name}.tar.gz`)
      const actual = createHash('sha256').update(archive).digest('hex')
      if (actual !== expected) throw new Error(`${name}.tar.gz has the SHA-256 ${actual}, and its release says ${expected}`)
      const file = join(directory.path, 'release.tar.gz')
      await writeFile(file, archive)
      await run(directory, ['tar', '-xzf', file, '-C', directory.path], { limitMs: unpackLimitMs })
      return keep(env, join(directory.path, name, 'nats-server'))
    }),
})

const platform = (): string => {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const known = (process.platform === 'linux' || process.platform === 'darwin') && (arch === 'amd64' || arch === 'arm64')
  if (!known) throw new Error(`no archive is known for ${process.platform} on ${process.arch}`)
  return `${process.platform}-${arch}`
}

const checksumOf = (file: string, sums: string): string => {
  for (const line of sums.split('\n')) {
    const [sum, name] = line.trim().split(/\s+\*?/)
    if (name === file && sum !== undefined) return sum.toLowerCase()
  }
  throw new Error(`the release's SHA256SUMS does not list ${file}`)
}

const download = async (url: string): Promise<Buffer> => {
  const controller = new AbortController()
  const abortAfter = (limitMs: number): NodeJS.Timeout =>
    setTimeout(() => controller.abort(new Error(`no answer within ${limitMs / 1000} s`)), limitMs)
  let limit = abortAfter(answerLimitMs)
  try {
    const response = await fetch(url, { signal: controller.signal })
    clearTimeout(limit)
    limit = abortAfter(downloadLimitMs)
    if (!response.ok) throw new Error(`HTTP status ${response.status}`)
    return Buffer.from(await response.arrayBuffer())
  } catch (error) {
    throw new Error(`could not download ${url}`, { cause: error })
  } finally {
    clearTimeout(limit)
  }
}
