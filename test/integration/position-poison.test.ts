// Messages of streams read by position that end each run that reads them: how they are found, given up and counted.
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import { millis, pipe, type PortablePipeline } from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import type { Log } from '../../runners/host/log.ts'
import { countOnce } from '../support/count-once.ts'
import { range } from '../support/jetstream-context.ts'
import { natsPlace } from '../support/nats-place.ts'
import { poisonedRelay } from '../support/poison-programs.ts'
import { streamTexts } from '../support/read-stream.ts'

describe('A read by position that meets a message on which the run fails each time', function () {
  this.timeout(120_000)
  const nats = natsPlace()
  let jsm: JetStreamManager
  before(async () => {
    jsm = await jetstreamManager(nats.nc())
    for (const name of ['COPIED', 'DEAD']) await jsm.streams.add({ name, subjects: [name.toLowerCase()] })
  })
  beforeEach(() => Promise.all(['COPIED', 'DEAD'].map(name => jsm.streams.purge(name))))

  let streams = 0
  /** `numbers`, each under a different subject. */
  const newStream = async (numbers: ReadonlyArray<number>): Promise<string> => {
    const name = `S${++streams}`
    await jsm.streams.add({ name, subjects: [`${name}.>`] })
    const js = jetstream(nats.nc())
    for (const n of numbers) await js.publish(`${name}.${n}`, `${n}`)
    return name
  }

  const runners = {
    'the direct runner': (pipeline: PortablePipeline, log: Log, job: string) =>
      pipe(pipeline, DirectRunner.run({ ...nats.options(job), log, until: 'end', restart: { attempts: 0 } })),
    'worker threads': (pipeline: PortablePipeline, log: Log, job: string) =>
      pipe(pipeline, WorkerThreadsRunner.run({ ...nats.options(job), log, until: 'end', workers: 2, restart: { attempts: 0 } })),
  } as const

  /** Starts it again, as its supervisor does, until it gets to its end; gives how often it did not, and which positions were given up. */
  const untilItEnds = async (run: (log: Log) => Promise<{ readonly _tag: string }>) => {
    const givenUp: unknown[] = []
    const log: Log = (_, text, fields) => {
      if (text.includes('is given up')) givenUp.push((fields as { readonly position: number }).position)
    }
    for (let failures = 0; failures < 40; failures++) if ((await run(log))._tag === 'Right') return { failures, givenUp }
    throw new Error('it has not ended')
  }

  const copied = async (expected: ReadonlyArray<number>): Promise<void> =>
    assert.deepEqual(
      countOnce(
        expected.map(n => `${n}`),
        await streamTexts(nats.nc(), 'COPIED'),
      ),
      { lost: [], repeated: [], unexpected: [] },
    )
  const dead = async (): Promise<ReadonlyArray<string>> => [...(await streamTexts(nats.nc(), 'DEAD'))].sort()

  for (const [name, runner] of Object.entries(runners))
    describe(`on ${name}`, () => {
      const supervised = (job: string, pipeline: () => PortablePipeline) => untilItEnds(log => runner(pipeline(), log, job)())

      for (const then of ['deadLetter', 'terminate'] as const)
        it(`gives it up once it has failed alone, and hands on all others once: ${then}`, async () => {
          const stream = await newStream(range(0, 30))
          const { failures, givenUp } = await supervised(`one-${stream}`, () =>
            poisonedRelay({ streams: [stream], then, fatal: ['3', '17'] }),
          )
          assert.deepEqual(givenUp, [4, 18])
          assert.isAtLeast(failures, 4, 'three in company, and once alone')
          await copied(range(0, 30).filter(n => n !== 3 && n !== 17))
          assert.deepEqual(await dead(), then === 'deadLetter' ? ['17', '3'] : [])
          if (then === 'terminate') return
          const message = await jsm.streams.getMessage('DEAD', { last_by_subj: 'dead' })
          assert.strictEqual(message?.header.get('Jetbeam-Error'), 'no run came to a checkpoint behind it in 4 attempts')
        })

      it('gives up none but these, though several splits and streams have one, and they fail behind a shuffle', async () => {
        const [one, two] = [await newStream(range(0, 40)), await newStream(range(40, 60))]
        const fatal = ['7', '21', '44']
        await supervised(`several-${one}`, () =>
          poisonedRelay({ streams: [one, two], then: 'deadLetter', byHash: true, shuffled: true, fatal }),
        )
        await copied(range(0, 60).filter(n => !fatal.includes(`${n}`)))
        assert.deepEqual(await dead(), [...fatal].sort())
      })

      it('reads it again in each run where it has no policy', async () => {
        const stream = await newStream(range(0, 10))
        for (let attempts = 0; attempts < 6; attempts++)
          assert.strictEqual(
            (await runner(poisonedRelay({ streams: [stream], fatal: ['3'] }), () => undefined, `none-${stream}`)())._tag,
            'Left',
          )
      })
    })

  it('counts runs whose thread died without a word', async () => {
    const stream = await newStream(range(0, 20))
    const { givenUp } = await untilItEnds(log =>
      runners['worker threads'](
        poisonedRelay({ streams: [stream], then: 'deadLetter', dies: true, fatal: ['5'] }),
        log,
        `dies-${stream}`,
      )(),
    )
    assert.deepEqual(givenUp, [6])
    await copied(range(0, 20).filter(n => n !== 5))
    assert.deepEqual(await dead(), ['5'])
  })

  it('begins again in the same process, and shows in its metrics what it gave up', async () => {
    const stream = await newStream(range(0, 20))
    const options = { ...nats.options(`same-${stream}`), log: () => undefined, until: 'end' } as const
    const restart = { attempts: 20, initial: millis(1), max: millis(1) }
    const ended = await pipe(
      poisonedRelay({ streams: [stream], then: 'terminate', fatal: ['5'] }),
      DirectRunner.run({ ...options, restart }),
    )()
    if (ended._tag === 'Left') return assert.fail(ended.left.message)
    const [split] = ended.right.metrics.splits
    assert.deepEqual([ended.right.metrics.restarts, split?.reader['givenUp']], [4, 1])
    await copied(range(0, 20).filter(n => n !== 5))
  })
})
