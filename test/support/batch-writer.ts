// A writer of atomic batches in a process of its own, to be stopped and woken up: it commits checkpoint after checkpoint, and says which.
import { outputs, range, sinkContext, testSink } from './jetstream-context.ts'

const [url = '', stream = '', rows = '0'] = process.argv.slice(2)
const perEpoch = Number(rows)
const shard = 'stage@0'
const site = { generation: 1, shards: [shard], writers: 1, role: 'main' } as const

const write = async (): Promise<void> => {
  const sink = await testSink(stream).connect(sinkContext(url, { mode: 'checkpointed', site }))
  for (let epoch = 1; ; epoch++) {
    process.stderr.write(`durable ${epoch}\n`)
    await sink.commit({ shard, generation: 1, epoch }, outputs(`${stream}.a`, range(epoch * perEpoch, (epoch + 1) * perEpoch)), false)
  }
}

write().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.name : String(error)}\n`)
  process.exit(1)
})
