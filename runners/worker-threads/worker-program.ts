// The program of a worker thread: one run after another, because loading modules takes longer than many a run.
import { parentPort } from 'node:worker_threads'
import { failureClass } from '../host/failure-counts.ts'
import { systemClock } from '../host/clock.ts'
import { failureOf } from './failure.ts'
import { loadingHere } from './loading.ts'
import { rebuilt } from './pipeline-module.ts'
import { oneWay, type Start, type ToMain } from './protocol.ts'
import { WorkerRun } from './worker-run.ts'

/** Waits for runs. Throws where this is not a worker thread. */
export const serve = (): void => {
  if (parentPort === null) throw new Error('this is the program of a worker thread: run a pipeline with WorkerThreadsRunner instead')
  parentPort.on('message', ({ setup, main, question }: Start) => {
    const say = (message: ToMain): void => main.postMessage(message)
    WorkerRun.open(setup, main, { clock: systemClock, rebuild: (its, onStep) => rebuilt(its, loadingHere(), onStep) })
      .then(run => run.run(question))
      .then(
        () => say({ ...oneWay, _tag: 'Closed' }),
        (error: unknown) =>
          say({ ...oneWay, _tag: 'Failed', error: failureOf.ofThrown(setup.worker, error), failureClass: failureClass(error) }),
      )
      .finally(() => main.close())
  })
}
