// The relay of the lease rounds: its process names itself in each output, and tells of its events and of how many outputs it has sent.
import { parseArgs } from 'node:util'
import { isMainThread } from 'node:worker_threads'
import { Checkpoints, Coder, type Job, type JobEvent, millis, orThrow, PCollection, Pipeline, pipe } from 'jetbeam'
import { Delivery, JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'

/** What the process tells its parent. */
export type LeaseTold =
  { readonly _tag: 'Event'; readonly event: JobEvent['_tag'] } | { readonly _tag: 'Sent'; readonly sent: number; readonly inDoubt: boolean }

/** Workers get these as well: their environment is the process's. */
const { JETBEAM_LEASE_ROUND: round = '', JETBEAM_LEASE_SPIN_MS: spinMs = '0' } = process.env

const spin = (): void => {
  for (const until = performance.now() + Number(spinMs); performance.now() < until;);
}

/** Slow enough for a backlog that outlasts its lease. */
export const leaseRelay = Pipeline.define(import.meta, 'lease-relay', () =>
  pipe(
    JetStreamIO.read({ stream: `IN${round}`, coder: Coder.string, splits: 2 }),
    PCollection.orFail,
    PCollection.map(text => {
      spin()
      return `${text} ${process.pid}`
    }),
    JetStreamIO.write({ stream: `OUT${round}`, subject: `out${round}`, coder: Coder.string, delivery: Delivery.messageIds }),
  ),
)

const tell = (told: LeaseTold): void => {
  if (process.connected) process.send?.(told)
}

const sentBy = ({ metrics }: Job): LeaseTold => {
  const { sinks, lease } = metrics()
  const sent = Object.values(sinks).reduce((sum, { published = 0, inFlight = 0 }) => sum + published + inFlight, 0)
  return { _tag: 'Sent', sent, inDoubt: lease.inDoubt }
}

const run = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      nats: { type: 'string', default: '' },
      store: { type: 'string', default: '' },
      workers: { type: 'string' },
      'lease-ms': { type: 'string', default: '15000' },
    },
  })
  const stop = new AbortController()
  process.once('SIGTERM', () => stop.abort())
  const options = {
    job: `lease${round}`,
    provide: [JetStreamIO.connection({ servers: values.nats }), JetStreamIO.connection({ name: 'store', servers: values.store })],
    checkpoints: Checkpoints.jetstream({ connection: 'store', every: millis(500), leaseDuration: millis(Number(values['lease-ms'])) }),
    signal: stop.signal,
    onEvent: (event: JobEvent) => tell({ _tag: 'Event', event: event._tag }),
  }
  const start =
    values.workers === undefined ? DirectRunner.start(options) : WorkerThreadsRunner.start({ ...options, workers: Number(values.workers) })
  const job = await orThrow(start(leaseRelay()))
  const telling = setInterval(() => tell(sentBy(job)), 100)
  try {
    await orThrow(job.done)
  } finally {
    clearInterval(telling)
    tell(sentBy(job))
  }
}

if (isMainThread)
  try {
    await run()
  } catch (error) {
    process.stderr.write(error instanceof Error ? `${error.name}: ${error.message}` : String(error))
    process.exitCode = 1
  } finally {
    if (process.connected) process.disconnect()
  }
