// Outputs named by message ids, published through the raw publisher, and looked up in the destination when a run goes on.
import type { CommitId, ConnectedSink, OutputBatch } from '../../sdk/graph/sink.ts'
import { Chain } from './chain.ts'
import { StreamHistory } from './history.ts'
import { StoredIds, idPrefix, outputId, shortHash } from './output-ids.ts'
import { persistently } from './patience.ts'
import type { Position } from './position.ts'
import { RawPublisher } from './raw-publisher.ts'
import { scanIds } from './recovery-scan.ts'
import { evidenceOf } from './stream-evidence.ts'
import { streamInfo } from './stream-info.ts'
import type { StreamPlace } from './stream-place.ts'

/** Hashes of origins that are remembered: more than a run mostly reads at a time. */
const mostGroups = 1_024

/** `way`: whether they leave in a chain, have ids alone, or nothing. */
export const messageIdSink = async (place: StreamPlace, way: 'messageIds' | 'chain' | 'unnamed'): Promise<ConnectedSink> => {
  const { link, context, stream, label, info, window } = place
  const named = way !== 'unnamed'
  const history = new StreamHistory({ link, stream, label }, context.log)
  const start: Position = place.stood ?? {
    _tag: way === 'chain' ? 'chain' : 'messageIds',
    created: info.created,
    lastSequence: info.state.last_seq,
  }
  if (start.newest !== undefined) history.received(start.newest.sequence, start.newest.at)
  if (place.stood !== null) await persistently({ what: label, signal: context.signal, link }, () => history.verify(info))
  const prefix = idPrefix(context.runId, context.sinkId)
  const scan = async (): Promise<StoredIds> => {
    const ids = new StoredIds(prefix)
    await scanIds({ link, context, stream, label, created: start.created, history }, start.lastSequence + 1, id => ids.add(id))
    return ids
  }
  // What a checkpoint holds is looked for only where it is published again.
  const eager = context.mode === 'immediate' && place.stood !== null
  let stored = eager ? await scan() : new StoredIds(prefix)
  let scanned = eager
  let skipped = 0
  // Whatever is there when the chain begins was looked through, or will be before anything is published.
  const end =
    way === 'chain'
      ? (
          await persistently({ what: label, signal: context.signal, link }, () =>
            evidenceOf(link, stream).settledLook(label, context.signal),
          )
        ).last
      : 0
  const publisher = new RawPublisher({
    link,
    context,
    stream,
    label,
    created: start.created,
    history,
    floor: Math.max(start.lastSequence, end),
    withIds: named,
    window,
    chain: way === 'chain' ? new Chain(label, end) : null,
  })
  const groups = new Map<string, string>()
  const groupOf = (origin: string): string => {
    const known = groups.get(origin)
    if (known !== undefined) return known
    const group = shortHash(origin)
    // Splits may appear and end for as long as a run lasts.
    if (groups.size >= mostGroups) groups.clear()
    groups.set(origin, group)
    return group
  }

  const enqueue = (outputs: OutputBatch, group: string, byIndex: boolean): void => {
    place.requireNoLoop(outputs.destinations)
    if (!named) return publisher.enqueue({ ...outputs, ids: null })
    const position = (i: number): number => (byIndex ? i : (outputs.positions[i] ?? 0))
    const ordinal = (i: number): number => (byIndex ? 0 : (outputs.ordinals[i] ?? 0))
    const n = outputs.destinations.length
    if (stored.isEmpty) {
      const ids = new Array<string>(n)
      for (let i = 0; i < n; i++) ids[i] = outputId(prefix, group, position(i), ordinal(i))
      return publisher.enqueue({ ...outputs, ids })
    }
    const missing = Array.from({ length: n }, (_, i) => i).filter(i => !stored.has(group, position(i), ordinal(i)))
    skipped += n - missing.length
    publisher.enqueue({
      destinations: missing.map(i => outputs.destinations[i] ?? ''),
      headers: missing.map(i => outputs.headers[i] ?? null),
      payloads: missing.map(i => outputs.payloads[i] ?? new Uint8Array(0)),
      ids: missing.map(i => outputId(prefix, group, position(i), ordinal(i))),
    })
  }

  /** The outputs of later checkpoints have names of their own. */
  const endRecovery = (): void => {
    if (context.mode !== 'checkpointed' || !scanned) return
    stored = new StoredIds(prefix)
    scanned = false
  }

  // As long as a replay has not gone past all that the scan found, the next scan must find it as well.
  const reached = (): Position => ({
    _tag: start._tag,
    created: start.created,
    lastSequence: stored.isEmpty ? publisher.lastSequence : start.lastSequence,
  })
  /** With the newest message that is acknowledged: the next start compares the stream with it. */
  const stamped = async (position: Position): Promise<Position> => {
    await history.look(publisher.lastSequence)
    const { newest } = history
    return newest === null ? position : { ...position, newest }
  }

  let flushedAt = Number.NaN
  // A sink that has nothing to say would keep its first position for ever, and a recovery would look through all that others wrote since.
  const catchUp = async (position: Position): Promise<Position> => {
    const before = publisher.sentCount
    // No answer changes nothing: the position that it had stays true.
    const { state, created } = await streamInfo(link, stream, label).catch(() => ({ state: { last_seq: 0 }, created: '' }))
    // Where something was sent meanwhile, the stream's end may lie behind it; where the stream is another one, the next start says so.
    if (created === start.created && publisher.isQuiet && publisher.sentCount === before) publisher.standsAt(state.last_seq)
    else return position
    flushedAt = publisher.lastSequence
    return reached()
  }

  return {
    protocol: start,
    guarantee: guaranteeOf(place, way),
    way,
    publish: (origin, outputs) => enqueue(outputs, groupOf(origin), false),
    passed: origins => {
      if (stored.isEmpty) return
      for (const [origin, position] of origins) stored.passed(groupOf(origin), position)
    },
    recalls: () => !stored.isEmpty,
    congested: () => publisher.congested,
    onReady: callback => publisher.onReady(callback),
    failure: () => publisher.failure,
    flush: async () => {
      endRecovery()
      // As it stood when this was asked: what is published from then on is stored after it, however soon it is acknowledged.
      const position = reached()
      if (!publisher.isQuiet) await publisher.settled()
      else if (way === 'messageIds' && stored.isEmpty && position.lastSequence === flushedAt) return stamped(await catchUp(position))
      flushedAt = position.lastSequence
      return stamped(position)
    },
    commit: async (id, outputs, recovering) => {
      if (!recovering) endRecovery()
      const group = shortHash(commitName(id))
      if (recovering && named && !scanned) {
        stored = await scan()
        scanned = true
      }
      enqueue(outputs, group, true)
      await publisher.settled()
      stored.forget(group)
    },
    close: () => publisher.close(),
    metrics: () => ({ ...publisher.counts, inFlight: publisher.inFlight, skipped }),
    latency: () => publisher.latency.told(),
  }
}

const commitName = (id: CommitId): string => `${id.shard}/${id.generation}/${id.epoch}`

const guaranteeOf = ({ label, context, because }: StreamPlace, way: 'messageIds' | 'chain' | 'unnamed'): string => {
  if (way === 'unnamed') return `${label}: at least once. Outputs have no ids; after a failure some may be stored again.`
  const how = way === 'chain' ? 'by a chain of expected sequences' : 'by message ids'
  const when =
    context.mode === 'immediate'
      ? 'published as they come. An id names the source record; after'
      : `published once their checkpoint is durable${because}. After`
  const alone = way === 'chain' ? ' Whoever else writes to the stream ends the run, and is refused.' : ''
  return `${label}: exactly once ${how}, ${when} a failure the stream is searched for ids before anything is published again.${alone}`
}
