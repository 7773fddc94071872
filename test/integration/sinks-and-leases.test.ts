// Sinks whose outputs leave with checkpoints, while the lease of their job is in doubt: nothing reaches the server until it is held again.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { assert } from 'chai'
import { kvSinkOf } from '../../io/jetstream/kv-sink.ts'
import { objectSinkOf } from '../../io/jetstream/object-sink.ts'
import type { RunningServer } from '../../io/jetstream/testing/index.ts'
import type { Sink } from '../../sdk/graph/sink.ts'
import type { HostLease } from '../../sdk/model/bindings.ts'
import { doubtfulLease } from '../support/doubtful-lease.ts'
import { outputs, range, rejection, sinkContext, testSink } from '../support/jetstream-context.ts'
import { recentServer } from '../support/recent-server.ts'
import { steadyConnection } from '../support/steady-connection.ts'

const shard = 'stage@0'
const rest = { label: 'write', connection: undefined, encode: () => undefined } as const

const sinks: ReadonlyArray<readonly [name: string, sink: Sink, subject: string, stream: string]> = [
  ['atomic batches', testSink('BATCHES', { delivery: 'atomicBatch' }), 'batches.a', 'BATCHES'],
  ['message ids', testSink('IDS', { delivery: 'messageIds' }), 'ids.a', 'IDS'],
  ['puts of keys', kvSinkOf<never>({ ...rest, bucket: 'flags', onConflict: 'fail' }), '$KV.flags.a', 'KV_flags'],
  ['puts of objects', objectSinkOf<never>({ ...rest, bucket: 'images' }), 'a', 'OBJ_images'],
]

/** `waits`: resolves when the sink waits for the lease: then nothing of it is under way. */
const watched = (lease: HostLease): { readonly lease: HostLease; readonly waits: Promise<void> } => {
  let onWait = (): void => undefined
  const waits = new Promise<void>(resolve => (onWait = resolve))
  return {
    waits,
    lease: {
      held: () => lease.held(),
      whenHeld: () => {
        onWait()
        return lease.whenHeld()
      },
    },
  }
}

describe('A sink whose job has a lease in doubt', () => {
  let server: RunningServer
  let nc: NatsConnection
  let jsm: JetStreamManager
  let epoch = 0
  before(async () => {
    server = await recentServer()
    nc = await steadyConnection(server.url)
    jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'BATCHES', subjects: ['batches.>'], allow_atomic: true })
    await jsm.streams.add({ name: 'IDS', subjects: ['ids.>'] })
    await jsm.streams.add({ name: 'KV_flags', subjects: ['$KV.flags.>'], max_msgs_per_subject: 1 })
    await jsm.streams.add({ name: 'OBJ_images', subjects: ['$O.images.C.>', '$O.images.M.>'], allow_rollup_hdrs: true })
  })
  after(async () => {
    await nc.close()
    await server.stop()
  })

  const lastOf = async (stream: string): Promise<number> => (await jsm.streams.info(stream)).state.last_seq

  for (const [name, of, subject, stream] of sinks) {
    it(`writes no ${name} until it is held again`, async () => {
      const doubtful = doubtfulLease()
      const { lease, waits } = watched(doubtful)
      const site = { generation: 1, shards: [shard], writers: 1, role: 'main' } as const
      const sink = await of.connect(sinkContext(server.url, { mode: 'checkpointed', site, lease }))
      try {
        const before = await lastOf(stream)
        doubtful.doubt()
        const committing = sink.commit({ shard, generation: 1, epoch: ++epoch }, outputs(subject, range(0, 3)), false)
        await waits
        assert.strictEqual(await lastOf(stream), before)
        doubtful.hold()
        await committing
        assert.isAbove(await lastOf(stream), before)
      } finally {
        await sink.close()
      }
    })

    it(`writes no ${name} once it is lost, and says so`, async () => {
      const doubtful = doubtfulLease()
      const { lease, waits } = watched(doubtful)
      const site = { generation: 2, shards: [shard], writers: 1, role: 'main' } as const
      const sink = await of.connect(sinkContext(server.url, { mode: 'checkpointed', site, lease, runId: 'run-2' }))
      try {
        const before = await lastOf(stream)
        doubtful.doubt()
        const committing = rejection(sink.commit({ shard, generation: 2, epoch: ++epoch }, outputs(subject, range(3, 6)), false))
        await waits
        doubtful.lose(new Error('another process took over'))
        assert.include((await committing).message, 'another process took over')
        assert.strictEqual(await lastOf(stream), before)
      } finally {
        await sink.close()
      }
    })
  }
})
