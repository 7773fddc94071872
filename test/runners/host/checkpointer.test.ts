// A checkpoint that is given up while the store is at it: whatever the store still does, it leaves nothing behind and changes nothing.
import { assert } from 'chai'
import { systemClock } from '../../../runners/host/clock.ts'
import type { CheckpointSession, Segment } from '../../../runners/checkpoint/store.ts'
import { memoryStore } from '../../../runners/checkpoint/memory.ts'
import type { CheckpointContent, WritableSnapshot } from '../../../runners/host/checkpoint-content.ts'
import { CheckpointAttempt } from '../../../runners/host/checkpoint-attempt.ts'
import { Checkpointer } from '../../../runners/host/checkpointer.ts'

const content: CheckpointContent = {
  format: 1,
  runId: 'run',
  status: 'running',
  fingerprint: '',
  stateful: [],
  keyGroups: 1,
  shards: 1,
  splits: {},
  sinks: {},
  tasks: {},
}
const snapshot = (text: string): WritableSnapshot => ({
  task: 'a@0',
  record: { inputWatermark: 0, outputWatermark: 0, channels: {}, caughtUp: [], splits: [], sawElements: true },
  keyed: [new TextEncoder().encode(text)],
  outputs: [],
  takenMs: 0,
})
const attempt = (epoch: number): CheckpointAttempt =>
  new CheckpointAttempt({ epoch, purpose: 'periodic', full: false }, systemClock, { timeoutMs: 60_000, failures: 1 }, 'changes', () => ({
    inject: () => assert.fail('nothing is sent'),
    positions: async () => ({}),
    persisted: () => undefined,
    publish: async () => undefined,
    abort: async () => undefined,
  }))

/** A session in memory whose named step waits until it is let go. */
const hanging = async (step: 'writeSegment' | 'commit') => {
  const session = await memoryStore().open('job')
  const written: Segment[] = []
  let letGo: () => void = () => undefined
  let reached: () => void = () => undefined
  const gate = new Promise<void>(resolve => (letGo = resolve))
  const atGate = new Promise<void>(resolve => (reached = resolve))
  let hangs = true
  const wait = async (at: typeof step): Promise<void> => {
    if (at !== step || !hangs) return
    hangs = false
    reached()
    await gate
  }
  const slow: CheckpointSession = {
    ...session,
    writeSegment: async bytes => {
      const segment = await session.writeSegment(bytes)
      written.push(segment)
      await wait('writeSegment')
      return segment
    },
    commit: async (epoch, segments, record) => {
      await wait('commit')
      return session.commit(epoch, segments, record)
    },
  }
  return { session: slow, written, atGate, letGo }
}
const isThere = (session: CheckpointSession, segment: Segment): Promise<boolean> =>
  session.readSegment(segment).then(
    () => true,
    () => false,
  )

describe('a checkpoint that is given up while it is written', () => {
  it('leaves no segment, though the store gets to them later', async () => {
    const { session, written, atGate, letGo } = await hanging('writeSegment')
    const checkpointer = new Checkpointer(systemClock, session, content, () => assert.fail('it has no manifest'))
    const first = attempt(1)
    const persisting = checkpointer.persist(first, [snapshot('one')], {}).catch(() => 'given up')
    await atGate
    checkpointer.giveUp(first)
    letGo()
    assert.strictEqual(await persisting, 'given up')
    assert.lengthOf(written, 1)
    for (const segment of written) assert.isFalse(await isThere(session, segment))
    assert.strictEqual(checkpointer.content, content)
    assert.strictEqual(checkpointer.stats.completed, 0)
  })

  it('keeps what its late manifest names, and the run goes on from the checkpoint before it', async () => {
    const { session, written, atGate, letGo } = await hanging('commit')
    const told: number[] = []
    const checkpointer = new Checkpointer(systemClock, session, content, epoch => told.push(epoch))
    const first = attempt(1)
    const persisting = checkpointer.persist(first, [snapshot('one')], {}).catch(() => 'given up')
    await atGate
    checkpointer.giveUp(first)
    letGo()
    assert.strictEqual(await persisting, 'given up')
    for (const segment of written) assert.isTrue(await isThere(session, segment), 'a crash now would begin with it')
    assert.strictEqual(checkpointer.content, content)
    await checkpointer.persist(attempt(2), [snapshot('two')], {})
    assert.deepEqual(told, [1, 2])
    assert.lengthOf(checkpointer.content.tasks['a@0']?.keyed ?? [], 1, 'nothing of the one that was given up is in its chain')
    assert.deepInclude(checkpointer.stats, { completed: 1, failed: 1, lastEpoch: 2 })
  })
})
