// How long is waited, and how often begun again.
import { assert } from 'chai'
import { JetStreamIOError } from '../../../io/jetstream/index.ts'
import { pauseMs, persistently } from '../../../io/jetstream/patience.ts'
import { RestartBudget } from '../../../io/jetstream/restart-budget.ts'
import { range, rejection } from '../../support/jetstream-context.ts'

describe('A reader’s restarts', () => {
  const vain = (budget: RestartBudget, now: number, most = 100): number => {
    for (let n = 0; n < most; n++) if (budget.next(now) === null) return n
    return most
  }

  it('are at once at first, then with pauses that grow', () => {
    const budget = new RestartBudget(1_000, 0)
    const pauses = range(0, 8).map(() => budget.next(0) ?? -1)
    assert.deepEqual(pauses.slice(0, 2), [0, 0])
    for (const [n, pause] of pauses.entries())
      if (n > 1) {
        assert.isAtLeast(pause, Math.min(2_000, 50 * 2 ** n) / 2)
        assert.isAtMost(pause, Math.min(2_000, 50 * 2 ** n))
      }
  })

  it('end when nothing came for as long as a run waits, but not before a few were tried', () => {
    assert.equal(vain(new RestartBudget(1_000, 0), 1_000), 100)
    assert.equal(vain(new RestartBudget(1_000, 0), 1_001), 5)
  })

  it('are counted anew when something comes, or the server says that nothing is there', () => {
    const fruitful = new RestartBudget(1_000, 0)
    fruitful.next(900)
    fruitful.progress()
    fruitful.look(900)
    assert.equal(vain(fruitful, 1_900), 100)
    const quiet = new RestartBudget(1_000, 0)
    quiet.next(900)
    quiet.caughtUp(900)
    assert.equal(vain(quiet, 1_900), 100)
    const vainly = new RestartBudget(1_000, 0)
    vainly.next(900)
    vainly.look(900)
    assert.equal(vain(vainly, 1_900), 4)
  })
})

describe('Asking a server that is away', () => {
  it('pauses for longer each time, and never all askers equally long', () => {
    const pauses = new Set(range(0, 20).map(() => pauseMs(3)))
    assert.isAbove(pauses.size, 1)
    for (const pause of pauses) assert.isTrue(pause >= 200 && pause <= 400)
  })

  const whyClosed = (label: string) => new JetStreamIOError('ConnectionClosed', label)

  it('ends after its connection’s patience with what was said last, and at once with an error of its own', async () => {
    const asked = { what: 'reading', signal: new AbortController().signal, link: { patienceMs: 60, whyClosed } }
    const late = await rejection(persistently(asked, () => Promise.reject(new Error('no leader'))))
    assert.equal(late.name, 'ServerUnavailable')
    assert.include(late.message, 'for 0.06 s: no leader')
    let times = 0
    const named = await rejection(
      persistently(asked, () => {
        times++
        return Promise.reject(new JetStreamIOError('StreamNotFound', 'no stream'))
      }),
    )
    assert.deepEqual([named.name, times], ['StreamNotFound', 1])
  })
})
