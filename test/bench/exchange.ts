// What an element costs on its way from one worker to another: dealt out by key, encoded, handed over, decoded. Both ends are in this
// thread, so that the time is that of all the work there is.
import { MessageChannel } from 'node:worker_threads'
import { exchange } from '../../runners/engine/exchange.ts'
import type { Batch } from '../../runners/harness/batch.ts'
import type { Stage } from '../../runners/plan/stage.ts'
import { Link } from '../../runners/worker-threads/link.ts'

/** Resolves when all of it has come; rejects where it came incomplete. */
export const exchanged = async (stage: Stage, batches: ReadonlyArray<Batch>): Promise<void> => {
  if (stage.head._tag !== 'Group') throw new Error(`${stage.id} groups nothing`)
  const { keyCoder } = stage.head
  const elements = batches.reduce((sum, { values }) => sum + values.length, 0)
  const { port1, port2 } = new MessageChannel()
  let [came, ready] = [0, (): void => undefined]
  const refuse = (): never => {
    throw new Error('nobody sends anything back')
  }
  const sender = new Link(port1, [stage], { deliver: refuse, onWaiting: refuse, onCredit: () => ready() })
  const receiver = new Link(port2, [stage], {
    deliver: (_, __, message) => {
      if (message._tag === 'Batch') came += message.batch.values.length
    },
    onWaiting: refuse,
    onCredit: refuse,
  })
  sender.listen()
  receiver.listen()
  const turn = (): Promise<void> => new Promise(resolve => (ready = resolve))
  for (const batch of batches) {
    for (const part of exchange(batch, keyCoder, 2))
      if (part !== null) sender.send('from/0', stage.id, { _tag: 'Batch', batch: part, side: null })
    while (sender.congested) await turn()
  }
  while (came < elements) await turn()
  sender.close()
}
