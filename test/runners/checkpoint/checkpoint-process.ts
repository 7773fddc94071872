// A process of its own that holds a job's checkpoints and does what its parent writes to it, line by line; it answers in lines of JSON.
// Arguments: where the store is, the job, leaseExpiryMs.
import { createInterface } from 'node:readline'
import { CheckpointError, type CheckpointSession } from '../../../runners/checkpoint/index.ts'
import { storeAt } from './store-at.ts'

const [place = '', job, expiry] = process.argv.slice(2)
const store = storeAt(place, { leaseExpiryMs: Number(expiry) })
let session: CheckpointSession | null = null
let epoch = -1

const say = (answer: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
const held = (): CheckpointSession => {
  if (session === null) throw new Error('there is no session')
  return session
}
const content = (n: number): ReadonlyArray<Uint8Array> => [new Uint8Array(1_000 + (n % 7)).fill(n % 251)]

const commit = async (): Promise<void> => {
  const next = epoch + 1
  const segments = await Promise.all([0, 1, 2].map(i => held().writeSegment(content(next + i))))
  await held().commit(next, segments, { epoch: next })
  epoch = next
  say({ epoch })
}

const verbs: Readonly<Record<string, () => Promise<void>>> = {
  open: async () => {
    session = await store.open(job ?? '')
    epoch = session.latest?.epoch ?? -1
    say({ generation: session.generation, epoch })
  },
  commit,
  /** Until it is killed or refused. */
  loop: async () => {
    for (;;) await commit()
  },
  segment: async () => {
    await held().writeSegment(content(0))
    say({ written: true })
  },
  /** Says so, and goes on writing for as long as it lives. */
  halfSavepoint: async () => {
    setTimeout(() => say({ begun: true }), 300)
    await store.writeSavepoint(job ?? '', 'half', Array<Uint8Array>(10_000).fill(new Uint8Array(1_000)), null)
  },
  ensure: async () => {
    await held().ensureHeld()
    say({ held: true })
  },
  /** Until when it may rely on its lease then, by the machine's monotonic clock. */
  renew: async () => {
    await held().renew()
    say({ untilMs: held().confirmed().untilMs })
  },
  lost: async () => say({ lost: held().lost() }),
  release: async () => {
    await held().release()
    say({ released: true })
  },
}

say({ ready: true })
for await (const line of createInterface({ input: process.stdin })) {
  await verbs[line]?.().catch((error: unknown) => {
    say(error instanceof CheckpointError ? { refused: error.kind, message: error.message } : { failed: String(error) })
  })
}
