// One process at a time, by generations, with nothing but compare-and-set on one subject: the job's head.
//
// The head holds the lease and the history together, and each write of it names the sequence of the head it replaces. So:
//
// - A generation is begun by one process: of two that saw the same head, the second writer's expectation fails.
// - A manifest is committed by writing a head that names it. The same step that commits checks that nobody has begun a generation since,
//   for a takeover is a head too. Between a check and a commit there is no moment: a process that was stopped, and whatever of it was on
//   its way, expects a sequence that is not the last one any more, for ever, since sequences only grow.
// - A successor goes on from the very head that it replaced. What the one before commits is either in there, or refused.
// - Everything a manifest names was acknowledged before its head is written, under names that hold the generation and are never used
//   again. What a stopped process still writes is named by nothing, and removed when the job is opened next.
//
// A holder renews by writing its head again. Whoever wants the lease watches the head: if it stays the same for the holder's expiry, by
// the watcher's own clock, it is replaced. No two clocks are compared. Expiry decides only how long a crash takes to be noticed; that two
// never commit does not rest on it.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { confirmedFrom, laterOf, type LeaseConfirmation, monotonicMs } from './confirmation.ts'
import { type Holder, isGone, isThisProcess, showHolder, thisProcess } from './holder.ts'
import { type Head, headOf, headText, type Kept } from './jetstream-head.ts'
import type { Link } from './jetstream-link.ts'
import type { JobPlace } from './jetstream-place.ts'
import { type Found, readRegister, writeRegister } from './jetstream-register.ts'
import { CheckpointError } from './store.ts'

/** null: it was done. */
export type Result = null | { readonly error: CheckpointError; readonly mayBeThere: boolean }

export interface JetStreamLease {
  readonly generation: number
  /** That the lease was taken with. */
  readonly found: ReadonlyArray<Kept>
  readonly lost: () => boolean
  readonly expiryMs: number
  readonly confirmed: () => LeaseConfirmation
  /** Asks now; confirms the lease where it resolves. */
  readonly renew: () => Promise<void>
  /** Asks only if nothing was heard for so long that somebody may have taken over. */
  readonly ensureFresh: () => Promise<void>
  /** Asks now, by renewing; a full stream is only read, which confirms nothing. */
  readonly ensureHeld: () => Promise<void>
  /** Writes the history, if the lease is held, in one step. Gives why it could not, and whether it may have. */
  readonly commit: (history: ReadonlyArray<Kept>) => Promise<Result>
  readonly release: () => Promise<void>
}

export interface LeaseOptions {
  readonly expiryMs: number
  readonly warn: (message: string, cause: unknown) => void
}

// By session. A worker thread has its own copy and another token, so its leases are told from these by watching.
const heldHere = new Set<string>()
const releaseMs = 3_000

/** Rejects with `LeaseHeld` as soon as the holder is seen to live, and waits for as long as it may be gone. */
export const takeLease = async (link: Link, place: JobPlace, options: LeaseOptions): Promise<JetStreamLease> => {
  const here = await thisProcess()
  const session = randomUUID()
  // Before there is a claim: one of this process that is not among these counts as given up.
  heldHere.add(session)
  try {
    for (;;) {
      const last = await readRegister(link, place.head)
      const before = last === null ? null : readHead(place, last.text)
      if (last !== null && before !== null) await waitUntilFree(link, place, last, before, here)
      const claim: Head = {
        job: place.job,
        session,
        generation: (before?.generation ?? 0) + 1,
        write: 0,
        state: 'held',
        holder: here,
        expiryMs: options.expiryMs,
        since: new Date().toISOString(),
        history: before?.history ?? [],
      }
      const beganMs = monotonicMs()
      const outcome = await writeRegister(link, {
        subject: place.head,
        text: headText(claim),
        expected: last?.sequence ?? 0,
        doing: `take the lease of ${JSON.stringify(place.job)}`,
      })
      if (outcome._tag === 'Failed') throw outcome.error
      if (outcome._tag === 'Written')
        return holdLease(link, place, claim, outcome.sequence, confirmedFrom(beganMs, options.expiryMs), options)
    }
  } catch (error) {
    heldHere.delete(session)
    throw error
  }
}

const readHead = (place: JobPlace, text: string): Head => {
  const read = headOf(text)
  if (read._tag === 'Right') return read.right
  throw new CheckpointError(
    'Damaged',
    `${place.head}, which says where ${place.label} stands, is damaged: ${read.left}. Restore the stream from a backup; or, with a release ` +
      'that reads its version, start again; or start from a savepoint under another job name.',
  )
}

const waitUntilFree = async (link: Link, place: JobPlace, last: Found, head: Head, here: Holder): Promise<void> => {
  const { session, holder, state, expiryMs, since } = head
  if (state === 'released') return
  if (holder !== null && isThisProcess(holder, here)) {
    if (!heldHere.has(session)) return
    throw new CheckpointError(
      'LeaseHeld',
      `This process (${here.pid} on host ${here.host}) runs ${place.label} already: wait until that run has ended, or give this one ` +
        'another job name.',
    )
  }
  const seen = performance.now()
  for (;;) {
    if (holder !== null && (await isGone(holder, here))) return
    const silentMs = performance.now() - seen
    const now = await readRegister(link, place.head)
    if (now?.sequence !== last.sequence) {
      const next = now === null ? null : readHead(place, now.text)
      // Given back, or gone: the claim decides.
      if (next === null || next.state === 'released') return
      throw new CheckpointError(
        'LeaseHeld',
        `${showHolder(next.holder)}, since ${next.session === session ? since : next.since}, runs ${place.label} and renewed its lease just ` +
          'now. Stop that process, or give this run another job name. Once it is gone, its lease ends by itself.',
      )
    }
    if (silentMs > expiryMs) return
    await sleep(Math.min(Math.max(expiryMs / 20, 10), 500))
  }
}

const holdLease = (
  link: Link,
  place: JobPlace,
  claim: Head,
  claimed: number,
  first: LeaseConfirmation,
  { expiryMs, warn }: LeaseOptions,
): JetStreamLease => {
  const { generation, session } = claim
  let state: 'held' | 'lost' | 'released' = 'held'
  let successor: Head | null = null
  /** The last head of ours that is known. */
  let sequence = claimed
  let acknowledged = claimed
  let writes = 0
  let history = claim.history
  let renewedMs = Date.now()
  // A process that takes the lease has watched one head for `expiryMs`. Each head here was stored after its write began.
  let confirmed = first
  let warned = false
  let turn: Promise<unknown> = Promise.resolve()
  let waiting = 0

  const stop = (to: 'lost' | 'released'): void => {
    state = to
    clearInterval(timer)
    heldHere.delete(session)
  }
  const refusal = (): CheckpointError =>
    new CheckpointError(
      'LeaseLost',
      state === 'released'
        ? `This session gave back its lease of ${place.label}: open the job again.`
        : successor === null
          ? `The lease of ${place.label} is gone: somebody removed it. This process must stop.`
          : `${showHolder(successor.holder)} took over ${place.label} (generation ${successor.generation}, this process had ${generation}): ` +
            `this one was not heard of for ${expiryMs} ms. It must stop; the other one goes on from the last checkpoint.`,
    )

  /** Heads are written one at a time: each expects the one before. */
  const inTurn = <A>(work: () => Promise<A>): Promise<A> => {
    waiting++
    const mine = turn.then(work).finally(() => waiting--)
    turn = mine.catch(() => undefined)
    return mine
  }

  const write = async (next: ReadonlyArray<Kept>, as: Head['state'], doing: string, budgetMs?: number): Promise<Result> => {
    if (state !== 'held') return { error: refusal(), mayBeThere: false }
    const text = headText({ ...claim, write: ++writes, state: as, history: next })
    for (;;) {
      const beganMs = monotonicMs()
      const outcome = await writeRegister(link, {
        subject: place.head,
        text,
        expected: sequence,
        doing,
        ...(budgetMs === undefined ? {} : { budgetMs }),
      })
      if (outcome._tag === 'Failed') return outcome
      if (outcome._tag === 'Written') {
        sequence = acknowledged = outcome.sequence
        history = next
        renewedMs = Date.now()
        if (as === 'held') confirmed = laterOf(confirmed, confirmedFrom(beganMs, expiryMs))
        return null
      }
      const { found } = outcome
      if (found !== null && found.sequence < acknowledged) return { error: forgotten(place), mayBeThere: false }
      const head = found === null ? null : readHead(place, found.text)
      if (found === null || head?.session !== session) {
        successor = head
        stop('lost')
        return { error: refusal(), mayBeThere: false }
      }
      // One of ours, whose answer was lost.
      sequence = found.sequence
    }
  }

  const renew = (): Promise<Result> => inTurn(() => write(history, 'held', 'renew the lease'))
  const ensureHeld = async (): Promise<void> => {
    const failed = await renew()
    if (failed === null) return
    // A full stream takes no heads, of nobody: what is there is the last word.
    if (failed.error.kind !== 'StoreFull') throw failed.error
    const found = await readRegister(link, place.head)
    if (found !== null && readHead(place, found.text).session === session) return
    successor = found === null ? null : readHead(place, found.text)
    stop('lost')
    throw refusal()
  }
  const tick = (): void => {
    if (waiting > 0) return
    void renew().then(
      failed => {
        if (failed !== null && state === 'held' && !warned)
          warn(`The lease of ${place.label} was not renewed; another process may take it over after ${expiryMs} ms.`, failed.error)
        warned = failed !== null
      },
      (error: unknown) => warn(`The lease of ${place.label} was not renewed.`, error),
    )
  }
  // Five chances before it expires.
  const timer = setInterval(tick, expiryMs / 5).unref()

  return {
    generation,
    found: claim.history,
    lost: () => state === 'lost',
    expiryMs,
    confirmed: () => confirmed,
    renew: async () => {
      const failed = await renew()
      if (failed !== null) throw failed.error
    },
    ensureHeld,
    ensureFresh: async () => {
      if (state !== 'held') throw refusal()
      // By the clock on the wall, which goes on while a machine sleeps; set forward or back, it costs a renewal.
      if (Math.abs(Date.now() - renewedMs) > expiryMs) await ensureHeld()
    },
    commit: next =>
      inTurn(async () => {
        const failed = await write(next, 'held', 'commit a checkpoint')
        // From now on each head names it too, so that it does not depend on which of them arrives.
        if (failed?.mayBeThere === true) history = next
        return failed
      }),
    release: () =>
      inTurn(async () => {
        if (state !== 'held') return
        const failed = await write(history, 'released', 'give back the lease', releaseMs)
        if (failed?.error.kind === 'LeaseLost') return
        stop('released')
        if (failed !== null)
          warn(`The lease of ${place.label} could not be given back; another process has to wait for ${expiryMs} ms.`, failed.error)
      }),
  }
}

const forgotten = (place: JobPlace): CheckpointError =>
  new CheckpointError(
    'Damaged',
    `The server has forgotten a write of ${place.label} that it had acknowledged (a disk without sync, a restore from a backup). Start again: ` +
      'the job goes on from the last checkpoint that is there. Replicas, or sync_interval: always, keep this from happening.',
  )
