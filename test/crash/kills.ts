// All the ways in which the crash test ends a pipeline, or a part of it.
import type { JobEvent } from 'jetbeam'

/** Where in a checkpoint the process is killed. */
export type Phase =
  | 'beforeBarrier'
  | 'duringAlignment'
  | 'afterSnapshot'
  | 'beforeManifest'
  | 'beforeCommit'
  | 'duringCommit'
  | 'afterCommit'
  /** Of the first checkpoint that is durable after one was given up, because a sink's acknowledgments came too late for it. */
  | 'lateAcknowledgments'
/** How one worker ends, and the process goes on. */
export type Death = 'exits' | 'throws' | 'runsOutOfMemory'
/** anyMoment: the process, whatever it does then, before it is up as well. */
export type Kill = 'anyMoment' | Phase | Death

/** To the pipeline's process. */
export interface Sentence {
  readonly kill: Phase | Death
}
/** From it. LostHistory: it restarts, because a stream is not the one that it has read. */
export type Told = JobEvent['_tag'] | 'LostHistory'

const deaths: ReadonlyArray<Death> = ['exits', 'throws', 'runsOutOfMemory']
const phases: ReadonlyArray<Phase> = [
  'beforeBarrier',
  'duringAlignment',
  'afterSnapshot',
  'beforeManifest',
  'beforeCommit',
  'duringCommit',
  'afterCommit',
]

/** queue: windows of a work queue. lateRelay: the relay, through a connection whose acknowledgments can be late. */
export type PipelineName = 'relay' | 'windows' | 'queue' | 'lateRelay'

export const isDeath = (kill: Kill): kill is Death => (deaths as ReadonlyArray<Kill>).includes(kill)

/** Each that there can be: one thread aligns in no time, the relay has nothing that waits for a commit, and only a queue is acknowledged behind one. */
export const killsOf = (pipeline: PipelineName, workers: number | null): ReadonlyArray<Kill> => {
  if (pipeline === 'lateRelay') return ['lateAcknowledgments']
  return [
    'anyMoment',
    ...phases.filter(
      phase =>
        (workers !== null || phase !== 'duringAlignment') &&
        (pipeline !== 'relay' || phase !== 'duringCommit') &&
        (pipeline === 'queue' || phase !== 'afterCommit'),
    ),
    ...(workers === null ? [] : deaths),
  ]
}

/** What the process tells when the kill has come to pass, where it survives. */
export const isHit = (told: Told): boolean => told === 'Restarting'

const names: Readonly<Record<Kill, string>> = {
  anyMoment: 'of the process at any moment',
  beforeBarrier: 'before the barrier',
  duringAlignment: 'during alignment',
  afterSnapshot: 'after the snapshot',
  beforeManifest: 'before the manifest',
  beforeCommit: 'after the manifest before the commit',
  duringCommit: 'during the commit',
  afterCommit: 'before its acknowledgments are confirmed',
  lateAcknowledgments: 'behind a checkpoint that late acknowledgments ended',
  exits: 'of a worker that exits',
  throws: 'of a worker that throws',
  runsOutOfMemory: 'of a worker that runs out of memory',
}

/** Figures as a line has them: `3 before the barrier, 2 during alignment`. */
export const describe = (kills: ReadonlyArray<Kill>): string =>
  (Object.keys(names) as ReadonlyArray<Kill>) // of a constant: it has no other keys
    .map(kind => [kills.filter(kill => kill === kind).length, names[kind]] as const)
    .filter(([count]) => count > 0)
    .map(([count, name]) => `${count} ${name}`)
    .join(', ')
