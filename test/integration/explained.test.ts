// What --explain and the log say of a sink, against a real server.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import { Delivery, JetStreamIO } from '../../io/jetstream/index.ts'
import { NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { recentServer } from '../support/recent-server.ts'
import { Checkpoints, Create, Encoder, Pipeline, orThrow, pipe } from '../../sdk/index.ts'

describe('A sink whose stream the run creates', () => {
  let server: RunningServer
  let folder = ''
  before(async () => {
    server = await NatsServer.start()
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-explained-'))
  })
  after(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })

  const write = (o: { readonly createAtomicBatches?: boolean; readonly name?: string } = {}) =>
    Pipeline.of(
      pipe(
        Create.of([1, 2]),
        JetStreamIO.write({ stream: 'MADE', subject: 'made.x', coder: Encoder.json<number>(), createSubjects: ['made.>'], ...o }),
      ),
    )
  const options = () => ({
    checkpoints: Checkpoints.directory(folder),
    provide: [JetStreamIO.connection({ servers: server.url })],
    log: () => undefined,
  })

  for (const createAtomicBatches of [false, true])
    it(`is explained before there is a stream${createAtomicBatches ? ' with atomic batches' : ''}, and makes none`, async () => {
      for (const _ of [1, 2]) {
        const text = await orThrow(pipe(write({ createAtomicBatches }), DirectRunner.explain(options())))
        assert.include(text, 'The stream MADE is missing, and the run creates it', text)
        assert.match(text, /exactly once by message ids/)
      }
    })

  it('is logged under the name that the user gave it', async () => {
    const lines: string[] = []
    const log = (_: string, message: string): void => void lines.push(message)
    await DirectRunner.runNow(write({ name: 'Totals' }), { ...options(), log })
    assert.isTrue(
      lines.some(line => line.startsWith('Totals, JetStreamIO.write(MADE): exactly once')),
      lines.join('\n'),
    )
  })
})

describe('A sink that writes in atomic batches', () => {
  it('says where its markers lie, at the start and in --explain, and moves them by its option', async () => {
    const server = await recentServer()
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-explained-'))
    try {
      const to = { stream: 'MADE', subject: 'made.x', createSubjects: ['made.>', '_apart.>'], createAtomicBatches: true } as const
      const write = Pipeline.of(
        pipe(
          Create.of([1, 2]),
          JetStreamIO.write({ ...to, coder: Encoder.json<number>(), delivery: Delivery.atomicBatch, markerSubject: '_apart.>' }),
        ),
      )
      const lines: string[] = []
      const options = {
        checkpoints: Checkpoints.directory(folder),
        provide: [JetStreamIO.connection({ servers: server.url })],
        log: (_: string, message: string): void => void lines.push(message),
      }
      const said = 'Each batch ends with a marker on _apart._jetbeam-ID: a message that every consumer of MADE receives'
      assert.include(await orThrow(pipe(write, DirectRunner.explain(options))), said)
      await DirectRunner.runNow(write, options)
      assert.include(lines.join('\n'), said)
    } finally {
      await server.stop()
      await rm(folder, { recursive: true })
    }
  })
})
