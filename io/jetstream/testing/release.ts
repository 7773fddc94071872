// The archive that the project releases for this platform: 6 MB, a few seconds, where GitHub can be reached.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keep } from './cache.ts'
import { run } from './command.ts'
import { inGuardedDirectory } from './guarded-directory.ts'
import type { Obtainer } from './obtainer.ts'

/** The release whose archives are known here: of another one, only its own list would vouch. */
export const pinnedVersion = '2.14.5'

/** SHA-256 of each archive, as the official image of the same release pins them. */
const pinned: Readonly<Record<string, string>> = {
  'linux-amd64': '5e3b603d47c447bda1f77f9ac16dbf91c90aac4ff3681f8fbbc7201e4ed99355',
  'linux-arm64': '673a98d3faa79dde3f9ebf16d6dfac36a5f694e7ad2015e4954dd7939c85cd4c',
}

// A machine without internet must learn so fast; one with a slow line may take its time.
const answerLimitMs = 4_000
const downloadLimitMs = 120_000
const unpackLimitMs = 30_000

/** `base`: what comes before `/v2.14.5/nats-server-…` in the address of a release's file; `sums`: of the archives that it gives. */
export const fromRelease = (base: string, sums = pinned): Obtainer => ({
  how: 'release archive',
  announcement: `nats-server ${pinnedVersion}: asking for the release archive`,
  obtain: env =>
    inGuardedDirectory(async directory => {
      const name = `nats-server-v${pinnedVersion}-${platform()}`
      const expected = sums[platform()]
      if (expected === undefined) throw new Error(`no archive of ${pinnedVersion} is known for ${platform()}`)
      const archive = await download(`${base}/v${pinnedVersion}/${name}.tar.gz`)
      const actual = createHash('sha256').update(archive).digest('hex')
      if (actual !== expected) throw new Error(`${name}.tar.gz has the SHA-256 ${actual}, and ${expected} is expected`)
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
