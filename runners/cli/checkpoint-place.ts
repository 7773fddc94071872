// What --checkpoints says: a directory, a stream of the NATS that the pipeline uses, or one of another. Its value may hold a login: no message
// shows it as it is.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { shownServers } from '../../io/nats/address.ts'
import { connectionBinding, serversIn } from '../../io/nats/settings.ts'
import type { Binding } from '../../sdk/model/bindings.ts'
import { Checkpoints } from '../../sdk/model/run.ts'
import type { Duration } from '../../sdk/model/time.ts'

export interface CheckpointPlace {
  readonly checkpoints: Checkpoints
  /** Of the connection, where it is one of their own. */
  readonly provide: ReadonlyArray<Binding>
}

const ownConnection = 'checkpoints'

const usage = "Write nats://HOST:4222/STREAM, 'jetstream', or a directory"

/** `where` left out is the default place. A Left says what is wrong with it. */
export const checkpointPlace = (where: string | undefined, every: Duration | undefined): Either<string, CheckpointPlace> => {
  if (where === undefined) return E.right({ checkpoints: Checkpoints.auto({ every }), provide: [] })
  if (where === 'jetstream') return E.right({ checkpoints: Checkpoints.jetstream({ every }), provide: [] })
  const [, scheme] = /^\s*([a-z][a-z0-9+.-]*):\/\//i.exec(where) ?? []
  if (scheme === undefined) return directoryAt(where, every)
  if (!/^(?:nats|tls)$/i.test(scheme)) return E.left(`an address that begins with ${scheme}:// cannot keep checkpoints. ${usage}`)
  const { address, stream } = partsOf(where.trim())
  const servers = serversIn(address)
  const shown = shownServers(servers)
  if (servers.some(server => /^(?:[a-z]+:\/\/)?$/i.test(server))) return E.left(`an address names no server. ${usage}`)
  return E.tryCatch(
    () => ({
      checkpoints: Checkpoints.jetstream({ every, connection: ownConnection, stream: stream === '' ? undefined : stream }),
      provide: [connectionBinding(ownConnection, { servers })],
    }),
    () => `${shown}: what stands behind the address cannot name a stream: a name has no spaces, dots, slashes or wildcards. ${usage}`,
  )
}

/** The last @ ends the logins, whatever they hold; the first slash behind it begins the stream's name. */
const partsOf = (where: string): { readonly address: string; readonly stream: string } => {
  const slash = where.indexOf('/', Math.max(where.lastIndexOf('://') + 3, where.lastIndexOf('@')))
  return slash < 0 ? { address: where, stream: '' } : { address: where.slice(0, slash), stream: where.slice(slash + 1) }
}

const directoryAt = (path: string, every: Duration | undefined): Either<string, CheckpointPlace> =>
  E.tryCatch(
    () => ({ checkpoints: Checkpoints.directory(path, { every }), provide: [] }),
    error => `${error instanceof Error ? error.message : String(error)}. ${usage}`,
  )
