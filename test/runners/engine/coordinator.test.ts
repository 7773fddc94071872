// When checkpoints begin and end, and what waits meanwhile.
import { assert } from 'chai'
import { Coordinator, type CoordinatorCommand } from '../../../runners/engine/coordinator.ts'
import type { TaskSnapshot } from '../../../runners/engine/messages.ts'
import { Instant } from '../../../sdk/index.ts'

const snapshot = (task: string): TaskSnapshot => ({
  task,
  record: { inputWatermark: Instant.min, outputWatermark: Instant.min, channels: {}, caughtUp: [], splits: [], sawElements: false },
  keyed: null,
  outputs: [],
})
const shown = (commands: ReadonlyArray<CoordinatorCommand>): string =>
  commands.map(({ _tag, checkpoint }) => `${_tag} ${checkpoint.epoch} ${checkpoint.purpose}`).join(', ')

describe('the coordinator', () => {
  it('publishes nothing before the checkpoint is persisted', () => {
    const coordinator = new Coordinator(['a', 'b'], 4)
    assert.strictEqual(shown(coordinator.request('periodic')), 'Inject 5 periodic')
    assert.strictEqual(shown(coordinator.onSnapshot(5, snapshot('b'))), '')
    assert.throws(() => coordinator.onPersisted(5))
    assert.strictEqual(shown(coordinator.onSnapshot(5, snapshot('a'))), 'Persist 5 periodic')
    assert.strictEqual(shown(coordinator.onPersisted(5)), 'Publish 5 periodic')
    assert.strictEqual(shown(coordinator.onPublished(5)), '')
  })

  it('drops a second snapshot of a task, and one for another checkpoint, and counts them', () => {
    const coordinator = new Coordinator(['a', 'b'], 0)
    coordinator.request('periodic')
    coordinator.onSnapshot(1, snapshot('a'))
    assert.deepEqual(coordinator.onSnapshot(1, snapshot('a')), [])
    assert.deepEqual(coordinator.onSnapshot(2, snapshot('b')), [])
    assert.deepEqual(coordinator.onSnapshot(0, snapshot('b')), [])
    assert.strictEqual(coordinator.stale, 3)
    assert.strictEqual(shown(coordinator.onSnapshot(1, snapshot('b'))), 'Persist 1 periodic')
  })

  it('refuses an answer about another checkpoint than the one under way', () => {
    const coordinator = new Coordinator(['a'], 0)
    coordinator.request('periodic')
    assert.throws(() => coordinator.abort(2), /checkpoint 2 was given up, and the state is Gathering/)
    coordinator.onSnapshot(1, snapshot('a'))
    assert.throws(() => coordinator.onPersisted(2), /checkpoint 2 was persisted, and the state is Persisting/)
    coordinator.onPersisted(1)
    assert.throws(() => coordinator.onPublished(2), /checkpoint 2 was published, and the state is Publishing/)
  })

  it('forgets no savepoint and no suspension that was asked for while another checkpoint was under way', () => {
    const coordinator = new Coordinator(['a'], 0)
    coordinator.request('periodic')
    for (const purpose of ['periodic', 'savepoint', 'suspend'] as const) assert.strictEqual(shown(coordinator.request(purpose)), '')
    coordinator.onSnapshot(1, snapshot('a'))
    coordinator.onPersisted(1)
    assert.strictEqual(shown(coordinator.onPublished(1)), 'Inject 2 savepoint')
    coordinator.onSnapshot(2, snapshot('a'))
    coordinator.onPersisted(2)
    assert.strictEqual(shown(coordinator.onPublished(2)), 'Inject 3 suspend')
    coordinator.onSnapshot(3, snapshot('a'))
    coordinator.onPersisted(3)
    assert.strictEqual(shown(coordinator.onPublished(3)), 'Ended 3 suspend')
    assert.isTrue(coordinator.ended())
  })

  it('uses the number of a failed checkpoint up, and comes back to what it was for', () => {
    const coordinator = new Coordinator(['a'], 0)
    coordinator.request('suspend')
    coordinator.onSnapshot(1, snapshot('a'))
    assert.strictEqual(shown(coordinator.abort(1)), 'Abort 1 suspend')
    assert.strictEqual(shown(coordinator.retry()), '', 'tasks may still wait for its barriers')
    coordinator.onAborted(1)
    assert.strictEqual(shown(coordinator.retry()), 'Inject 2 suspend')
  })
})
