// The archive that the project releases for this platform: 6 MB, a few seconds, where GitHub can be reached.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keep } from './cache.ts'
import { run } from './command.ts'
import { inGuardedDirectory } from './guarded-directory.ts'
import type { Obtainer } from './obtainer.ts'

/** The release whose checksums are pinned here. A newer one is taken from elsewhere only where its origin is verified otherwise. */
export const pinnedVersion = '2.15.0'

/** SHA-256 of each archive, as the release's own list (SHA256SUMS) has them. */
export const pinnedArchives: Readonly<Record<string, string>> = {
  'linux-amd64': '5d2c51caca950333aba84911df7d377f826f3a59ec36061c6539105084f65c92',
  'linux-arm64': 'cdc208f5a3f42963a52b6ab06ef65626bb870315dc936e26ba571780c6351112',
  'darwin-amd64': '5bd8b59ca5bf93fab3da2c5843cf564cd6e2e291e22ae3b861746e7ebe259b95',
  'darwin-arm64': 'e1c4e22d70bd44abfa0bcb3c16f7cf0c66f648c2e728c58924e8a1ce88913cc8',
}

/** The official image of the same release, for all its architectures. */
export const pinnedImage = 'nats@sha256:5065f90de16fbd25fa91f85e25bc3b5a3fa386c4b06668f1487ffa8ad75178a0'

// A machine without internet must learn so fast; one with a slow line may take its time.
const answerLimitMs = 4_000
const downloadLimitMs = 120_000
const unpackLimitMs = 30_000

/** `base`: what comes before `/v2.15.0/nats-server-…` in the address of a release's file; `sums`: of the archives that it gives. */
export const fromRelease = (base: string, sums = pinnedArchives): Obtainer => ({
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
