// What goes wrong because of what a user wrote, configured or damaged: the exact words, and that a run goes on once the cause is gone.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as N from 'fp-ts/lib/number.js'
import { jetstream, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import {
  Checkpoints,
  Combine,
  Decoder,
  Encoder,
  FixedWindows,
  GroupByKey,
  Instant,
  named,
  orThrow,
  PCollection,
  type PDone,
  Pipeline,
  type PipelineError,
  pipe,
  seconds,
  Window,
} from 'jetbeam'
import { JetStreamIO, JetStreamIOError, subject } from 'jetbeam/io/jetstream'
import { type DirectOptions, DirectRunner } from 'jetbeam/runners/direct'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'
import { countOnce } from '../support/count-once.ts'
import { startProgram } from '../support/program.ts'
import { streamTexts } from '../support/read-stream.ts'
import { skip } from '../support/skip.ts'

const isNumber = (value: unknown): value is number => typeof value === 'number'
const range = (from: number, to: number): ReadonlyArray<number> => Array.from({ length: to - from }, (_, i) => from + i)

describe('Bad input', function () {
  let server: RunningServer
  let nc: NatsConnection
  let folder: string
  let fed = 0

  beforeEach(async () => {
    // One of its own for each test: no test finds another's streams, and nobody's server is littered.
    server = await NatsServer.start({ control: true })
    nc = await connect({ servers: server.url })
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-bad-'))
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'IN', subjects: ['in.>'] })
    await jsm.streams.add({ name: 'OUT', subjects: ['out.>'] })
    fed = 0
  })
  afterEach(async () => {
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const options = (o: DirectOptions = {}): DirectOptions => ({
    provide: [JetStreamIO.connection({ servers: server.url })],
    checkpoints: Checkpoints.directory(folder),
    job: 'job',
    until: 'end',
    ...o,
  })
  const run = (leaf: PDone, o?: DirectOptions) => orThrow(pipe(Pipeline.of(leaf), DirectRunner.run(options(o))))
  const failure = async (leaf: PDone, o?: DirectOptions): Promise<PipelineError> => {
    const ended = await pipe(Pipeline.of(leaf), DirectRunner.run(options(o)))()
    return ended._tag === 'Left' ? ended.left : assert.fail(`it ended as ${ended.right.state}`)
  }
  /** Suspends as soon as all that was fed was read. */
  const runUntilRead = async (leaf: PDone, count: number): Promise<void> => {
    const job = await orThrow(pipe(Pipeline.of(leaf), DirectRunner.start(options({ until: undefined }))))
    while (job.metrics().elementsRead < count) await new Promise(resolve => setTimeout(resolve, 10))
    await orThrow(job.suspend)
  }
  const feed = async (count: number): Promise<void> => {
    const js = jetstream(nc)
    for (const n of range(fed, fed + count)) await js.publish('in.numbers', JSON.stringify(n))
    fed += count
  }
  const arrivedOnce = async (expected: ReadonlyArray<string>): Promise<void> =>
    assert.deepStrictEqual(countOnce(expected, await streamTexts(nc, 'OUT')), { lost: [], repeated: [], unexpected: [] })

  const numbers = (stream = 'IN', subjects?: ReadonlyArray<string>): PCollection<number> =>
    pipe(
      JetStreamIO.read({ stream, subjects, coder: Decoder.json(isNumber), timestamp: n => Instant.ofMillis(n * 100) }),
      PCollection.orFail,
    )
  const toOut = JetStreamIO.write({ stream: 'OUT', subject: 'out.numbers', coder: Encoder.json<number>() })
  const relay = (): PDone => pipe(numbers(), toOut)

  describe('in the options of a source or sink', () => {
    const refuses = (build: () => PDone, tag: string, message: string): void => {
      try {
        build()
      } catch (error) {
        if (!(error instanceof JetStreamIOError)) throw error
        return assert.deepStrictEqual([error._tag, error.message], [tag, message])
      }
      assert.fail('it was not refused')
    }

    it('a wildcard to publish to is refused where the pipeline is built', () =>
      refuses(
        () => pipe(numbers(), JetStreamIO.write({ stream: 'OUT', subject: 'out.*', coder: Encoder.json<number>() })),
        'InvalidSubject',
        'JetStreamIO.write(OUT): subject: cannot publish to the subject "out.*": it has the wildcard *. Build subjects of data with the subject`…` tag, which encodes such characters.',
      ))

    it('a wildcard that data puts into a subject ends the run, and names the element', async () => {
      await feed(3)
      const raw = (n: number): string => (n === 1 ? 'out.>' : 'out.numbers')
      const wrong = await failure(pipe(numbers(), JetStreamIO.write({ stream: 'OUT', subject: raw, coder: Encoder.json<number>() })))
      assert.deepStrictEqual(
        [wrong._tag, wrong.message],
        [
          'UserCodeFailed',
          'JetStreamIO.write(OUT)#1: JetStreamIO.write(OUT) cannot publish to the subject "out.>": it has the wildcard >. Build subjects of data with the subject`…` tag, which encodes such characters.\n  while it processed 1, at position 2 of the split JetStreamIO.read(IN)#1/range-0',
        ],
      )
      await run(
        pipe(
          numbers(),
          JetStreamIO.write({
            stream: 'OUT',
            subject: n => (n === 1 ? subject`out.${'>'}` : 'out.numbers'),
            coder: Encoder.json<number>(),
          }),
        ),
      )
      await arrivedOnce(['0', '1', '2'])
    })

    it('filters that overlap are refused where the pipeline is built', () =>
      refuses(
        () => pipe(numbers('IN', ['in.>', 'in.numbers']), toOut),
        'OverlappingSubjects',
        'JetStreamIO.read(IN): subjects: the subjects "in.>" and "in.numbers" overlap. Leave out the narrower one, or make them disjoint.',
      ))
  })

  describe('in what the server has', () => {
    it('a source stream that is not there ends the run; once it is there, the run begins', async () => {
      const wrong = await failure(pipe(numbers('LATER'), toOut))
      assert.deepStrictEqual(
        [wrong._tag, wrong.message],
        ['IoFailed', `JetStreamIO.read(LATER)#1: there is no stream LATER on ${server.url}. Create it, or correct the name.`],
      )
      await (await jetstreamManager(nc)).streams.add({ name: 'LATER', subjects: ['later'] })
      await jetstream(nc).publish('later', '7')
      await run(pipe(numbers('LATER'), toOut))
      await arrivedOnce(['7'])
    })

    it('a destination stream that is not there ends the run; once it is there, the run begins', async () => {
      await feed(3)
      const jsm = await jetstreamManager(nc)
      await jsm.streams.delete('OUT')
      const wrong = await failure(relay())
      assert.deepStrictEqual(
        [wrong._tag, wrong.message],
        ['IoFailed', `JetStreamIO.write(OUT)#1: there is no stream OUT on ${server.url}. Create it, or correct the name.`],
      )
      await jsm.streams.add({ name: 'OUT', subjects: ['out.>'] })
      await run(relay())
      await arrivedOnce(['0', '1', '2'])
    })

    for (const retention of [RetentionPolicy.Workqueue, RetentionPolicy.Interest])
      it(`a destination of ${retention} retention is refused, for it would let repetitions through`, async () => {
        await (await jetstreamManager(nc)).streams.add({ name: 'QUEUE', subjects: ['queue'], retention })
        const wrong = await failure(
          pipe(numbers(), JetStreamIO.write({ stream: 'QUEUE', subject: 'queue', coder: Encoder.json<number>() })),
        )
        assert.deepStrictEqual(
          [wrong._tag, wrong.message],
          [
            'IoFailed',
            `JetStreamIO.write(QUEUE)#1: the stream QUEUE has ${retention} retention. Exactly-once looks up which outputs are in the stream after a failure, and this stream erases what its consumers have acknowledged. Use limits retention (and source QUEUE from that stream), or write with delivery: Delivery.atLeastOnce.`,
          ],
        )
      })

    it('a destination without a duplicate window is refused; with one, the same job runs', async function () {
      await feed(3)
      const jsm = await jetstreamManager(nc)
      await jsm.streams.delete('OUT')
      // The one kind of stream that a server makes without a window, from 2.15: it leaves it out of its answer then.
      await jsm.streams.add({ name: 'OUT', subjects: ['out.>'], sources: [{ name: 'IN', filter_subject: 'in.none' }] })
      const { config } = await jsm.streams.info('OUT')
      if (Object.entries(config).some(([name, value]) => name === 'duplicate_window' && value !== 0))
        return skip(this, `nats-server ${server.version} gives every stream a duplicate window`)
      const wrong = await failure(relay())
      assert.deepStrictEqual(
        [wrong._tag, wrong.message],
        [
          'IoFailed',
          'JetStreamIO.write(OUT)#1: the stream OUT has no duplicate window. Exactly-once looks up which outputs are in the stream after a failure; the window covers what arrives during that look. Set duplicate_window, to 2 minutes say, or write with delivery: Delivery.atLeastOnce.',
        ],
      )
      await jsm.streams.update('OUT', { ...config, duplicate_window: 120_000_000_000 })
      await run(relay())
      await arrivedOnce(['0', '1', '2'])
    })

    it('no server at the address ends the run, and says which address', async () => {
      const wrong = await failure(relay(), { provide: [JetStreamIO.connection({ servers: 'nats://127.0.0.1:9' })] })
      assert.deepStrictEqual(
        [wrong._tag, wrong.message],
        [
          'IoFailed',
          "JetStreamIO.read(IN)#1: No NATS server could be reached at nats://127.0.0.1:9: connection refused. Start one with JetStream (nats-server -js), or say where it is: NATS_URL, or provide: [JetStreamIO.connection({ servers: '…' })].",
        ],
      )
    })
  })

  describe('in a pipeline that goes on from a checkpoint of another', () => {
    const sums = (size: number, name: string): PDone =>
      pipe(
        numbers(),
        PCollection.keyBy(n => n % 2 === 0),
        Window.into(FixedWindows.of(seconds(size))),
        Combine.perKey(N.MonoidSum),
        PCollection.map(([, sum]) => sum),
        named(name, toOut),
      )
    const expected = ['20', '25', '70', '75']

    it('another size of window is refused, with both sizes; undone, the job goes on', async () => {
      await feed(25)
      await runUntilRead(sums(1, 'sums'), 25)
      const wrong = await failure(sums(2, 'sums'))
      assert.deepStrictEqual(
        [wrong._tag, wrong.message],
        [
          'GraphMismatch',
          'the newest checkpoint of "job" is of another pipeline:\n- Combine.perKey#1 (combine): windowing.windowFn.size was 1000 and is 2000\nStart the changed pipeline under another job name, or undo these changes',
        ],
      )
      await feed(5)
      await run(sums(1, 'sums'))
      await arrivedOnce([...expected, '120', '125'])
    })

    it('another name of a sink is refused, with both names; undone, the job goes on', async () => {
      await feed(25)
      await runUntilRead(sums(1, 'sums'), 25)
      const wrong = await failure(sums(1, 'totals'))
      assert.deepStrictEqual(
        [wrong._tag, wrong.message],
        [
          'GraphMismatch',
          'the newest checkpoint of "job" is of another pipeline:\n' +
            '- sums/JetStreamIO.write(OUT)#1 (sink) is gone: what it has not published yet would be dropped. If it goes by another path now, give it back its old one with named(…)\n' +
            '- totals/JetStreamIO.write(OUT)#1 (sink) is new: the checkpoint holds nothing of it\n' +
            'Start the changed pipeline under another job name, or undo these changes',
        ],
      )
      await run(sums(1, 'sums'))
      await arrivedOnce([...expected, '66', '44'])
    })

    it('a map more is no obstacle', async () => {
      await feed(10)
      await runUntilRead(relay(), 10)
      await feed(10)
      await run(
        pipe(
          numbers(),
          PCollection.map(n => n + 100),
          toOut,
        ),
      )
      await arrivedOnce([...range(0, 10), ...range(110, 120)].map(String))
    })
  })

  describe('in the user’s own code', () => {
    it('an element that the encoder of a sink refuses ends the run, with the transform and the element; mended, the job goes on', async () => {
      await feed(10)
      const halves = (n: number): number => (n === 7 ? Number.NaN : n)
      const wrong = await failure(pipe(numbers(), PCollection.map(halves), toOut))
      assert.deepStrictEqual(
        [wrong._tag, wrong.message],
        [
          'UserCodeFailed',
          'JetStreamIO.write(OUT)#1: cannot encode $: the number NaN. JSON writes null for it: leave the property out, or map it to null or a string.\n  while it processed NaN, at position 8 of the split JetStreamIO.read(IN)#1/range-0',
        ],
      )
      await run(relay())
      await arrivedOnce(range(0, 10).map(String))
    })

    it('an accumulator that has no bytes fails the first checkpoint that holds one, by name; mended, the job goes on', async () => {
      await feed(10)
      class Total {
        readonly sum: number
        constructor(sum: number) {
          this.sum = sum
        }
      }
      const monoid = { empty: new Total(0), concat: (a: Total, b: Total) => new Total(a.sum + b.sum) }
      const wrong = await failure(
        pipe(
          numbers(),
          PCollection.keyBy(n => n % 2),
          PCollection.mapValues(n => new Total(n)),
          Window.into(FixedWindows.of(seconds(5))),
          Combine.perKey(monoid),
          PCollection.map(([, { sum }]) => sum),
          toOut,
        ),
        { until: undefined },
      )
      assert.deepStrictEqual(
        [wrong._tag, wrong.message],
        [
          'UserCodeFailed',
          'Combine.perKey#1: cannot encode $: an instance of Total. Send plain data (records, arrays, Map, Set, Date, bytes), or give the collection or state a coder made with Coder.imap.\n  while it wrote what it keeps into a checkpoint',
        ],
      )
      const byParity = pipe(
        numbers(),
        PCollection.keyBy(n => n % 2),
        Window.into(FixedWindows.of(seconds(5))),
      )
      await run(
        pipe(
          byParity,
          Combine.perKey(N.MonoidSum),
          PCollection.map(([, sum]) => sum),
          toOut,
        ),
      )
      await arrivedOnce(['20', '25'])
    })

    it('a grouped value that has no bytes fails the first checkpoint that holds one, by name', async () => {
      await feed(10)
      const wrong = await failure(
        pipe(
          numbers(),
          PCollection.map((n): readonly [string, () => number] => ['k', () => n]),
          Window.into(FixedWindows.of(seconds(5))),
          GroupByKey.of,
          PCollection.map(([, fs]) => fs.length),
          toOut,
        ),
        { until: undefined },
      )
      assert.deepStrictEqual(
        [wrong._tag, wrong.message],
        [
          'UserCodeFailed',
          'GroupByKey#1: cannot encode $[0]: a function. Functions never leave their thread: send the data that it would work on.\n  while it wrote what it keeps into a checkpoint',
        ],
      )
    })

    it('a function that throws ends the run, with its transform, the element cut and without its password, and the stack; mended, the job goes on', async () => {
      await feed(10)
      const explode = (n: number): number => {
        if (n === 7) throw new RangeError('seven is too many')
        return n
      }
      const wrong = await failure(
        pipe(
          numbers(),
          PCollection.map(n => ({ n, password: 'hunter2', text: 'x'.repeat(1_000) })),
          named(
            'explode',
            PCollection.map(({ n }: { readonly n: number }) => explode(n)),
          ),
          toOut,
        ),
      )
      if (wrong._tag !== 'UserCodeFailed') return assert.fail(wrong.message)
      assert.deepStrictEqual(
        [wrong.transform, wrong.message],
        [
          'explode/map#1',
          `explode/map#1: seven is too many\n  while it processed { n: 7, password: (hidden), text: "${'x'.repeat(165)}… (cut), at position 8 of the split JetStreamIO.read(IN)#1/range-0`,
        ],
      )
      assert.instanceOf(wrong.cause, RangeError)
      assert.match((wrong.cause as RangeError).stack ?? '', /^RangeError: seven is too many\n\s+at explode .*bad-input\.test\.ts/)
      await run(relay())
      await arrivedOnce(range(0, 10).map(String))
    })
  })

  describe('in where checkpoints are kept', () => {
    it('exactly once without a store, of a pipeline without a name, is refused', async () => {
      const wrong = await failure(relay(), { checkpoints: undefined, job: undefined })
      assert.deepStrictEqual(
        [wrong._tag, wrong.message],
        [
          'InvalidPipeline',
          'the pipeline cannot run:\n- JetStreamIO.write(OUT)#1 needs checkpoints, and a pipeline without a name has no place for them. Give the run checkpoints: Checkpoints.directory(path), or a job name, or make the pipeline with Pipeline.define',
        ],
      )
    })

    const flipped = async (kind: 'manifests' | 'segments'): Promise<{ readonly path: string; readonly mend: () => Promise<void> }> => {
      const inside = join(folder, 'job', kind)
      const newest = (await readdir(inside)).sort().at(-1) ?? assert.fail(`there are no ${kind}`)
      const path = join(inside, newest)
      const bytes = await readFile(path)
      const damaged = Buffer.from(bytes)
      const at = damaged.length >> 1
      damaged[at] = (damaged[at] ?? 0) ^ 1
      await writeFile(path, damaged)
      return { path, mend: () => writeFile(path, bytes) }
    }
    const sums = (): PDone =>
      pipe(
        numbers(),
        PCollection.keyBy(n => n % 2 === 0),
        Window.into(FixedWindows.of(seconds(1))),
        Combine.perKey(N.MonoidSum),
        PCollection.map(([, sum]) => sum),
        toOut,
      )

    const damaged = {
      manifests: (path: string) =>
        `The checkpoint ${path} is damaged: its content does not match its checksum. It is the last one that was completed, and outputs may have been published for it; going on from an earlier one would publish them again under the same numbers. ` +
        'Restore it from a backup; or, with a release that reads its version, start again; or start from a savepoint under another job name.',
      segments: (path: string) =>
        `${path} is damaged: its content does not match its checksum. A checkpoint needs it: restore it from a backup, or start from a savepoint under another job name.`,
    } as const

    for (const kind of ['manifests', 'segments'] as const)
      it(`a byte that changed among the ${kind} stops the start; with the file restored, the job goes on`, async () => {
        await feed(25)
        await runUntilRead(sums(), 25)
        const { path, mend } = await flipped(kind)
        const wrong = await failure(sums())
        if (wrong._tag !== 'CheckpointFailed') return assert.fail(wrong.message)
        assert.deepStrictEqual([wrong.kind, wrong.message], ['Damaged', damaged[kind](path)])
        await mend()
        await run(sums())
        await arrivedOnce(['20', '25', '70', '75', '66', '44'])
      })
  })

  it('an option of another type on the command line is named, and nothing runs', async () => {
    const program = startProgram('./numbers-program.ts', ['--up-to', 'many'])
    assert.strictEqual(await program.ended, 2)
    assert.strictEqual(
      program.errors(),
      'numbers: these options are refused:\n  --up-to: Invalid input: expected number, received string\n--help lists them\n',
    )
  })
})
