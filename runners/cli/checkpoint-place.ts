// What --checkpoints says: a directory, a stream of the NATS that the pipeline uses, or one of another.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
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

/** `where` left out is the default directory. A Left says what is wrong with it. */
export const checkpointPlace = (where: string | undefined, every: Duration | undefined): Either<string, CheckpointPlace> => {
  if (where === 'jetstream') return E.right({ checkpoints: Checkpoints.jetstream({ every }), provide: [] })
  const [, address, stream] = /^((?:nats|tls):\/\/[^/]*)(?:\/(.*))?$/.exec(where ?? '') ?? []
  if (address === undefined) return E.right({ checkpoints: Checkpoints.directory(where, { every }), provide: [] })
  const servers = serversIn(address)
  if (servers.some(server => /^(\w+:\/\/)?$/.test(server))) return E.left(`${String(where)} names no server. Write nats://host:4222/STREAM`)
  return E.tryCatch(
    () => ({
      checkpoints: Checkpoints.jetstream({ every, connection: ownConnection, stream: stream === '' ? undefined : stream }),
      provide: [connectionBinding(ownConnection, { servers })],
    }),
    error => `${String(where)}: ${error instanceof Error ? error.message : String(error)}. Write nats://host:4222/STREAM`,
  )
}
