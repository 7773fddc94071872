// A script without `main`: pipelines of other modules, on two runners. Where NATS is belongs to the place that runs them, not to them.
//
//   NATS_URL=nats://127.0.0.1:4222 node --import tsx -C jetbeam-source examples/script.ts kinglear.txt ./state
import { Checkpoints, orThrow, pipe, seconds } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { relay } from './relay.ts'
import { sessions } from './sessions.ts'
import { wordCount } from './word-count.ts'

const [text = 'kinglear.txt', state = './state'] = process.argv.slice(2)
const provide = [JetStreamIO.connection({ servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222' })]
const checkpoints = Checkpoints.directory(state, { every: seconds(1) })

// A small job, and one up to what its stream holds now, with all checks.
await orThrow(pipe(wordCount({ from: text, to: `${text}.counts` }), DirectRunner.run()))
await orThrow(pipe(sessions(), DirectRunner.run({ provide, checkpoints, until: 'end', strict: true })))

// On all cores, without end; SIGTERM lets every window fire, and what was read is written.
const job = await orThrow(pipe(relay({ from: 'VIEWS', to: 'EU' }), WorkerThreadsRunner.start({ workers: 2, provide, checkpoints })))
process.once('SIGTERM', () => void job.drain())
console.log('relaying')
const { state: end, metrics } = await orThrow(job.done)
console.log(`${end}: ${metrics.elementsWritten} written`)
