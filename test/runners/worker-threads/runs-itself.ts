// A script as somebody might write it: it runs its pipeline whenever it is imported.
import { Create, orThrow, PCollection, Pipeline, pipe } from '../../../sdk/index.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'

export const itself = Pipeline.define(import.meta, 'itself', () => pipe(Create.of([1]), PCollection.ignore))

await orThrow(pipe(itself(), WorkerThreadsRunner.run({ workers: 2 })))
