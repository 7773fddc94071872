// A job goes back to its savepoint: what a real stream holds afterwards, and what becomes of a process that was asleep meanwhile.
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import { Checkpoints, type Job, millis, orThrow, pipe, type RunOptions } from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { natsPlace, pause } from '../support/nats-place.ts'
import { type Program, startProgram } from '../support/program.ts'
import { streamTexts } from '../support/read-stream.ts'
import { relay } from '../support/relay-process.ts'
import { counted, relayed } from './rollback-programs.ts'
import { until } from '../support/until.ts'

const log = (): void => undefined
const runners = {
  'the direct runner': (pipeline: typeof relayed, o: RunOptions) => orThrow(pipe(pipeline(), DirectRunner.start({ ...o, log }))),
  'two workers': (pipeline: typeof relayed, o: RunOptions) =>
    orThrow(pipe(pipeline(), WorkerThreadsRunner.start({ ...o, workers: 2, log }))),
}

describe('A job on JetStream that goes back to its savepoint', function () {
  this.timeout(180_000)
  const nats = natsPlace()
  const streams = ['NUMBERS', 'BACK', 'RELAYED']
  beforeEach(async () => {
    const jsm = await jetstreamManager(nats.nc())
    for (const name of streams) await jsm.streams.add({ name, subjects: [name.toLowerCase()] })
  })
  afterEach(async () => {
    const jsm = await jetstreamManager(nats.nc())
    for (const name of streams) await jsm.streams.delete(name)
  })
  const publish = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) await jetstream(nats.nc()).publish('numbers', `${n}`)
  }
  const reach = async (stream: string, messages: number): Promise<void> => {
    const jsm = await jetstreamManager(nats.nc())
    while ((await jsm.streams.info(stream)).state.messages < messages) await pause(20)
  }
  const numbers = (from: number, to: number): ReadonlyArray<string> => Array.from({ length: to - from }, (_, i) => `${from + i}`)
  const tens = (from: number, to: number): ReadonlyArray<string> => Array.from({ length: to - from }, (_, i) => `${(from + i) * 10}: 10`)

  for (const [name, start] of Object.entries(runners)) {
    it(`publishes what follows from it again, all and only that, where outputs leave as they come, on ${name}`, async () => {
      const job: Job = await start(relayed, nats.options(`relayed-${name.length}`))
      await publish(0, 40)
      await reach('BACK', 40)
      await orThrow(job.savepoint('then'))
      await publish(40, 100)
      await reach('BACK', 100)
      const { visible } = await orThrow(job.rollback('then'))
      const [{ sink, since, until } = assert.fail('nothing is visible')] = visible
      assert.strictEqual(sink, 'JetStreamIO.write(BACK)#1')
      assert.propertyVal(until, 'lastSequence', 100)
      assert.isAtMost((since as { readonly lastSequence: number }).lastSequence, 40)
      await reach('BACK', 160)
      await publish(100, 110)
      await reach('BACK', 170)
      assert.strictEqual((await orThrow(job.suspend)).state, 'suspended')
      const last = await orThrow(pipe(relayed(), DirectRunner.run({ ...nats.options(`relayed-${name.length}`), log, until: 'end' })))
      assert.deepEqual([last.state, last.metrics.elementsRead], ['done', 0])
      assert.sameOrderedMembers(
        [...(await streamTexts(nats.nc(), 'BACK'))],
        [...numbers(0, 40), ...numbers(40, 100), ...numbers(40, 100), ...numbers(100, 110)],
      )
    })

    it(`and where they wait for checkpoints, which a stream keeps, on ${name}`, async () => {
      const options = { ...nats.options(`counted-${name.length}`), checkpoints: Checkpoints.jetstream({ every: millis(50) }) }
      const job: Job = await start(counted, options)
      await publish(0, 45)
      await reach('BACK', 4)
      await orThrow(job.savepoint('then'))
      await publish(45, 95)
      await reach('BACK', 9)
      const { checkpoints } = await orThrow(job.rollback('then'))
      assert.isBelow(checkpoints.after ?? Infinity, checkpoints.through ?? -1)
      await reach('BACK', 14)
      await publish(95, 101)
      await reach('BACK', 15)
      await orThrow(job.cancel)
      assert.sameOrderedMembers([...(await streamTexts(nats.nc(), 'BACK'))], [...tens(0, 4), ...tens(4, 9), ...tens(4, 9), ...tens(9, 10)])
    })
  }

  it('refuses a process of the old run that was stopped meanwhile and wakes up: it publishes nothing more', async () => {
    const options = { ...nats.options('relay-process'), job: 'relay-process', log }
    const job = await orThrow(pipe(relay(), DirectRunner.start(options)))
    await publish(0, 40)
    await reach('RELAYED', 40)
    // A position is what the sink knew to be stored at the barrier: the last acknowledgment may still be on its way.
    await until('all outputs are acknowledged', () => Object.values(job.metrics().sinks).every(({ inFlight = 0 }) => inFlight === 0))
    await orThrow(job.savepoint('then'))
    await orThrow(job.suspend)
    const place = ['--checkpoints', nats.folder('relay-process'), '--every', '100ms', '--quiet', '--nats', nats.nc().getServer()]
    const sleeper = startProgram('./relay-process.ts', place)
    let back: Program | null = null
    try {
      await publish(40, 70)
      await reach('RELAYED', 70)
      sleeper.signal('SIGSTOP')
      const stoppedMs = performance.now()
      const leases = join(nats.folder('relay-process'), 'relay-process', 'lease')
      const claims = (await readdir(leases)).filter(file => file.endsWith('.claim.json')).sort()
      // As an operator does who is sure that it is gone.
      await writeFile(join(leases, (claims.at(-1) ?? '').replace('.claim.json', '.released')), '')
      back = startProgram('./relay-process.ts', [...place, '--from-savepoint', 'then'])
      await publish(70, 80)
      await reach('RELAYED', 70 + 40)
      // A lease is silent for longer than that before anybody takes it over: 15 s.
      await pause(Math.max(0, 2_500 - (performance.now() - stoppedMs)))
      sleeper.signal('SIGCONT')
      assert.strictEqual(await sleeper.ended, 1)
      assert.include(sleeper.errors(), 'took over')
      await publish(80, 90)
      await reach('RELAYED', 120)
      back.signal('SIGTERM')
      assert.strictEqual(await back.ended, 0)
      assert.match(
        back.errors(),
        /goes on from its savepoint "then", as a new run.*\n- .*"lastSequence":40.* to .*"lastSequence":70/,
        back.errors(),
      )
      assert.sameOrderedMembers([...(await streamTexts(nats.nc(), 'RELAYED'))], [...numbers(0, 70), ...numbers(40, 90)])
    } finally {
      for (const program of [sleeper, back]) {
        program?.signal('SIGKILL')
        await program?.ended
      }
    }
  })
})
