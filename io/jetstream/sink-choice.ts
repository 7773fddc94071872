// Which way outputs take into a stream: what is asked for, or the best of what the server, the stream and the pipeline offer. What cannot be
// is refused with the reason and what to do.
import type { StreamInfo } from '@nats-io/jetstream'
import type { PublishMode } from '../../sdk/graph/sink.ts'
import type { Delivery } from './delivery.ts'
import { type Destination, requireRemembering } from './destination-checks.ts'
import { JetStreamIOError } from './errors.ts'
import type { Way } from './position.ts'
import { atLeast } from './sparse-filter.ts'

export interface Offer {
  readonly asked: Delivery['_tag']
  /** What the checkpoint was written with; null: there is none. */
  readonly stored: Way | null
  readonly mode: PublishMode
  readonly serverVersion: string
  readonly info: StreamInfo
  /** A subject of the stream that has room for markers; null: there is none. */
  readonly room: string | null
  readonly writers: number
}

export interface Choice {
  readonly way: Way
  /** Completes a sentence: `exactly once by message ids, because …`; null: there was no choice. */
  readonly because: string | null
}

const shortestAgeMs = 60_000
const fewestMessages = 10_000

/** Why there can be no atomic batches with a marker, and what to do; null: there can. */
const refusalOfBatches = ({ mode, serverVersion, info, room }: Offer): readonly [reason: string, remedy: string] | null => {
  const { config } = info
  if (mode !== 'checkpointed') return ['outputs leave at once, one by one', 'Delivery.atomicBatch lets them wait for their checkpoint']
  if (!atLeast(serverVersion, 2, 12, 1)) return [`the server is ${serverVersion}, and atomic batches need 2.12.1`, 'Update it']
  if (config.allow_atomic !== true) return [`the stream ${config.name} does not take atomic batches`, 'Set its allow_atomic']
  if (config.retention !== 'limits')
    return [
      `the stream ${config.name} has ${config.retention} retention, so its consumers would take the marker away`,
      'Use limits retention',
    ]
  if (config.subject_transform !== undefined)
    return [`the stream ${config.name} transforms subjects, so its marker would lie elsewhere`, 'Take subject_transform away']
  if (config.discard_new_per_subject === true)
    return [
      `the stream ${config.name} discards new messages of a subject (discard_new_per_subject), so its marker could not move`,
      'Turn it off',
    ]
  if (config.max_age > 0 && config.max_age / 1_000_000 < shortestAgeMs)
    return [
      `the stream ${config.name} has max_age ${config.max_age / 1_000_000} ms, and its marker must outlast every stop`,
      'Raise it to a minute at least',
    ]
  if (config.max_msgs > 0 && config.max_msgs < fewestMessages)
    return [
      `the stream ${config.name} has max_msgs ${config.max_msgs}, and its marker must outlast every stop`,
      `Raise it to ${fewestMessages} or more`,
    ]
  if (room === null)
    return [`no subject of the stream ${config.name} has room for a marker`, `Add one with a wildcard, such as _jetbeam.${config.name}.>`]
  return null
}

/** By what a server itself stores messages in a stream. */
const serversMessages = ({ config }: StreamInfo): ReadonlyArray<readonly [writes: boolean, why: string]> => [
  [
    (config.subject_delete_marker_ttl ?? 0) > 0,
    `the server stores delete markers in the stream ${config.name} (subject_delete_marker_ttl)`,
  ],
  [config.allow_msg_schedules === true, `the server stores scheduled messages in the stream ${config.name} (allow_msg_schedules)`],
  [(config.sources ?? []).length > 0, `the stream ${config.name} takes messages over from its sources`],
]

/** Throws UnsafeDestination for what cannot be, and InvalidOptions where the checkpoint was written in another way. */
export const choose = (offer: Offer, d: Destination): Choice => {
  const { asked, stored, info, mode, writers } = offer
  if (mode === 'plain') return { way: 'unnamed', because: null }
  if (asked === 'atMostOnce') return { way: 'atMostOnce', because: null }
  const held = stored === null || stored === 'unnamed' || stored === 'atMostOnce' ? null : stored
  if (held !== null && asked !== 'exactlyOnce' && asked !== held)
    throw new JetStreamIOError(
      'InvalidOptions',
      `${d.label}: this run was begun with delivery: Delivery.${held}, and Delivery.${asked} finds no trace of what was published so. Leave it as it was, or take a savepoint and begin a new run there.`,
    )
  const wanted = asked === 'exactlyOnce' || asked === 'atLeastOnce' ? held : asked
  const refusal = refusalOfBatches(offer)
  const refuse = (way: string, [reason, remedy]: readonly [string, string]): never => {
    throw new JetStreamIOError(
      'UnsafeDestination',
      `${d.label}: ${way} is not possible: ${reason}. ${remedy}, or write with delivery: Delivery.exactlyOnce, which takes what is possible${held === null ? '' : ' in a new run'}.`,
    )
  }
  switch (wanted) {
    case 'atomicBatch':
      if (refusal !== null) return refuse('delivery by atomic batches', refusal)
      return { way: 'atomicBatch', because: held === null ? 'it was asked for' : 'this run was begun so' }
    case 'chain':
      if (writers > 1)
        return refuse('delivery by a chain', [`${writers} threads would write to the stream ${d.stream} at once`, 'Run it with one worker'])
      for (const [writes, why] of serversMessages(info))
        if (writes) return refuse('delivery by a chain', [`${why}, so the chain would break`, 'Turn that off'])
      requireRemembering(info, d, false)
      return { way: 'chain', because: held === null ? 'it was asked for' : 'this run was begun so' }
    case 'messageIds':
      requireRemembering(info, d, true)
      return { way: 'messageIds', because: held === null ? 'it was asked for' : 'this run was begun so' }
    case null:
      if (refusal === null)
        return { way: 'atomicBatch', because: `the stream takes atomic batches and the server is ${offer.serverVersion}` }
      requireRemembering(info, d, true)
      return { way: 'messageIds', because: `atomic batches are not possible: ${refusal[0]}` }
  }
}
