// Builds the server from source with the Go that is installed: about a minute, once.
import { join } from 'node:path'
import { keep } from './cache.ts'
import { run } from './command.ts'
import { inGuardedDirectory } from './guarded-directory.ts'
import type { Obtainer } from './obtainer.ts'
import { wantedVersion } from './version.ts'

const askLimitMs = 20_000
const buildLimitMs = 600_000
const module = `github.com/nats-io/nats-server/v2@v${wantedVersion}`

/** Modules come from the proxy that Go is configured for, and are verified as Go verifies them. */
export const fromGoInstall: Obtainer = {
  how: 'go install',
  announcement: `nats-server ${wantedVersion}: building it with go install; about a minute, this once`,
  obtain: env =>
    inGuardedDirectory(async directory => {
      const flags = (await run(directory, ['go', 'env', 'GOFLAGS'], { limitMs: askLimitMs, env })).trim()
      const goEnv = {
        ...env,
        // Nothing is left in the user's own module and build caches.
        GOPATH: join(directory.path, 'go'),
        GOMODCACHE: join(directory.path, 'go', 'pkg', 'mod'),
        GOCACHE: join(directory.path, 'go', 'build'),
        GOBIN: join(directory.path, 'bin'),
        // Go makes its module cache read-only, which would keep us from removing it.
        GOFLAGS: `${flags} -modcacherw`.trim(),
        GOWORK: 'off',
        CGO_ENABLED: '0',
      }
      // Without a proxy that answers, the installation itself would wait far longer before it says so.
      await run(directory, ['go', 'list', '-m', module], { limitMs: askLimitMs, env: goEnv })
      await run(directory, ['go', 'install', '-trimpath', '-ldflags=-s -w', module], { limitMs: buildLimitMs, env: goEnv })
      return keep(env, join(directory.path, 'bin', 'nats-server'))
    }),
}
