// What is on its way from one worker to another is bounded in bytes, however slow the other one is.
import { MessageChannel } from 'node:worker_threads'
import { assert } from 'chai'
import { Create, GroupByKey, PCollection, Pipeline, pipe } from '../../../sdk/index.ts'
import { planOf } from '../../../runners/plan/plan.ts'
import type { Message } from '../../../runners/engine/messages.ts'
import { BatchCodec } from '../../../runners/worker-threads/batch-codec.ts'
import { Link } from '../../../runners/worker-threads/link.ts'

const mostSent = 200

const batch = {
  keys: Array.from({ length: 1_000 }, (_, i) => i % 7),
  values: Array.from({ length: 1_000 }, () => 'x'.repeat(100)),
  timestamps: Array.from({ length: 1_000 }, () => 0),
  windows: null,
  panes: null,
  positions: null,
  lifted: false,
}

describe('a link between two workers', () => {
  const pipeline = Pipeline.of(
    pipe(
      Create.of([1]),
      PCollection.keyBy(n => n),
      GroupByKey.of,
      PCollection.ignore,
    ),
  )
  const stages = planOf(pipeline.graph).stages.filter(({ head }) => head._tag === 'Group')

  it('holds its sender back at some megabytes, and lets it go on when they are taken in', async () => {
    const [stage] = stages
    assert.isDefined(stage)
    const bytes = new BatchCodec(stage).encode(batch).byteLength
    const { port1, port2 } = new MessageChannel()
    let onCredit = (): void => undefined
    const deaf = { deliver: () => undefined, onWaiting: () => undefined, onCredit: () => undefined }
    const sender = new Link(port1, stages, { ...deaf, onCredit: () => onCredit() })
    const came: Message[] = []
    const receiver = new Link(port2, stages, { ...deaf, deliver: (_, __, message) => void came.push(message) })
    sender.listen()
    let sent = 0
    const fill = (): void => {
      for (; !sender.congested && sent < mostSent; sent++) sender.send('from/0', stage.id, { _tag: 'Batch', batch, side: null })
    }
    fill()
    // Nobody takes anything in.
    await new Promise(resolve => setTimeout(resolve, 20))
    fill()
    assert.isBelow(sent * bytes, 5 * 1_024 * 1_024)
    let most = 0
    const turns = new Promise<void>(resolve => {
      onCredit = () => {
        fill()
        most = Math.max(most, (sent - came.length) * bytes)
        if (came.length >= mostSent) resolve()
      }
    })
    receiver.listen()
    await turns
    assert.isBelow(most, 5 * 1_024 * 1_024)
    sender.close()
  })
})
