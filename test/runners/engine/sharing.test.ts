// Who is asked to give work to whom: whoever has most, as often as somebody has nothing left.
import { assert } from 'chai'
import { Sharing, type SharingCommand } from '../../../runners/engine/sharing.ts'

const stage = 'read'

/** Says for each task what it has left, of which it has read `read` since it said so before; gives who was asked to give. */
const askedToGive = (sharing: Sharing, remaining: ReadonlyArray<number>, read = 5): ReadonlyArray<number> => {
  const say = (task: number, left: number): ReadonlyArray<SharingCommand> =>
    sharing.onShare(task, { stage, watermark: 0, output: 0, remaining: left, settled: false })
  const tasks = [...remaining.entries()]
  const busy = tasks.filter(([, left]) => left > 0)
  const commands = [
    ...busy.flatMap(([task, left]) => say(task, left + read)),
    ...busy.flatMap(([task, left]) => say(task, left)),
    // Last: there is somebody to choose from.
    ...tasks.filter(([, left]) => left === 0).flatMap(([task]) => say(task, 0)),
  ]
  return commands.flatMap(command => (command._tag === 'Give' ? [command.from] : []))
}

describe('Work of a stage', () => {
  it('is given by the task that has most left, wherever it stands', () => {
    assert.deepEqual(askedToGive(new Sharing([stage], 4), [0, 50, 100, 70]), [2])
    assert.deepEqual(askedToGive(new Sharing([stage], 4), [0, 100, 50, 70]), [1])
    assert.deepEqual(askedToGive(new Sharing([stage], 4), [50, 70, 100, 0]), [2])
  })

  it('stays where it will be done before the next look at it', () => {
    assert.deepEqual(askedToGive(new Sharing([stage], 2), [0, 50], 60), [])
  })

  it('moves again and again, for as long as somebody has nothing left and somebody has enough', () => {
    const sharing = new Sharing([stage], 2)
    for (let left = 1_000; left > 30; left /= 2) {
      assert.deepEqual(askedToGive(sharing, [0, left]), [1])
      const [take] = sharing.onGiven({ _tag: 'Restriction', bytes: new Uint8Array(), watermark: 0 })
      assert.deepInclude(take, { _tag: 'Take', to: 0 })
      sharing.onTaken()
    }
  })
})
