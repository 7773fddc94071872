// The process that the crash test kills: it runs one of the pipelines, and ends itself, or one of its workers, where it is told to.
import { parseArgs } from 'node:util'
import { Checkpoints, type JobEvent, millis, pipe, type RunOptions } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { steadyConnection } from '../support/steady-connection.ts'
import { isDeath, type Phase, type Sentence, type Told } from './kills.ts'
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts'
import { lostHistory } from './lost-history.ts'
import { lateRelay, relay } from './relay-program.ts'
import { queue, windows } from './windows-program.ts'
import { endSomeWorker } from './worker-death.ts'

const { values } = parseArgs({
  options: {
    pipeline: { type: 'string', default: 'windows' },
    nats: { type: 'string', default: 'nats://127.0.0.1:4222' },
    checkpoints: { type: 'string', default: '' },
    workers: { type: 'string' },
  },
})

const pipelines: Readonly<Record<string, typeof relay>> = { relay, windows, queue, lateRelay }

let phase: Phase | null = null
/** Its manifest is durable, and its outputs leave. */
let committing = false
let aligning: NodeJS.Timeout | undefined
/** In front of the server, for a sink alone. */
let proxy: TcpProxy | null = null
/** Checkpoints that acknowledgments came too late for. */
let givenUp = 0
/**
 * A sink is flushed twice for its position: the answer about a checkpoint comes two delays behind its barrier. With a timeout of 1 s, and 1 s
 * until the next attempt, that is while the third one waits for its own answer.
 */
const lateByMs = 2_250
const lateTimeout = millis(1_000)

const die = (): void => void process.kill(process.pid, 'SIGKILL')

const onEvent = (event: JobEvent): void => {
  process.send?.(event._tag satisfies Told)
  if (event._tag === 'Restarting' && lostHistory.test(event.message)) process.send?.('LostHistory' satisfies Told)
  switch (event._tag) {
    case 'CheckpointStarted':
      if (phase === 'beforeBarrier') die()
      // Somewhere in it: a checkpoint that is faster than that is none that was aligning.
      if (phase === 'duringAlignment') aligning = setTimeout(die, Math.random() * 3)
      break
    case 'CheckpointAligned':
      clearTimeout(aligning)
      if (phase === 'afterSnapshot') die()
      break
    case 'CheckpointWritten':
      if (phase === 'beforeManifest') die()
      break
    case 'CheckpointDurable':
      committing = true
      if (phase === 'lateAcknowledgments' && givenUp > 0) die()
      if (phase === 'beforeCommit') die()
      break
    case 'CheckpointCompleted':
      committing = false
      if (phase === 'afterCommit') die()
      break
    case 'CheckpointAborted':
      // What is on its way dies with this process, unless three were given up: then all of it arrives.
      if (phase === 'lateAcknowledgments' && ++givenUp === 3) proxy?.delay(0)
      break
    default:
      break
  }
}

process.on('message', ({ kill }: Sentence) => {
  if (isDeath(kill)) endSomeWorker(kill)
  else phase = kill
  if (kill === 'lateAcknowledgments') proxy?.delay(lateByMs)
})

const run = async (): Promise<void> => {
  const servers = values.nats
  const stop = new AbortController()
  process.once('SIGTERM', () => stop.abort())
  // Some of the outputs have left when one of them is heard of.
  const nc = await steadyConnection(servers)
  nc.subscribe('out.>', { callback: () => (phase === 'duringCommit' && committing ? die() : undefined) })
  const isLate = values.pipeline === 'lateRelay'
  if (isLate) proxy = await tcpProxy(Number(new URL(servers).port))
  const late = proxy === null ? [] : [JetStreamIO.connection({ name: 'late', servers: `nats://127.0.0.1:${proxy.port}` })]
  const options: RunOptions = {
    provide: [JetStreamIO.connection({ servers }), ...late],
    checkpoints: Checkpoints.directory(values.checkpoints, { every: millis(150), ...(isLate ? { timeout: lateTimeout } : {}) }),
    restart: { attempts: 1_000, initial: millis(50), max: millis(500) },
    signal: stop.signal,
    onEvent,
  }
  const pipeline = pipelines[values.pipeline]?.()
  if (pipeline === undefined) throw new Error(`there is no pipeline ${values.pipeline}`)
  const task =
    values.workers === undefined
      ? pipe(pipeline, DirectRunner.run(options))
      : pipe(pipeline, WorkerThreadsRunner.run({ ...options, workers: Number(values.workers) }))
  const ended = await task()
  await nc.close()
  await proxy?.close()
  if (ended._tag === 'Left') throw new Error(ended.left.message)
}

try {
  await run()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
} finally {
  if (process.connected) process.disconnect()
}
