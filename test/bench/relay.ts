// JetStream to JetStream with message ids: ours, exactly once, against the loops that people write.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { Checkpoints, Coder, orThrow, PCollection, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { NatsServer } from 'jetbeam/testing/nats-server'
import type { BenchOptions } from './bench-options.ts'
import { atLeast, measure, type Row, timed, type Timing } from './measure.ts'
import { pipelinedLoop, plainLoop } from './relay-loops.ts'

const payloadBytes = 128

export const relay = async ({ quick }: BenchOptions): Promise<Row> => {
  const elements = quick ? 50_000 : 300_000
  const few = quick ? 2_000 : 5_000
  const server = await NatsServer.start()
  const folder = await mkdtemp(join(tmpdir(), 'jetbeam-bench-'))
  const nc = await connect({ servers: server.url, noAsyncTraces: true })
  try {
    await fill(nc, 'MANY', elements)
    await fill(nc, 'FEW', few)
    let run = 0
    /** A fresh destination for each run, counted and removed afterwards. */
    const into = (count: number, work: (to: string) => Promise<void>) => async (): Promise<Timing> => {
      const to = `TO${run++}`
      const jsm = await jetstreamManager(nc)
      await jsm.streams.add({ name: to, subjects: [`${to}.>`] })
      const timing = await timed(() => work(to))
      const { messages } = (await jsm.streams.info(to)).state
      if (messages !== count) throw new Error(`${messages} messages arrived of ${count}`)
      await jsm.streams.delete(to)
      return timing
    }
    const measured = await measure(
      [
        { name: 'consume, await publish, ack', elements: few, run: into(few, to => plainLoop(nc, 'FEW', to, few)) },
        { name: 'best hand-written pipelined loop', elements, run: into(elements, to => pipelinedLoop(nc, 'MANY', to, elements)) },
        { name: 'jetbeam, exactly once', elements, run: into(elements, to => byPipeline(server.url, 'MANY', to, join(folder, to))) },
      ],
      quick ? 3 : 7,
    )
    return {
      name: 'relay',
      measured,
      targets: [
        atLeast(measured, 'jetbeam, exactly once', 15, 'consume, await publish, ack'),
        atLeast(measured, 'jetbeam, exactly once', 0.8, 'best hand-written pipelined loop'),
      ],
    }
  } finally {
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const byPipeline = async (url: string, from: string, to: string, checkpoints: string): Promise<void> => {
  const pipeline = Pipeline.of(
    pipe(
      JetStreamIO.readMessages({ stream: from, coder: Coder.bytes }),
      PCollection.orFail,
      PCollection.map(({ subject, value }) => ({ subject: `${to}${subject.slice(subject.indexOf('.'))}`, value })),
      JetStreamIO.writeMessages({ stream: to, coder: Coder.bytes }),
    ),
  )
  const place = {
    provide: [JetStreamIO.connection({ servers: url })],
    checkpoints: Checkpoints.directory(checkpoints),
    until: 'end',
    job: 'relay',
  } as const
  await orThrow(pipe(pipeline, DirectRunner.run(place)))
}

const fill = async (nc: NatsConnection, stream: string, count: number): Promise<void> => {
  const jsm = await jetstreamManager(nc)
  await jsm.streams.add({ name: stream, subjects: [`${stream}.>`] })
  const payload = new Uint8Array(payloadBytes).fill(120)
  // Acknowledged: a server may drop some of a burst that nobody waits for.
  const js = jetstream(nc)
  for (let i = 0; i < count; i += 1_000) {
    await Promise.all(Array.from({ length: Math.min(1_000, count - i) }, (_, n) => js.publish(`${stream}.${n % 10}`, payload)))
  }
}
