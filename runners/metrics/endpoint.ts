// The HTTP endpoint of a job: metrics for a scraper, liveness and readiness for an orchestrator. It only reads.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { errorText } from '../../sdk/model/error-text.ts'
import type { JobState } from '../../sdk/model/job-event.ts'
import type { JobMetrics } from '../../sdk/model/job-metrics.ts'
import { type MetricsFormat, prometheusText } from '../../sdk/model/prometheus.ts'
import { withoutSecretsIn } from '../../sdk/model/secret-text.ts'
import type { ListenAddress } from './address.ts'
import { readinessOf } from './readiness.ts'

/** The part of a job that the endpoint reads. */
export interface ObservedJob {
  /** `starting`: its checkpoint store, sources and sinks are being opened. */
  readonly state: () => JobState | 'starting'
  /** null: the job has not begun to read. */
  readonly metrics: () => JobMetrics | null
}

export interface Endpoint {
  /** Where it listens: `http://127.0.0.1:9464`. */
  readonly url: string
  /** Ends it, with the connections of its clients. */
  readonly close: () => Promise<void>
}

const contentTypes: Readonly<Record<MetricsFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openMetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** A client that sends its request slowly, or many at once, costs a bounded number of sockets for a bounded time. */
const limits = { requestTimeoutMs: 5_000, idleTimeoutMs: 65_000, connections: 32 } as const

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const json = (status: number, body: object): Answer => ({ status, type: 'application/json', body: `${JSON.stringify(body)}\n` })

/**
 * Serves `/metrics`, `/live` and `/ready` until it is closed.
 *
 * @param at Where to listen; port 0 takes a free one.
 * @param name The job's name, the label `job_name` of each series: scrapers set `job` themselves.
 * @throws Error where the address cannot be listened on: it names the address and the reason.
 */
export const serveJob = async (at: ListenAddress, name: string, job: ObservedJob): Promise<Endpoint> => {
  const server = createServer({ requestTimeout: limits.requestTimeoutMs, headersTimeout: limits.requestTimeoutMs }, (request, response) =>
    send(response, request.method === 'HEAD', answerTo(request, name, job)),
  )
  server.keepAliveTimeout = limits.idleTimeoutMs
  server.maxConnections = limits.connections
  const { port } = await listening(server, at)
  return {
    url: `http://${at.host.includes(':') ? `[${at.host}]` : at.host}:${port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const listening = (server: Server, { host, port }: ListenAddress): Promise<AddressInfo> =>
  new Promise((resolve, reject) => {
    const refuse = (error: Error): void =>
      reject(new Error(`cannot listen on ${host}:${port}: ${errorText(error)}. Choose another port, or 0 for any free one.`))
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      const address = server.address()
      if (typeof address === 'object' && address !== null) resolve(address)
      else reject(new Error(`cannot listen on ${host}:${port}: it is not a TCP address.`))
    })
  })

const answerTo = (request: IncomingMessage, name: string, job: ObservedJob): Answer => {
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'This endpoint only answers GET and HEAD.' })
  const [path] = (request.url ?? '/').split('?', 1)
  try {
    switch (path) {
      case '/metrics':
        return metricsAnswer(request.headers.accept ?? '', name, job)
      case '/live':
        return json(job.state() === 'failed' ? 503 : 200, { live: job.state() !== 'failed', state: job.state() })
      case '/ready': {
        const { ready, reasons } = readinessOf(job.state(), job.metrics())
        return json(ready ? 200 : 503, { ready, state: job.state(), reasons })
      }
      default:
        return json(404, { error: 'Unknown path. There are /metrics, /live and /ready.' })
    }
  } catch (error) {
    return json(500, { error: withoutSecretsIn(errorText(error)) })
  }
}

const metricsAnswer = (accept: string, name: string, job: ObservedJob): Answer => {
  const format: MetricsFormat = accept.includes('application/openmetrics-text') ? 'openMetrics' : 'prometheus'
  const state = job.state()
  const metrics = job.metrics()
  if (metrics === null) return { status: 503, type: 'text/plain; charset=utf-8', body: 'The job is starting: it has no metrics yet.\n' }
  const body = prometheusText(metrics, { job_name: name }, { format, ...(state === 'starting' ? {} : { state }) })
  return { status: 200, type: contentTypes[format], body }
}

const send = (response: ServerResponse, isHead: boolean, { status, type, body }: Answer): void => {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD', connection: 'close' } : {}),
  })
  response.end(isHead ? undefined : body)
}
