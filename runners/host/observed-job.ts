// A job with an endpoint: it listens before the job opens its store, sources and sinks, and is closed once the job has ended.
import * as E from 'fp-ts/lib/Either.js'
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'
import type { Job } from '../../sdk/model/run.ts'
import { parseListenAddress } from '../metrics/address.ts'
import { io } from './errors.ts'
import type { Log } from './log.ts'

/**
 * Starts a job, and serves its metrics and health while it runs.
 *
 * @param address `HOST:PORT`.
 * @param name The job's name.
 * @throws InvalidPipelineError for what is not an address, IoError where it cannot be listened on, and what `start` throws.
 */
export const observedJob = async (address: string, name: string, log: Log, start: () => Promise<Job>): Promise<Job> => {
  const at = parseListenAddress(address)
  if (E.isLeft(at)) throw new InvalidPipelineError(name, [`metrics: ${at.left}`])
  // Programs without an endpoint do not load an HTTP server.
  const { serveJob } = await import('../metrics/endpoint.ts')
  let job: Job | null = null
  const view = { state: () => job?.state() ?? 'starting', metrics: () => job?.metrics() ?? null } as const
  const endpoint = await io('metrics', () => serveJob(at.right, name, view))
  log('info', `Metrics and health: ${endpoint.url}/metrics, /live and /ready`)
  try {
    job = await start()
  } catch (error) {
    await endpoint.close()
    throw error
  }
  // A task: it gives a Left where others reject.
  void job.done().then(endpoint.close)
  return job
}
