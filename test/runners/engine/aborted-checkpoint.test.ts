// A checkpoint that is given up leaves nothing behind: no channel waits for its barriers, and what its snapshots took is in the next one.
import { assert } from 'chai'
import { Channels } from '../../../runners/engine/channels.ts'
import { Coordinator } from '../../../runners/engine/coordinator.ts'
import type { Message, TaskSnapshot } from '../../../runners/engine/messages.ts'

const message = (at: number): Message => ({ _tag: 'Watermark', at })
const snapshot = (task: string): TaskSnapshot => ({
  task,
  record: { inputWatermark: 0, outputWatermark: 0, channels: {}, caughtUp: [], splits: [], sawElements: false },
  keyed: null,
  outputs: [],
})

describe('a checkpoint that is given up', () => {
  it('opens the channels that waited for its barriers, in their order', () => {
    const channels = new Channels(['a', 'b'], {}, [])
    assert.isFalse(channels.barrier('a', 1))
    for (const at of [1, 2]) assert.isTrue(channels.hold('a', message(at)))
    assert.deepEqual(
      channels.abort(1).map(([, held]) => held),
      [message(1), message(2)],
    )
    assert.isFalse(channels.hold('a', message(3)))
    assert.strictEqual(channels.heldCount, 0)
  })

  it('has barriers that still come, and stop nothing', () => {
    const channels = new Channels(['a', 'b'], {}, [])
    channels.barrier('a', 1)
    channels.abort(1)
    assert.isFalse(channels.barrier('b', 1))
    assert.isFalse(channels.hold('b', message(1)), 'the late barrier must not close its channel')
    assert.isFalse(channels.barrier('a', 2))
    assert.isTrue(channels.barrier('b', 2))
  })

  it('may be given up while tasks take their snapshots, and those that still come are forgotten', () => {
    const coordinator = new Coordinator(['a', 'b'], 0)
    coordinator.request('periodic')
    coordinator.onSnapshot(1, snapshot('a'))
    assert.include(coordinator.waitsFor() ?? '', '1 of 2 tasks have not taken their snapshot: b')
    assert.deepEqual(
      coordinator.abort(1).map(({ _tag }) => _tag),
      ['Abort'],
    )
    assert.deepEqual(coordinator.onSnapshot(1, snapshot('b')), [])
    assert.isTrue(coordinator.busy(), 'the next one waits until all tasks have heard of it')
    coordinator.onAborted(1)
    assert.strictEqual(coordinator.request('periodic')[0]?.checkpoint.epoch, 2)
  })

  it('cannot be given up once it is durable: its outputs may have left', () => {
    const coordinator = new Coordinator(['a'], 0)
    coordinator.request('periodic')
    coordinator.onSnapshot(1, snapshot('a'))
    coordinator.onPersisted(1)
    assert.isNull(coordinator.waitsFor())
    assert.throws(() => coordinator.abort(1), /given up/)
  })
})
