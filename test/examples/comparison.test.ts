// The quick start's own judge: it must see what is lost and what is duplicated, or its zeros would mean nothing.
import { assert } from 'chai'
import { type Comparison, compare, expectedOf } from '../../examples/quickstart/comparison.ts'
import { type FeedEvent, feed } from '../../examples/quickstart/feed.ts'
import type { StoredMessage } from '../../examples/quickstart/streams.ts'

const minute = Date.UTC(2026, 0, 1)
const seen = (page: string, at: number, millis: number): FeedEvent => ({
  payload: Buffer.from(`${page} ${at}`),
  view: { page, at, millis },
  late: false,
})
const unreadable: FeedEvent = { payload: Buffer.from('{'), view: null, late: false }
const sent = [seen('home', minute, 5), unreadable, seen('home', minute + 59_999, 7), seen('docs', minute + 60_000, 1)]

const total = (page: string, at: number, millis: number): StoredMessage => ({
  payload: Buffer.from(JSON.stringify({ page, millis, minute: at, final: false })),
  header: () => '',
})
const rejected = (sequence: number, payload = '{'): StoredMessage => ({ payload: Buffer.from(payload), header: () => String(sequence) })

const right = [total('home', minute, 5), total('home', minute, 12), total('docs', minute + 60_000, 1)]
const judged = (
  totals: ReadonlyArray<StoredMessage>,
  letters: ReadonlyArray<StoredMessage>,
): readonly [lost: number, duplicated: number] => {
  const { lost, duplicated }: Comparison = compare(expectedOf(sent), totals, letters)
  return [lost.length, duplicated.length]
}

describe("The quick start's comparison", () => {
  it('finds nothing where the last pane of each window is its total, and each unreadable message was rejected once', () => {
    assert.deepEqual(judged(right, [rejected(2)]), [0, 0])
  })
  it('sees a window that is missing, and one that is short of an event', () => {
    assert.deepEqual(judged(right.slice(0, 2), [rejected(2)]), [1, 0])
    assert.deepEqual(judged([right[0] ?? assert.fail(), ...right.slice(2)], [rejected(2)]), [1, 0])
  })
  it('sees a pane that is there twice, an event that counted twice, and a window that nobody filled', () => {
    assert.deepEqual(judged([...right, total('home', minute, 12)], [rejected(2)]), [0, 1])
    assert.deepEqual(judged([total('home', minute, 17), ...right.slice(2)], [rejected(2)]), [0, 1])
    assert.deepEqual(judged([...right, total('blog', minute, 1)], [rejected(2)]), [0, 1])
  })
  it('sees a rejected message that is missing, changed, there twice, or one that could have been read', () => {
    assert.deepEqual(judged(right, []), [1, 0])
    assert.deepEqual(judged(right, [rejected(2, '}')]), [1, 0])
    assert.deepEqual(judged(right, [rejected(2), rejected(2)]), [0, 1])
    assert.deepEqual(judged(right, [rejected(2), rejected(1)]), [0, 1])
  })
})

describe("The quick start's feed", () => {
  it('is the same for the same seed, and another one for another', () => {
    const text = (seed: number): string => [...feed(500, seed)].map(({ payload }) => Buffer.from(payload).toString('hex')).join()
    assert.equal(text(1), text(1))
    assert.notEqual(text(1), text(2))
  })
  it('has late events, unreadable ones, and none so late that it could be dropped', () => {
    let newest = 0
    let late = 0
    let malformed = 0
    for (const { view, late: isLate } of feed(20_000, 1)) {
      if (isLate) late++
      if (view === null) malformed++
      else {
        newest = Math.max(newest, view.at)
        assert.isBelow(newest - view.at, 5 * 60_000)
      }
    }
    assert.isAbove(late, 200)
    assert.isAbove(malformed, 100)
  })
})
