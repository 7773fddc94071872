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
    assert.throws(() => coordinator.onPersisted())
    assert.strictEqual(shown(coordinator.onSnapshot(5, snapshot('a'))), 'Persist 5 periodic')
    assert.strictEqual(shown(coordinator.onPersisted()), 'Publish 5 periodic')
    assert.strictEqual(shown(coordinator.onPublished()), '')
  })

  it('refuses a second snapshot of a task, and one for another checkpoint', () => {
    const coordinator = new Coordinator(['a', 'b'], 0)
    coordinator.request('periodic')
    coordinator.onSnapshot(1, snapshot('a'))
    assert.throws(() => coordinator.onSnapshot(1, snapshot('a')), /two snapshots/)
    assert.throws(() => coordinator.onSnapshot(2, snapshot('b')))
  })

  it('forgets no savepoint and no suspension that was asked for while another checkpoint was under way', () => {
    const coordinator = new Coordinator(['a'], 0)
    coordinator.request('periodic')
    for (const purpose of ['periodic', 'savepoint', 'suspend'] as const) assert.strictEqual(shown(coordinator.request(purpose)), '')
    coordinator.onSnapshot(1, snapshot('a'))
    coordinator.onPersisted()
    assert.strictEqual(shown(coordinator.onPublished()), 'Inject 2 savepoint')
    coordinator.onSnapshot(2, snapshot('a'))
    coordinator.onPersisted()
    assert.strictEqual(shown(coordinator.onPublished()), 'Inject 3 suspend')
    coordinator.onSnapshot(3, snapshot('a'))
    coordinator.onPersisted()
    assert.strictEqual(shown(coordinator.onPublished()), 'Ended 3 suspend')
    assert.isTrue(coordinator.ended())
  })

  it('uses the number of a failed checkpoint up, and comes back to what it was for', () => {
    const coordinator = new Coordinator(['a'], 0)
    coordinator.request('suspend')
    coordinator.onSnapshot(1, snapshot('a'))
    assert.strictEqual(shown(coordinator.abort()), 'Abort 1 suspend')
    assert.strictEqual(shown(coordinator.retry()), '', 'tasks may still wait for its barriers')
    coordinator.onAborted()
    assert.strictEqual(shown(coordinator.retry()), 'Inject 2 suspend')
  })
})
