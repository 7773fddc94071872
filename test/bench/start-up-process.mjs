// A process of a user's, in plain JavaScript on the compiled package: what it takes from nothing to the end of a tiny pipeline.
// start-up-process.mjs direct | threads WORKERS
import { isMainThread } from 'node:worker_threads'
import { Create, orThrow, PCollection, Pipeline, pipe } from 'jetbeam'

export const tiny = Pipeline.define(import.meta, 'tiny', () =>
  pipe(
    Create.of([1, 2, 3, 4]),
    PCollection.map(n => n + 1),
    PCollection.ignore,
  ),
)

if (isMainThread) {
  const [runner, workers] = process.argv.slice(2)
  const { start } =
    runner === 'threads'
      ? (await import('jetbeam/runners/worker-threads')).WorkerThreadsRunner
      : (await import('jetbeam/runners/direct')).DirectRunner
  const job = await orThrow(pipe(tiny(), start(runner === 'threads' ? { workers: Number(workers) } : {})))
  const readyMs = performance.now()
  const { state, metrics } = await orThrow(job.done)
  if (state !== 'done' || metrics.elementsRead !== 4) throw new Error(`it ended as ${state} after ${metrics.elementsRead} elements`)
  const { user, system } = process.cpuUsage()
  process.stdout.write(JSON.stringify({ readyMs, doneMs: performance.now(), cpuMs: (user + system) / 1_000 }))
}
