// A module that waits, while a worker imports it, for what never comes.
import { isMainThread } from 'node:worker_threads'
import { Create, PCollection, Pipeline, pipe } from '../../../sdk/index.ts'

export const neverImported = Pipeline.define(import.meta, 'never-imported', () => pipe(Create.of([1]), PCollection.ignore))

if (!isMainThread) await new Promise(() => undefined)
