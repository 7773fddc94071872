// The way back to a savepoint: what it leaves, what refuses it, and that nothing lies between before and after.
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import * as N from 'fp-ts/lib/number.js'
import { type DirectOptions, DirectRunner } from '../../../runners/direct/index.ts'
import {
  Checkpoints,
  Combine,
  FixedWindows,
  type Job,
  type JobEvent,
  millis,
  named,
  orThrow,
  PCollection,
  pipe,
  Pipeline,
  Reify,
  Window,
} from '../../../sdk/index.ts'
import { TextIO } from '../../../io/text/index.ts'
import { Feed, type Item, Journal, until } from './feed.ts'
import { leftOf } from '../../support/left-of.ts'

const sums = (feed: Feed, each: (item: Item) => number = item => item.n, size = 10) =>
  pipe(
    feed.read(),
    Window.into(FixedWindows.of(millis(size))),
    PCollection.keyBy(item => item.key),
    PCollection.mapValues(each),
    named('Totals', Combine.perKey(N.MonoidSum)),
    Reify.windowed,
    PCollection.map(({ value: [key, n], window }) => [key, window.start, n]),
  )
const totals = (feed: Feed, journal: Journal, each?: (item: Item) => number, size?: number): Pipeline =>
  Pipeline.of(pipe(sums(feed, each, size), journal.write()))
const one = (at: number): Item => ({ key: 'a', n: 1, at })

describe('A rollback to a savepoint', () => {
  let folder = ''
  const kept = (o: DirectOptions = {}): DirectOptions => ({
    checkpoints: Checkpoints.directory(folder, { every: millis(20) }),
    job: 'job',
    log: () => undefined,
    ...o,
  })
  /** Once it has read so many in this run. */
  const read = (job: Job, elements: number): Promise<void> => until(() => job.metrics().elementsRead === elements)
  const checkpointed = async (job: Job): Promise<void> => {
    const before = job.metrics().checkpoints.completed
    await until(() => job.metrics().checkpoints.completed > before + 1)
  }
  beforeEach(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'jetbeam-rollback-'))
  })
  afterEach(() => {
    mendDisk()
    return fs.rm(folder, { recursive: true, force: true })
  })

  it('takes a running job back to the state of then: what follows is computed and published again, and the job is the same', async () => {
    const [feed, journal, events] = [new Feed().push(one(1)), new Journal(), [] as JobEvent[]]
    const job = await orThrow(DirectRunner.start(kept({ onEvent: event => void events.push(event) }))(totals(feed, journal)))
    await read(job, 1)
    await orThrow(job.savepoint('then'))
    feed.push(one(2), one(15))
    await until(() => journal.values().length === 1)
    assert.deepEqual(journal.values(), [['a', 0, 2]])
    const left = await orThrow(job.rollback('then'))
    assert.strictEqual(left.savepoint, 'then')
    assert.isAbove(left.checkpoints.through ?? -1, left.checkpoints.after ?? Infinity)
    assert.deepEqual(left.visible, [{ sink: 'journal', since: null, until: null }])
    assert.strictEqual(job.state(), 'running')
    feed.end()
    const { state, metrics } = await orThrow(job.done)
    assert.deepEqual([state, metrics.elementsRead, metrics.restarts], ['done', 2, 0])
    assert.deepEqual(journal.values(), [
      ['a', 0, 2],
      ['a', 0, 2],
      ['a', 10, 1],
    ])
    assert.deepEqual(
      events.flatMap(event => (event._tag === 'StateChanged' ? [event.state] : event._tag === 'RolledBack' ? [event.savepoint] : [])),
      ['running', 'rollingBack', 'then', 'running', 'done'],
    )
  })

  it('may be asked for again and again, and while another one is under way it is refused', async () => {
    const [feed, journal] = [new Feed().push(one(1)), new Journal()]
    const job = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
    await read(job, 1)
    await orThrow(job.savepoint('then'))
    for (const at of [2, 3, 4]) {
      feed.push(one(at))
      await read(job, at === 2 ? 2 : at - 1)
      // Either may be the first.
      const both = await Promise.all([job.rollback('then')(), job.rollback('then')()])
      assert.deepEqual(
        both.flatMap(one => (E.isRight(one) ? [one.right.savepoint] : [])),
        ['then'],
      )
      assert.match(both.map(one => (E.isLeft(one) ? one.left.message : '')).join(''), /is on its way back to "then" already/)
      await read(job, at - 1)
    }
    feed.end()
    await orThrow(job.done)
    assert.deepEqual(journal.values(), [['a', 0, 4]])
  })

  it('is carried out before a suspension that is asked for meanwhile', async () => {
    const [feed, journal] = [new Feed().push(one(1)), new Journal()]
    const job = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
    await read(job, 1)
    await orThrow(job.savepoint('then'))
    feed.push(one(2))
    await read(job, 2)
    const back = orThrow(job.rollback('then'))
    await until(() => job.state() === 'rollingBack')
    assert.strictEqual((await orThrow(job.suspend)).state, 'suspended')
    assert.strictEqual((await back).savepoint, 'then')
    assert.match((await leftOf(job.rollback('then'))).message, /the job has ended, or is about to/)
    const { metrics } = await orThrow(DirectRunner.run(kept())(totals(feed.end(), journal)))
    assert.isAtLeast(metrics.elementsRead, 0)
    assert.deepEqual(journal.values(), [['a', 0, 2]])
  })

  it('is never repeated by a restart: that goes on from the newest checkpoint', async () => {
    const [feed, journal, events] = [new Feed().push(one(1)), new Journal(), [] as JobEvent[]]
    let fails = true
    const each = ({ n, at }: Item): number => {
      if (at === 3 && fails) {
        fails = false
        throw new Error('once')
      }
      return n
    }
    const options = kept({ restart: { attempts: 3, initial: millis(1) }, onEvent: event => void events.push(event) })
    const job = await orThrow(DirectRunner.start(options)(totals(feed, journal, each)))
    await read(job, 1)
    await orThrow(job.savepoint('then'))
    await orThrow(job.rollback('then'))
    feed.push(one(2))
    await read(job, 1)
    await checkpointed(job)
    feed.push(one(3)).end()
    const { metrics } = await orThrow(job.done)
    assert.deepEqual([metrics.restarts, metrics.elementsRead], [1, 1])
    assert.lengthOf(
      events.filter(({ _tag }) => _tag === 'RolledBack'),
      1,
    )
    assert.deepEqual(journal.values(), [['a', 0, 3]])
  })

  for (const attempts of [0, 1])
    it(`whose run cannot begin ends the job, unless it may try again: ${attempts} times`, async () => {
      const [feed, journal] = [new Feed().push(one(1)), new Journal()]
      const job = await orThrow(DirectRunner.start(kept({ restart: { attempts, initial: millis(1) } }))(totals(feed, journal)))
      await read(job, 1)
      await orThrow(job.savepoint('then'))
      feed.push(one(2))
      await read(job, 2)
      await checkpointed(job)
      feed.isAway = true
      const rolled = await job.rollback('then')()
      if (attempts === 0) {
        const ended = await leftOf(job.done)
        assert.deepEqual(rolled, E.left(ended))
        assert.match(ended.message, /the feed is away/)
      } else assert.isTrue(E.isRight(rolled))
      feed.end()
      const { metrics } = await orThrow(attempts === 0 ? DirectRunner.run(kept())(totals(feed, journal)) : job.done)
      assert.strictEqual(metrics.elementsRead, attempts)
      assert.deepEqual(journal.values(), [['a', 0, 2]])
    })

  it('keeps the lines of a file that were written since, tells how many bytes, and appends those of the new run once', async () => {
    const [feed, path, logged] = [new Feed().push(one(1)), join(folder, 'out.txt'), [] as string[]]
    const toFile = Pipeline.of(pipe(sums(feed), PCollection.map(JSON.stringify), TextIO.write(path)))
    const log: DirectOptions['log'] = (_, message) => void logged.push(message)
    const job = await orThrow(DirectRunner.start(kept({ log }))(toFile))
    await read(job, 1)
    await orThrow(job.savepoint('then'))
    feed.push(one(2), one(15))
    const line = '["a",0,2]\n'
    while ((await fs.readFile(path, 'utf8')) !== line) await checkpointed(job)
    const { visible } = await orThrow(job.rollback('then'))
    const [sink] = visible
    assert.deepEqual(visible, [
      { sink: sink?.sink ?? '', since: { _tag: 'length', bytes: 0 }, until: { _tag: 'length', bytes: line.length } },
    ])
    assert.match(logged.at(-1) ?? '', /goes on from its savepoint "then", as a new run.*\n- .*"bytes":0.* to .*"bytes":10/)
    await checkpointed(job)
    await orThrow(job.cancel)
    assert.strictEqual(await fs.readFile(path, 'utf8'), line.repeat(2))
    await orThrow(DirectRunner.run(kept())(Pipeline.of(pipe(sums(feed.end()), PCollection.map(JSON.stringify), TextIO.write(path)))))
    assert.strictEqual(await fs.readFile(path, 'utf8'), `${line.repeat(2)}["a",10,1]\n`)
  })

  describe('is refused', () => {
    it('where it is not there, or the run keeps no checkpoints; the run goes on', async () => {
      const [feed, journal] = [new Feed().push(one(1)), new Journal()]
      for (const [options, kind, why] of [
        [kept(), 'NoSuchSavepoint', /never/],
        [{}, 'RollbackRefused', /keeps no checkpoints. Give it checkpoints/],
      ] as const) {
        const job = await orThrow(DirectRunner.start(options)(totals(feed, journal)))
        const error = await leftOf(job.rollback('never'))
        assert.deepInclude(error, { _tag: 'CheckpointFailed', kind })
        assert.match(error.message, why)
        assert.strictEqual(job.state(), 'running')
        await read(job, 1)
        await orThrow(job.cancel)
      }
    })

    it('where its name is none, as is the savepoint itself, whatever JavaScript hands in', async () => {
      const jobs: Job[] = []
      for (const options of [kept(), {}]) jobs.push(await orThrow(DirectRunner.start(options)(totals(new Feed(), new Journal()))))
      for (const [name, why] of [
        [undefined, /name is a string, and this is of type undefined: give the name .*job\.rollback\('before'\)/],
        [null, /and this is null: give the name/],
        [{ savepoint: 'then' }, /and this is of type object: give the name/],
        ['', /"" cannot name a savepoint: use 1 to 100 of the letters/],
      ] as const) {
        const given = name as string
        const starting = DirectRunner.run(kept({ job: 'other', from: { savepoint: given } }))(totals(new Feed(), new Journal()))
        for (const refused of [...jobs.flatMap(job => [job.savepoint(given), job.rollback(given)]), starting]) {
          const error = await leftOf(refused)
          assert.deepInclude(error, { _tag: 'CheckpointFailed', kind: 'InvalidName' })
          assert.match(error.message, why)
        }
      }
      for (const job of jobs) {
        assert.strictEqual(job.state(), 'running')
        await orThrow(job.cancel)
      }
    })

    it('where it is of another pipeline, with the difference', async () => {
      const [feed, journal] = [new Feed().push(one(1)), new Journal()]
      const job = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
      await orThrow(job.savepoint('then'))
      await orThrow(job.cancel)
      const other = DirectRunner.run(kept({ from: { savepoint: 'then' } }))(totals(feed, journal, undefined, 20))
      const error = await leftOf(other)
      assert.strictEqual(error._tag, 'GraphMismatch')
      assert.match(error.message, /the savepoint "then" of "job" is of another pipeline:\n- .*Totals/)
    })

    it('of a job that has ended, with how to do it then', async () => {
      const [feed, journal] = [new Feed().push(one(1)), new Journal()]
      const job = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
      await read(job, 1)
      await orThrow(job.savepoint('then'))
      feed.push(one(2)).end()
      await orThrow(job.done)
      assert.match((await leftOf(job.rollback('then'))).message, /has ended.*from: \{ savepoint: "then" \}/)
      const found = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
      assert.match((await leftOf(found.rollback('then'))).message, /has ended.*from: \{ savepoint: "then" \}/)
      const again = await orThrow(DirectRunner.run(kept({ from: { savepoint: 'then' } }))(totals(feed, journal)))
      assert.deepEqual([again.state, again.metrics.elementsRead], ['done', 1])
    })

    it('where a source that cannot be read again has gone on, while it runs and when it starts; where it has not, it is not', async () => {
      const [feed, journal] = [new Feed({ replayable: false }).push(one(1)), new Journal()]
      const job = await orThrow(DirectRunner.start(kept())(totals(feed, journal)))
      await read(job, 1)
      await orThrow(job.savepoint('then'))
      await checkpointed(job)
      await orThrow(job.rollback('then'))
      feed.push(one(2))
      await read(job, 1)
      await checkpointed(job)
      const running = await leftOf(job.rollback('then'))
      assert.strictEqual(job.state(), 'running')
      await orThrow(job.suspend)
      const starting = await leftOf(DirectRunner.run(kept({ from: { savepoint: 'then' } }))(totals(feed, journal)))
      for (const error of [running, starting]) {
        assert.deepInclude(error, { _tag: 'CheckpointFailed', kind: 'RollbackRefused' })
        assert.match(error.message, /"then": feed has been read beyond it, and cannot be read again by position/)
      }
      await orThrow(DirectRunner.run(kept())(totals(feed.end(), journal)))
      assert.deepEqual(journal.values(), [['a', 0, 2]])
    })
  })

  it('that dies at any write leaves the newest checkpoint or the savepoint, and nothing between', async () => {
    const feed = new Feed().push(one(1), one(2))
    const job = await orThrow(DirectRunner.start(kept())(totals(feed, new Journal())))
    await read(job, 2)
    await orThrow(job.savepoint('then'))
    feed.push(one(3))
    await read(job, 3)
    await orThrow(job.suspend)
    feed.push(one(4)).end()
    const before = `${folder}-before`
    await fs.cp(folder, before, { recursive: true })
    const found: number[] = []
    try {
      for (let survived = 0, ended = false; !ended; survived++) {
        await fs.rm(folder, { recursive: true })
        await fs.cp(before, folder, { recursive: true })
        breakDisk(survived)
        // Its first checkpoint that fails ends it.
        const checkpoints = Checkpoints.directory(folder, { every: millis(20), failures: 1 })
        const rolled = await DirectRunner.run(kept({ checkpoints, from: { savepoint: 'then' } }))(totals(feed, new Journal()))()
        mendDisk()
        ended = E.isRight(rolled)
        if (E.isLeft(rolled)) assert.include(rolled.left.message, 'the process is dead')
        const journal = new Journal()
        const { metrics } = await orThrow(DirectRunner.run(kept())(totals(feed, journal)))
        if (metrics.splits.length === 0) continue
        found.push(metrics.elementsRead)
        assert.deepEqual(journal.values(), [['a', 0, 4]])
      }
    } finally {
      await fs.rm(before, { recursive: true, force: true })
    }
    // After the savepoint two are to be read, after the newest checkpoint one.
    assert.deepEqual([...new Set(found)], [1, 2])
    assert.deepEqual(found, [...found].sort())
  })
})

const whole = { open: fs.open, link: fs.link, rename: fs.rename, rm: fs.rm, mkdir: fs.mkdir, writeFile: fs.writeFile }

const mendDisk = (): void => {
  Object.assign(fs, whole)
  syncBuiltinESMExports()
}

/** Each call that changes something fails after so many that did not: as if the process had died there. */
const breakDisk = (survived: number): void => {
  const { open, link, rename, rm, mkdir, writeFile } = whole
  let left = survived
  const step = (): void => {
    if (left-- <= 0) throw Object.assign(new Error('the process is dead'), { code: 'EIO' })
  }
  Object.assign(fs, {
    open: async (...args: Parameters<typeof open>) => {
      if (args[1] !== 'r') step()
      return open(...args)
    },
    link: async (...args: Parameters<typeof link>) => (step(), link(...args)),
    rename: async (...args: Parameters<typeof rename>) => (step(), rename(...args)),
    rm: async (...args: Parameters<typeof rm>) => (step(), rm(...args)),
    mkdir: async (...args: Parameters<typeof mkdir>) => (step(), mkdir(...args)),
    writeFile: async (...args: Parameters<typeof writeFile>) => (step(), writeFile(...args)),
  })
  syncBuiltinESMExports()
}
