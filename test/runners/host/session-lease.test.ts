// A run's lease and those of its workers, by a clock that the test moves: what waits, what is asked, and what is told of it.
import { assert } from 'chai'
import type { JobNews } from '../../../sdk/model/job-event.ts'
import { confirmedFrom, type LeaseConfirmation } from '../../../runners/checkpoint/confirmation.ts'
import { memoryStore } from '../../../runners/checkpoint/memory.ts'
import { CheckpointError, type CheckpointSession } from '../../../runners/checkpoint/store.ts'
import { type Clock, systemClock } from '../../../runners/host/clock.ts'
import { SessionLease } from '../../../runners/host/session-lease.ts'
import { SharedConfirmation } from '../../../runners/host/shared-confirmation.ts'
import { ThreadLease } from '../../../runners/host/thread-lease.ts'

const expiryMs = 15_000

/** Time passes in steps as a run takes them; its timers go off in their order. */
class HandClock implements Clock {
  #ms = 1_000
  #timers: { readonly atMs: number; readonly callback: () => void }[] = []
  readonly wallMs = (): number => 1_700_000_000_000 + this.#ms
  readonly monotonicMs = (): number => this.#ms
  readonly busyMs = (): number => 0
  readonly uuid = (): string => systemClock.uuid()
  readonly nextTurn = (callback: () => void): void => systemClock.nextTurn(callback)
  readonly after = (ms: number, callback: () => void): (() => void) => {
    const timer = { atMs: this.#ms + ms, callback }
    this.#timers.push(timer)
    return () => (this.#timers = this.#timers.filter(other => other !== timer))
  }

  /** Promises settle between steps. */
  async pass(ms: number): Promise<void> {
    for (const endMs = this.#ms + ms; this.#ms < endMs;) {
      this.#ms = Math.min(endMs, this.#ms + 50)
      await this.#due()
    }
  }

  /** All at once, and no timer went off in between: the process was stopped. */
  async stop(ms: number): Promise<void> {
    this.#ms += ms
    await this.#due()
  }

  async #due(): Promise<void> {
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#ms)
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#ms)
    for (const { callback } of due) callback()
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** A store that answers renewals as the test says. */
class Store {
  answers: 'confirms' | 'hangs' | 'fails' | 'isTaken' = 'confirms'
  asked = 0
  readonly #clock: Clock
  #confirmed: LeaseConfirmation

  constructor(clock: Clock) {
    this.#clock = clock
    this.#confirmed = confirmedFrom(clock.monotonicMs(), expiryMs)
  }

  async open(): Promise<CheckpointSession> {
    const session = await memoryStore().open('job')
    return { ...session, expiryMs, confirmed: () => this.#confirmed, renew: () => this.#renew() }
  }

  /** As a store does by itself, five times in its expiry. */
  renewByItself(): void {
    if (this.answers === 'confirms') this.#confirmed = confirmedFrom(this.#clock.monotonicMs(), expiryMs)
    this.#clock.after(expiryMs / 5, () => this.renewByItself())
  }

  async #renew(): Promise<void> {
    this.asked++
    switch (this.answers) {
      case 'confirms':
        this.#confirmed = confirmedFrom(this.#clock.monotonicMs(), expiryMs)
        return
      case 'hangs':
        return new Promise(() => undefined)
      case 'fails':
        throw new CheckpointError('StoreFailed', 'the store does not answer')
      case 'isTaken':
        throw new CheckpointError('LeaseLost', 'another process took over')
    }
  }
}

const scene = async (failures = 5) => {
  const clock = new HandClock()
  const store = new Store(clock)
  const told: JobNews[] = []
  const logged: string[] = []
  const lease = new SessionLease(await store.open(), {
    clock,
    log: (level, message) => void logged.push(`${level}: ${message}`),
    tell: news => void told.push(news),
    failures,
  })
  store.renewByItself()
  return { clock, store, told, logged, lease }
}

describe('The lease of a run', () => {
  it('is held for as long as the store confirms it, and nothing is told', async () => {
    const { clock, lease, told, store } = await scene()
    for (let i = 0; i < 600; i++) {
      await clock.pass(100)
      assert.isTrue(lease.held())
    }
    assert.deepEqual(told, [])
    assert.strictEqual(store.asked, 0)
    assert.deepEqual(lease.metrics(), { inDoubt: false, doubts: 0 })
  })

  it('is in doubt from the last confirmation on, whatever the store answers, and is asked for until it is confirmed', async () => {
    const { clock, lease, told, logged, store } = await scene()
    store.answers = 'fails'
    await clock.pass(11_900)
    assert.isTrue(lease.held(), 'a renewal that fails stops nothing')
    await clock.pass(200)
    assert.isFalse(lease.held())
    let released = false
    void lease.whenHeld().then(() => (released = true))
    await clock.pass(2_000)
    assert.isFalse(released)
    assert.isAbove(store.asked, 1)
    assert.deepEqual(lease.metrics(), { inDoubt: true, doubts: 1 })
    store.answers = 'confirms'
    await clock.pass(2_000)
    assert.isTrue(lease.held())
    assert.isTrue(released)
    assert.deepEqual(lease.metrics(), { inDoubt: false, doubts: 1 })
    assert.deepEqual(
      told.map(({ _tag }) => _tag),
      ['LeaseInDoubt', 'LeaseConfirmed'],
    )
    assert.deepInclude(told[0], { reason: 'expired', worker: null })
    const doubtMs = told[1]?._tag === 'LeaseConfirmed' ? told[1].doubtMs : 0
    assert.isAbove(doubtMs, 2_000)
    assert.isBelow(doubtMs, 5_000)
    assert.lengthOf(logged, 2)
    assert.include(logged[0], 'warn: the lease is in doubt: it was not renewed in time')
    assert.include(logged[1], `confirmed again, after ${Math.round(doubtMs)} ms`)
  })

  it('is not held by a process that wakes up, until a renewal that began then was confirmed', async () => {
    const { clock, lease, told, store } = await scene()
    await clock.pass(1_000)
    store.answers = 'hangs'
    await clock.stop(60_000)
    assert.isFalse(lease.held())
    await clock.pass(30_000)
    assert.isFalse(lease.held(), 'a store that is silent confirms nothing')
    assert.deepInclude(told[0], { _tag: 'LeaseInDoubt', reason: 'expired' })
  })

  it('costs one renewal after a short stop', async () => {
    const { clock, lease, told } = await scene()
    await clock.stop(3_000)
    assert.deepInclude(told[0], { _tag: 'LeaseInDoubt', reason: 'stopped' })
    await clock.pass(200)
    assert.isTrue(lease.held())
  })

  it('ends the run by name once another process has begun, and what waits is rejected with it', async () => {
    const { clock, lease, store } = await scene()
    let changed = 0
    lease.onChange(() => changed++)
    store.answers = 'isTaken'
    await clock.pass(13_000)
    const refused: unknown = await lease.whenHeld().catch((error: unknown) => error)
    assert.deepInclude(refused, { kind: 'LeaseLost' })
    assert.throws(() => lease.requireHold(), 'another process took over')
    assert.isFalse(lease.held())
    assert.strictEqual(changed, 1)
  })

  it('ends the run after so many renewals that failed in doubt, with what the store answered', async () => {
    const { clock, lease, store } = await scene(3)
    store.answers = 'fails'
    await clock.pass(12_500)
    lease.requireHold()
    await clock.pass(5_000)
    assert.throws(() => lease.requireHold(), 'the store does not answer')
    assert.strictEqual(store.asked, 3)
  })

  it('rejects what waits for it at the end of the run', async () => {
    const { clock, lease, store } = await scene()
    store.answers = 'hangs'
    await clock.pass(13_000)
    const waiting = lease.whenHeld().catch((error: unknown) => error)
    lease.end()
    assert.include(String(await waiting), 'the run has ended')
    assert.include(String(await lease.whenHeld().catch((error: unknown) => error)), 'the run has ended')
  })

  describe('in a worker', () => {
    /** With a clock of its own, as a thread that is stopped alone has. */
    const workerOf = (lease: SessionLease, clock: Clock, number: number) => {
      let isCutOff = false
      const worker = new ThreadLease({
        clock,
        expiryMs: lease.expiryMs,
        newest: () => new SharedConfirmation(lease.shared.memory).read(),
        ask: because => {
          if (isCutOff) return
          lease.doubted(number, because)
          lease.renew()
        },
        onDoubt: () => undefined,
        onHeld: () => lease.heldAgain(number),
      })
      return { worker, cutOff: (to: boolean): void => void (isCutOff = to) }
    }

    it('follows the confirmations of the main thread, and closes by itself where they end', async () => {
      const { clock, lease, store, told } = await scene()
      const { worker } = workerOf(lease, clock, 1)
      await clock.pass(60_000)
      assert.isTrue(worker.held())
      store.answers = 'hangs'
      await clock.pass(15_100)
      assert.isFalse(worker.held())
      assert.lengthOf(told, 1, 'the run tells of it once, not once for each thread')
    })

    it('that was stopped alone waits for a renewal that began after that, and the main thread goes on', async () => {
      const { clock, lease, told, store } = await scene()
      const own = new HandClock()
      const { worker, cutOff } = workerOf(lease, own, 1)
      cutOff(true)
      await own.stop(2_500)
      assert.isFalse(worker.held())
      assert.isTrue(lease.held())
      cutOff(false)
      await clock.pass(2_600)
      await own.pass(300)
      await clock.pass(100)
      await own.pass(300)
      assert.isTrue(worker.held())
      assert.strictEqual(store.asked, 1)
      assert.deepEqual(
        told.map(news => (news._tag === 'LeaseInDoubt' ? `${news._tag} ${String(news.worker)}` : news._tag)),
        ['LeaseInDoubt 1', 'LeaseConfirmed'],
      )
    })
  })
})
