// The coordinator: when checkpoints begin, what each is made of, and when its outputs may leave. A state machine like the tasks.
import type { CheckpointPurpose } from '../../sdk/model/job-event.ts'
import { isNever } from './exhaustive.ts'
import type { TaskSnapshot } from './messages.ts'

export interface Checkpoint {
  readonly epoch: number
  readonly purpose: CheckpointPurpose
  /** All state, instead of what changed. */
  readonly full: boolean
}

/** All that the coordinator must know of a snapshot. */
interface Named {
  readonly task: string
}

export type CoordinatorCommand<S extends Named = TaskSnapshot> =
  /** Tell every source's task. */
  | { readonly _tag: 'Inject'; readonly checkpoint: Checkpoint }
  /** Flush the sinks, write the segments, then the manifest. Answer with `onPersisted`. */
  | { readonly _tag: 'Persist'; readonly checkpoint: Checkpoint; readonly snapshots: ReadonlyArray<S> }
  /** The manifest is durable: publish, acknowledge. Answer with `onPublished`. */
  | { readonly _tag: 'Publish'; readonly checkpoint: Checkpoint; readonly snapshots: ReadonlyArray<S> }
  /** Tell every task that the checkpoint came to nothing. Answer with `onAborted` once all have heard it. */
  | { readonly _tag: 'Abort'; readonly checkpoint: Checkpoint }
  /** The run is over. */
  | { readonly _tag: 'Ended'; readonly checkpoint: Checkpoint }

type State<S> =
  | { readonly _tag: 'Idle' }
  | { readonly _tag: 'Gathering'; readonly checkpoint: Checkpoint; readonly snapshots: ReadonlyMap<string, S> }
  | { readonly _tag: 'Persisting'; readonly checkpoint: Checkpoint; readonly snapshots: ReadonlyArray<S> }
  | { readonly _tag: 'Publishing'; readonly checkpoint: Checkpoint }
  | { readonly _tag: 'Aborting'; readonly checkpoint: Checkpoint }
  | { readonly _tag: 'Ended' }

// A savepoint first: what ends the run leaves no time for it afterwards.
const urgency: ReadonlyArray<CheckpointPurpose> = ['savepoint', 'suspend', 'drain', 'end', 'periodic']

export class Coordinator<S extends Named = TaskSnapshot> {
  readonly #tasks: ReadonlyArray<string>
  #state: State<S> = { _tag: 'Idle' }
  #epoch: number
  /** What waits for the checkpoint under way to end: nothing that somebody asked for is forgotten for something else. */
  readonly #waiting = new Set<CheckpointPurpose>()
  #full = false
  #stale = 0

  /** `epoch`: that of the newest durable checkpoint. */
  constructor(tasks: ReadonlyArray<string>, epoch: number) {
    this.#tasks = tasks
    this.#epoch = epoch
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Snapshots that belonged to no checkpoint under way. */
  get stale(): number {
    return this.#stale
  }

  busy(): boolean {
    return this.#state._tag !== 'Idle'
  }

  ended(): boolean {
    return this.#state._tag === 'Ended'
  }

  /** What the checkpoint under way waits for, in words; null where nothing can be given up: none is under way, or it is durable. */
  waitsFor(): string | null {
    const state = this.#state
    if (state._tag === 'Persisting') return 'the store, or a sink that is asked where it stands, has not answered'
    if (state._tag === 'Aborting') return 'not all workers have heard that it was given up'
    if (state._tag !== 'Gathering') return null
    const missing = this.#tasks.filter(task => !state.snapshots.has(task))
    return `${missing.length} of ${this.#tasks.length} tasks have not taken their snapshot: ${missing.slice(0, 5).join(', ')}`
  }

  /** The next checkpoint writes all state: what changed has grown beyond it, or the last one failed. */
  wantFull(): void {
    this.#full = true
  }

  request(purpose: CheckpointPurpose): ReadonlyArray<CoordinatorCommand<S>> {
    if (this.#state._tag === 'Ended') return []
    if (this.#state._tag === 'Idle') return this.#begin(purpose)
    this.#waiting.add(purpose)
    return []
  }

  #begin(purpose: CheckpointPurpose): ReadonlyArray<CoordinatorCommand<S>> {
    this.#epoch++
    const checkpoint: Checkpoint = { epoch: this.#epoch, purpose, full: this.#full || purpose === 'savepoint' }
    this.#state = { _tag: 'Gathering', checkpoint, snapshots: new Map() }
    return [{ _tag: 'Inject', checkpoint }]
  }

  /** Of another checkpoint than the one that gathers snapshots, or a second one of its task, it is dropped and counted. */
  onSnapshot(epoch: number, snapshot: S): ReadonlyArray<CoordinatorCommand<S>> {
    const state = this.#state
    if (state._tag !== 'Gathering' || state.checkpoint.epoch !== epoch || state.snapshots.has(snapshot.task)) {
      this.#stale++
      return []
    }
    const snapshots = new Map(state.snapshots).set(snapshot.task, snapshot)
    if (snapshots.size < this.#tasks.length) {
      this.#state = { ...state, snapshots }
      return []
    }
    // In the tasks' own order: nothing depends on who was first.
    const ordered = this.#tasks.flatMap(task => snapshots.get(task) ?? [])
    this.#state = { _tag: 'Persisting', checkpoint: state.checkpoint, snapshots: ordered }
    return [{ _tag: 'Persist', checkpoint: state.checkpoint, snapshots: ordered }]
  }

  onPersisted(epoch: number): ReadonlyArray<CoordinatorCommand<S>> {
    const { checkpoint, snapshots } = this.#persisting(epoch)
    this.#full = false
    this.#state = { _tag: 'Publishing', checkpoint }
    return [{ _tag: 'Publish', checkpoint, snapshots }]
  }

  /** The checkpoint under way failed or took too long. The data is whole: outputs and changed keys go into the next one. */
  abort(epoch: number): ReadonlyArray<CoordinatorCommand<S>> {
    const state = this.#state
    if ((state._tag !== 'Gathering' && state._tag !== 'Persisting') || state.checkpoint.epoch !== epoch)
      throw new Error(`coordinator: checkpoint ${epoch} was given up, and the state is ${state._tag}`)
    const { checkpoint } = state
    this.#state = { _tag: 'Aborting', checkpoint }
    if (checkpoint.purpose !== 'periodic') this.#waiting.add(checkpoint.purpose)
    return [{ _tag: 'Abort', checkpoint }]
  }

  /** No task waits for its barriers any more, and the next checkpoint's can come. */
  onAborted(epoch: number): void {
    if (this.#state._tag !== 'Aborting' || this.#state.checkpoint.epoch !== epoch)
      throw new Error(`coordinator: checkpoint ${epoch} was undone, and the state is ${this.#state._tag}`)
    this.#state = { _tag: 'Idle' }
  }

  onPublished(epoch: number): ReadonlyArray<CoordinatorCommand<S>> {
    if (this.#state._tag !== 'Publishing' || this.#state.checkpoint.epoch !== epoch)
      throw new Error(`coordinator: checkpoint ${epoch} was published, and the state is ${this.#state._tag}`)
    const { checkpoint } = this.#state
    switch (checkpoint.purpose) {
      case 'periodic':
      case 'savepoint':
        this.#state = { _tag: 'Idle' }
        return this.#beginNext()
      case 'suspend':
      case 'drain':
      case 'end':
        this.#state = { _tag: 'Ended' }
        return [{ _tag: 'Ended', checkpoint }]
      default:
        return isNever(checkpoint.purpose)
    }
  }

  #beginNext(): ReadonlyArray<CoordinatorCommand<S>> {
    const next = urgency.find(purpose => this.#waiting.delete(purpose))
    if (next === undefined) return []
    // Any checkpoint is a periodic one as well.
    this.#waiting.delete('periodic')
    return this.#begin(next)
  }

  /** What a failed checkpoint left to do: the host asks again when it is time. */
  retry(): ReadonlyArray<CoordinatorCommand<S>> {
    return this.#state._tag === 'Idle' ? this.#beginNext() : []
  }

  #persisting(epoch: number): Extract<State<S>, { readonly _tag: 'Persisting' }> {
    if (this.#state._tag !== 'Persisting' || this.#state.checkpoint.epoch !== epoch)
      throw new Error(`coordinator: checkpoint ${epoch} was persisted, and the state is ${this.#state._tag}`)
    return this.#state
  }
}
