// The way back to a savepoint: what refuses it, the run that begins there, and what the run that ends has left behind.
//
// The new run has an id of its own, so that what it publishes is never taken for what the old one has published already. All of it becomes
// true with one manifest: until that is there, the old run's newest checkpoint is what a start goes on from.
import type { Pipeline } from '../../sdk/graph/pipeline.ts'
import type { ConnectedSink } from '../../sdk/graph/sink.ts'
import type { RolledBack } from '../../sdk/model/job-event.ts'
import type { ConnectedSource } from '../../sdk/splittable/source.ts'
import { errorText } from '../../sdk/model/error-text.ts'
import { CheckpointError, type CheckpointSession, type CheckpointStore } from '../checkpoint/store.ts'
import { stageOf } from '../engine/task-name.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import { checkedContent, readContent } from './content-check.ts'
import { io } from './errors.ts'

/** What a savepoint holds, once it is known that this pipeline can go back to it. */
interface Found {
  readonly savepoint: CheckpointContent
  readonly segments: ReadonlyArray<Uint8Array>
}

/** Rejects where there is no way back; changes nothing. `newest`: the content of the job's newest checkpoint; null: it has none. */
export const findSavepoint = async (
  store: CheckpointStore,
  job: string,
  name: string,
  pipeline: Pipeline,
  newest: unknown,
): Promise<Found> => {
  const { content, segments } = await store.readSavepoint(job, name)
  const of = JSON.stringify(job)
  const savepoint = checkedContent(content, `the savepoint ${JSON.stringify(name)} of ${of}`, pipeline)
  const gone = [...pipeline.graph.nodes.values()].find(
    ({ id, node: { transform } }) =>
      transform._tag === 'Read' &&
      !transform.source.replayable &&
      newest !== null &&
      readBetween(id, savepoint, readContent(newest, `the newest checkpoint of ${of}`)),
  )
  if (gone !== undefined)
    throw rollbackRefused(
      name,
      `${gone.id} has been read beyond it, and cannot be read again by position: what a checkpoint holds is gone from there. ` +
        'Go on from the newest checkpoint (leave the savepoint out), or start under another job name with what the source has now',
    )
  return { savepoint, segments }
}

/** Rejects where a source has no longer what follows the savepoint: each split is opened there, and nothing is read. */
export const requireReadable = async (
  name: string,
  { tasks }: CheckpointContent,
  sources: ReadonlyMap<string, ConnectedSource<unknown>>,
): Promise<void> => {
  for (const [task, { record }] of Object.entries(tasks)) {
    const source = sources.get(stageOf(task))
    for (const { split, progress, done } of record.splits) {
      if (done || source === undefined || source.scriptedMs !== undefined) continue
      try {
        await (await source.open(split, progress)).close()
      } catch (cause) {
        const why = errorText(cause)
        throw rollbackRefused(name, `${stageOf(task)} cannot be read from there: ${why}`, cause)
      }
    }
  }
}

export const rollbackRefused = (name: string, why: string, cause?: unknown): CheckpointError =>
  new CheckpointError('RollbackRefused', `there is no way back to the savepoint ${JSON.stringify(name)}: ${why}`, { cause })

/** Whether the source stands elsewhere in one than in the other. */
const readBetween = (source: string, savepoint: CheckpointContent, newest: CheckpointContent): boolean => {
  const [before, after] = [positionsOf(source, savepoint), positionsOf(source, newest)]
  return [...before.keys(), ...after.keys()].some(split => (before.get(split) ?? null) !== (after.get(split) ?? null))
}

const positionsOf = (source: string, { tasks }: CheckpointContent): ReadonlyMap<string, number | null> =>
  new Map(
    Object.entries(tasks)
      .filter(([task]) => stageOf(task) === source)
      .flatMap(([, { record }]) => record.splits.map(({ split, progress }) => [split.id, progress.last])),
  )

/** The savepoint's segments become the job's, under a run that has published nothing: `sinks` are for `begunAnew` to fill in. */
export const runFrom = async (session: CheckpointSession, { savepoint, segments }: Found, runId: string): Promise<CheckpointContent> => {
  const { epoch: _, ...content } = savepoint
  let next = 0
  const tasks: Record<string, CheckpointContent['tasks'][string]> = {}
  for (const [task, { record, keyed }] of Object.entries(content.tasks)) {
    const written = []
    for (const _ of keyed) written.push(await session.writeSegment([segments[next++] ?? new Uint8Array(0)]))
    tasks[task] = { record, keyed: written, outputs: null }
  }
  const status = content.status === 'draining' ? 'draining' : 'running'
  return { ...content, tasks, runId, status, sinks: {}, poison: undefined, outputsOf: undefined }
}

/** Where the destinations stand now: nothing before that is the new run's. */
export const begunAnew = async (sinks: ReadonlyMap<string, ConnectedSink>): Promise<CheckpointContent['sinks']> => {
  const begun: Record<string, CheckpointContent['sinks'][string]> = {}
  for (const [id, sink] of sinks) begun[id] = { protocol: sink.protocol, position: await io(id, () => sink.flush()) }
  return begun
}

/** What the old run has published since the savepoint, which nobody takes back: what is known of it. */
export const leftBehind = (
  name: string,
  savepoint: CheckpointContent,
  newestEpoch: number | null,
  begun: CheckpointContent['sinks'],
): RolledBack => ({
  savepoint: name,
  checkpoints: { after: savepoint.epoch ?? null, through: newestEpoch },
  visible: Object.entries(begun).flatMap(([sink, { position: until }]) => {
    const since = savepoint.sinks[sink]?.position ?? null
    const stoodStill = since !== null && JSON.stringify(since) === JSON.stringify(until)
    return stoodStill ? [] : [{ sink, since, until: until ?? null }]
  }),
})

/** For a log. */
export const rolledBackText = (job: string, { savepoint, checkpoints: { after, through }, visible }: RolledBack): string => {
  const which = through === null || through === after ? '' : ` (checkpoints ${after === null ? '' : `after ${after}, `}up to ${through})`
  const ranges = visible.map(({ sink, since, until }) => `\n- ${sink}: from ${shown(since)} to ${shown(until)}`).join('')
  return (
    `the job ${JSON.stringify(job)} goes on from its savepoint ${JSON.stringify(savepoint)}, as a new run. What it has published since` +
    `${which} cannot be taken back, and what follows from the savepoint is published again` +
    (ranges === '' ? '; no destination has moved since' : `. Destinations have moved, whoever wrote to them:${ranges}`)
  )
}

const shown = (position: unknown): string => (position === null ? 'where it does not say' : JSON.stringify(position))
