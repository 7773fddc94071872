// Each message between threads belongs to a checkpoint attempt, to a question, or is marked as one-way: an answer that comes late can
// never be taken for another one's.
import type { Answer, Ask, Start, ToMain, ToPeer, ToWorker } from '../../runners/worker-threads/protocol.ts'

type Owned = { readonly epoch: number } | { readonly question: number } | { readonly oneWay: true }
/** The tags of messages without an owner. */
type Unowned<M> = M extends Owned ? never : M extends { readonly _tag: infer T } ? T : 'no tag'

const nothing = <T extends never>(_: T[] = []): void => undefined
nothing<Unowned<ToWorker>>()
nothing<Unowned<ToMain>>()
nothing<Unowned<ToPeer>>()
nothing<Unowned<Start>>()

// Whatever is asked or answered has a number, those of an attempt its epoch besides.
type WithoutNumber<M> = M extends { readonly question: number } ? never : M extends { readonly _tag: infer T } ? T : 'no tag'
nothing<WithoutNumber<Answer>>()
nothing<WithoutNumber<Extract<ToWorker, { readonly _tag: Ask['_tag'] }>>>()

type WithoutEpoch<M> = M extends { readonly epoch: number } ? never : M extends { readonly _tag: infer T } ? T : 'no tag'
type OfAttempt =
  'AskPositions' | 'Positions' | 'Aborted' | 'Undone' | 'Publish' | 'Published' | 'Snapshot' | 'Inject' | 'Persisted' | 'Committed'
nothing<WithoutEpoch<Extract<ToWorker | ToMain, { readonly _tag: OfAttempt }>>>()

// @ts-expect-error a message without an owner is found
nothing<Unowned<ToMain | { readonly _tag: 'Lost' }>>()
