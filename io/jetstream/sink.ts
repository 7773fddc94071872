// The sink: outputs named by message ids, published through the raw publisher, and looked up in the destination when a run goes on.
import type { CommitId, ConnectedSink, OutputBatch, Sink, SinkContext } from '../../sdk/graph/sink.ts'
import { type Link, acquire } from './connections.ts'
import { type Destination, filtersReadBack, requireNoLoop, requireWritable } from './destination-checks.ts'
import { JetStreamIOError } from './errors.ts'
import { StoredIds, idPrefix, outputId, shortHash } from './output-ids.ts'
import { persistently } from './patience.ts'
import { RawPublisher } from './raw-publisher.ts'
import { scanIds } from './recovery-scan.ts'
import { streamInfo } from './stream-info.ts'

export interface SinkOptions<A> {
  readonly stream: string
  readonly label: string
  readonly subject: string | null
  readonly delivery: 'exactlyOnce' | 'atLeastOnce'
  readonly connection: string | undefined
  readonly encode: (value: A, out: OutputBatch) => void
}

/** What checkpoint 0 holds of a destination, and, as it moves on, every later one. */
interface Stood {
  readonly _tag: 'messageIds'
  readonly created: string
  /** Nothing that is published from here on is stored at or before this sequence. */
  readonly lastSequence: number
}

const isStood = (value: unknown): value is Stood =>
  typeof value === 'object' &&
  value !== null &&
  '_tag' in value &&
  value._tag === 'messageIds' &&
  'created' in value &&
  'lastSequence' in value &&
  typeof value.lastSequence === 'number'

/** Sequences only grow, so the lowest is behind all that any of them published since. */
const earliest = (positions: ReadonlyArray<unknown>): unknown =>
  positions.filter(isStood).reduce<Stood | null>((first, it) => (first === null || it.lastSequence < first.lastSequence ? it : first), null)

export const sinkOf = <A>(o: SinkOptions<A>): Sink<A> =>
  Object.freeze({
    urn: 'jetbeam:io:jetstream:write:v1',
    label: o.label,
    identity: Object.freeze({ stream: o.stream, subject: o.subject, connection: o.connection ?? 'default' }),
    delivery: o.delivery,
    immediate: true,
    parallel: true,
    earliest,
    needsDurableCheckpoints: o.delivery === 'exactlyOnce',
    encode: o.encode,
    connect: (context: SinkContext) => connectSink(o, context),
  })

const connectSink = async <A>(o: SinkOptions<A>, context: SinkContext): Promise<ConnectedSink> => {
  const link = await acquire(context, o.connection, 'write')
  try {
    return await connected(o, context, link)
  } catch (error) {
    await link.release()
    throw error
  }
}

const connected = async <A>(o: SinkOptions<A>, context: SinkContext, link: Link): Promise<ConnectedSink> => {
  const { label, stream } = o
  const named = context.mode !== 'plain'
  const destination: Destination = { label, stream, subject: o.subject, connection: o.connection ?? 'default' }
  const info = await persistently({ what: label, signal: context.signal }, () => streamInfo(link, stream, label))
  requireWritable(info, destination, named)
  const readBack = filtersReadBack(context.sources, destination)
  requireNoLoop(readBack, destination, o.subject)
  const stood = whereItStood(context, label)
  if (stood !== null && stood.created !== info.created)
    throw new JetStreamIOError(
      'StreamRecreated',
      `${label}: the stream ${stream} was deleted and created again (at ${info.created}) since this run began, so what it published is not there to compare with. Start a new run.`,
    )
  const start: Stood = stood ?? { _tag: 'messageIds', created: info.created, lastSequence: info.state.last_seq }
  const prefix = idPrefix(context.runId, context.sinkId)
  const scan = async (): Promise<StoredIds> => {
    const ids = new StoredIds(prefix)
    await scanIds({ link, context, stream, label, created: start.created }, start.lastSequence + 1, id => ids.add(id))
    return ids
  }
  // What a checkpoint holds is looked for only where it is published again.
  const eager = context.mode === 'immediate' && stood !== null
  let stored = eager ? await scan() : new StoredIds(prefix)
  let scanned = eager
  let skipped = 0
  const publisher = new RawPublisher({
    link,
    context,
    stream,
    label,
    created: start.created,
    floor: Math.max(start.lastSequence, 0),
    withIds: named,
  })
  const groups = new Map<string, string>()
  const groupOf = (origin: string): string => {
    const group = groups.get(origin) ?? shortHash(origin)
    groups.set(origin, group)
    return group
  }

  const enqueue = (outputs: OutputBatch, group: string, byIndex: boolean): void => {
    if (readBack !== null) for (const subject of outputs.destinations) requireNoLoop(readBack, destination, subject)
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
    if (n > 0 && !byIndex) stored.passed(group, position(n - 1))
  }

  /** The outputs of later checkpoints have names of their own. */
  const endRecovery = (): void => {
    if (context.mode !== 'checkpointed' || !scanned) return
    stored = new StoredIds(prefix)
    scanned = false
  }

  // As long as a replay has not gone past all that the scan found, the next scan must find it as well.
  const reached = (): Stood => ({
    _tag: 'messageIds',
    created: start.created,
    lastSequence: stored.isEmpty ? publisher.lastSequence : start.lastSequence,
  })

  let flushedAt = Number.NaN
  // A sink that has nothing to say would keep its first position for ever, and a recovery would look through all that others wrote since.
  const catchUp = async (position: Stood): Promise<Stood> => {
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
    guarantee: guaranteeOf(o, context),
    publish: (origin, outputs) => enqueue(outputs, groupOf(origin), false),
    passed: origins => {
      if (stored.isEmpty) return
      for (const [origin, position] of origins) stored.passed(groupOf(origin), position)
    },
    congested: () => publisher.congested,
    onReady: callback => publisher.onReady(callback),
    failure: () => publisher.failure,
    flush: async () => {
      endRecovery()
      // As it stood when this was asked: what is published from then on is stored after it, however soon it is acknowledged.
      const position = reached()
      if (!publisher.isQuiet) await publisher.settled()
      else if (named && stored.isEmpty && position.lastSequence === flushedAt) return catchUp(position)
      flushedAt = position.lastSequence
      return position
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
    close: async () => {
      await publisher.close()
      await link.release()
    },
    metrics: () => ({ ...publisher.counts, skipped }),
  }
}

const commitName = (id: CommitId): string => `${id.shard}/${id.generation}/${id.epoch}`

/** Null for a new run. */
const whereItStood = (context: SinkContext, label: string): Stood | null => {
  const value = context.restored ?? context.protocol
  if (value === null || value === undefined) return null
  if (isStood(value)) return value
  throw new JetStreamIOError(
    'InvalidOptions',
    `${label}: the checkpoint was written with another protocol of this sink (${JSON.stringify(value)}). Start a new run.`,
  )
}

const guaranteeOf = <A>(o: SinkOptions<A>, context: SinkContext): string => {
  switch (context.mode) {
    case 'plain':
      return `${o.label}: at least once. Outputs have no ids; after a failure some may be stored again.`
    case 'immediate':
      return `${o.label}: exactly once by message ids, published as they come. An id names the source record; after a failure the stream is searched for ids before anything is published again.`
    case 'checkpointed':
      return `${o.label}: exactly once by message ids, published once their checkpoint is durable. After a failure the stream is searched for ids before anything is published again.`
  }
}
