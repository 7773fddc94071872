// Takes the server out of its official image, where Docker runs. A server inside a container would have no pid that a test can kill, stop
// and continue, and its store would be elsewhere; the image holds one static file, and that runs on any Linux.
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import type * as Testcontainers from 'testcontainers'
import { keep } from './cache.ts'
import { run } from './command.ts'
import { inGuardedDirectory } from './guarded-directory.ts'
import { type Obtainer, errorText } from './obtainer.ts'
import { pinnedImage, pinnedVersion } from './release.ts'

const startLimitMs = 60_000
const pullLimitMs = 180_000
const unpackLimitMs = 30_000

/** With the `testcontainers` package, if it is installed; on Linux only. */
export const fromTestcontainer: Obtainer = {
  how: 'testcontainer',
  announcement: `nats-server ${pinnedVersion}: asking Docker for its image`,
  obtain: env =>
    inGuardedDirectory(async directory => {
      if (process.platform !== 'linux') throw new Error(`the image holds a server for Linux, and this is ${process.platform}`)
      const { GenericContainer, Wait } = await docker()
      const starting = new GenericContainer(pinnedImage)
        .withWaitStrategy(Wait.forLogMessage(/Server is ready/))
        .withStartupTimeout(startLimitMs)
        .start()
      const container = await Promise.race([starting, tooLate()])
      const file = join(directory.path, 'server.tar')
      try {
        await pipeline(await container.copyArchiveFromContainer('/nats-server'), createWriteStream(file))
      } finally {
        await container.stop()
      }
      await run(directory, ['tar', '-xf', file, '-C', directory.path], { limitMs: unpackLimitMs })
      return keep(env, join(directory.path, 'nats-server'))
    }),
}

// The start-up timeout does not count the time that it takes to pull an image.
const tooLate = async (): Promise<never> => {
  await setTimeout(pullLimitMs + startLimitMs, null, { ref: false })
  throw new Error(`no container within ${(pullLimitMs + startLimitMs) / 1000} s`)
}

/** The testcontainers package, once it has reached a Docker engine. Rejects with what is missing. */
export const docker = async (): Promise<typeof Testcontainers> => {
  const testcontainers = await import('testcontainers').catch((error: unknown) => {
    throw new Error('the testcontainers package is not installed', { cause: error })
  })
  await testcontainers.getContainerRuntimeClient().catch((error: unknown) => {
    throw new Error(`no Docker engine answers: ${errorText(error)}`, { cause: error })
  })
  return testcontainers
}
