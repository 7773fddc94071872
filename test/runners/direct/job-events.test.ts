// What a job tells while it runs, and that telling never holds it up.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import { systemClock } from '../../../runners/host/clock.ts'
import { JobEvents } from '../../../runners/host/job-events.ts'
import { ProgressWatch } from '../../../runners/host/progress-watch.ts'
import { DirectRunner } from '../../../runners/direct/index.ts'
import {
  Checkpoints,
  Combine,
  Create,
  FixedWindows,
  Instant,
  type JobEvent,
  millis,
  orThrow,
  PCollection,
  pipe,
  Pipeline,
  type WatermarkHold,
  Window,
} from '../../../sdk/index.ts'
import { ignore } from '../../../sdk/transforms/ignore.ts'
import { Feed, Journal, until } from './feed.ts'

const quiet = (): void => undefined

describe('the events of a job', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-events-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))
  const kept = () => ({ checkpoints: Checkpoints.directory(folder, { every: millis(20) }), job: 'job', log: quiet })

  it('tell of each checkpoint from its beginning to its end, with how long it took and how large it is', async () => {
    const events: JobEvent[] = []
    const feed = new Feed().push({ key: 'a', n: 1, at: 1 }).end()
    const sums = pipe(
      feed.read(),
      Window.into(FixedWindows.of(millis(10))),
      PCollection.keyBy(item => item.key),
      PCollection.mapValues(item => item.n),
      Combine.perKey(N.MonoidSum),
    )
    const pipeline = Pipeline.of(pipe(sums, new Journal().write()))
    await orThrow(pipe(pipeline, DirectRunner.run({ ...kept(), onEvent: event => void events.push(event) })))
    const first = events.flatMap(event => ('epoch' in event && event.epoch === 1 ? [event._tag] : []))
    assert.deepEqual(first, ['CheckpointStarted', 'CheckpointAligned', 'CheckpointWritten', 'CheckpointDurable', 'CheckpointCompleted'])
    const completed = events.flatMap(event => (event._tag === 'CheckpointCompleted' ? [event] : []))
    for (const { durationMs, alignmentMs } of completed) assert.isAtLeast(durationMs, alignmentMs)
    assert.isTrue(
      completed.some(({ bytes }) => bytes > 0),
      'one of them holds something',
    )
    assert.deepEqual(
      events.flatMap(event => (event._tag === 'StateChanged' ? [event.state] : [])),
      ['running', 'done'],
    )
    assert.include(
      events.flatMap(event => (event._tag === 'SplitAssigned' ? [event.split] : [])),
      'feed/0',
    )
  })

  it('come through an iterator that ends with the job, and a suspension is among them', async () => {
    const feed = new Feed({ saysIdle: true }).push({ key: 'a', n: 1, at: 1 })
    const job = await orThrow(pipe(Pipeline.of(ignore(feed.read())), DirectRunner.start(kept())))
    assert.strictEqual(job.state(), 'running')
    const states: string[] = []
    const reading = (async () => {
      for await (const event of job.events()) if (event._tag === 'StateChanged') states.push(event.state)
    })()
    await orThrow(job.suspend)
    await reading
    assert.deepEqual(states, ['suspending', 'suspended'])
    assert.strictEqual(job.state(), 'suspended')
    for await (const event of job.events()) assert.fail(event._tag)
  })

  it('tell of a failure, and of the attempt that follows', async () => {
    const events: JobEvent[] = []
    let failed = false
    const failing = PCollection.map((n: number) => {
      if (!failed && n === 3) {
        failed = true
        throw new Error('once')
      }
      return n
    })
    const pipeline = Pipeline.of(ignore(failing(Create.of([1, 2, 3]))))
    const restart = { attempts: 1, initial: millis(1) }
    await orThrow(pipe(pipeline, DirectRunner.run({ ...kept(), restart, onEvent: event => void events.push(event) })))
    assert.deepEqual(
      events.flatMap(event => (event._tag === 'StateChanged' ? [event.state] : [])),
      ['running', 'restarting', 'running', 'done'],
    )
    const restarting = events.find(event => event._tag === 'Restarting') ?? assert.fail()
    assert.deepInclude(restarting, { attempt: 1, pauseMs: 1 })
    assert.include(restarting.message, 'once')
  })

  it('are given up by an iterator that nobody takes from, which is told how many it missed', async () => {
    const events = new JobEvents(undefined, quiet, systemClock)
    const slow = events.events()
    for (let epoch = 1; epoch <= 5_000; epoch++) events.tell({ _tag: 'CheckpointWritten', epoch })
    events.end()
    const got: JobEvent[] = []
    for await (const event of slow) got.push(event)
    assert.isAtMost(got.length, 1_001)
    const [first, ...rest] = got
    if (first?._tag !== 'Missed') return assert.fail(first?._tag)
    assert.strictEqual(first.count + rest.length, 5_000)
    assert.deepInclude(rest.at(-1), { epoch: 5_000 })
  })

  for (const [how, listener] of [
    ['throws', () => assert.fail('not again')],
    ['rejects', () => Promise.reject(new Error('not again'))],
  ] as const) {
    it(`are told no more to a function that ${how}, and the job goes on`, async () => {
      let calls = 0
      const warnings: string[] = []
      const onEvent = (): void => {
        calls++
        // An async function passes for one that gives nothing.
        return listener() as unknown as undefined
      }
      const log = (level: string, message: string): void => {
        if (level !== 'info') warnings.push(message)
      }
      const { state } = await orThrow(pipe(Pipeline.of(ignore(Create.of([1]))), DirectRunner.run({ ...kept(), log, onEvent })))
      assert.strictEqual(state, 'done')
      await until(() => warnings.length > 0)
      assert.include(warnings[0], 'onEvent failed')
      assert.isBelow(calls, 6)
    })
  }
})

describe('a watermark that does not move', () => {
  const heldIn = async (pipeline: Pipeline, holds: (hold: WatermarkHold | null) => boolean): Promise<WatermarkHold> => {
    const job = await orThrow(pipe(pipeline, DirectRunner.start({ log: quiet })))
    await until(() => holds(job.metrics().held))
    const { held } = job.metrics()
    await orThrow(job.cancel)
    return held ?? assert.fail('nothing holds it')
  }

  it('is held by a split, which is named with what it does', async () => {
    const feed = new Feed({ saysIdle: true }).push({ key: 'a', n: 1, at: 7 })
    const before = Date.now()
    const held = await heldIn(Pipeline.of(ignore(feed.read())), hold => hold?.watermark === 7)
    assert.deepInclude(held, { transform: 'feed', worker: 0, by: 'split', text: 'the split feed/0, idle, 0 to read' })
    assert.isAtLeast(held.sinceMs, before)
    assert.isAtMost(held.sinceMs, Date.now())
  })

  it('is held by a window that has not fired, behind a source that is further', async () => {
    const feed = new Feed().push({ key: 'a', n: 1, at: 5 }, { key: 'a', n: 1, at: 50 })
    const pipeline = pipe(
      feed.read(),
      Window.into(FixedWindows.of(millis(100)), { timestampCombiner: 'earliest' }),
      PCollection.keyBy(item => item.key),
      PCollection.mapValues(item => item.n),
      Combine.perKey(N.MonoidSum),
    )
    const held = await heldIn(Pipeline.of(ignore(pipeline)), hold => hold?.by === 'window')
    assert.strictEqual(held.watermark, 5)
    assert.match(held.text, /a window in .* that has not fired/)
  })

  it('is held by a call that does not end', async () => {
    const feed = new Feed().push({ key: 'a', n: 1, at: 5 }, { key: 'a', n: 2, at: 50 })
    const calls = pipe(
      feed.read(),
      PCollection.mapAsync(item => (item.n === 1 ? new Promise<number>(() => undefined) : Promise.resolve(2))),
    )
    const held = await heldIn(Pipeline.of(ignore(calls)), hold => hold?.by === 'call')
    assert.strictEqual(held.watermark, 5)
  })

  it('is an event after half a minute, once for each place where it stands', () => {
    const told: JobEvent['_tag'][] = []
    const watch = new ProgressWatch(({ _tag }) => void told.push(_tag))
    const hold = (watermark: number, sinceMs: number): WatermarkHold => ({
      transform: 'feed',
      worker: 0,
      watermark,
      sinceMs,
      by: 'split',
      text: 'the split feed/0',
    })
    const look = (held: WatermarkHold | null, nowMs: number): void => watch.look({ splits: [], watermark: Instant.min, held }, nowMs)
    look(hold(1, 0), 29_000)
    assert.deepEqual(told, [])
    look(hold(1, 0), 30_000)
    look(hold(1, 0), 31_000)
    assert.deepEqual(told, ['WatermarkStands'])
    look(hold(2, 31_000), 60_000)
    look(hold(2, 31_000), 61_000)
    look(null, 100_000)
    assert.deepEqual(told, ['WatermarkStands', 'WatermarkStands'])
  })
})
