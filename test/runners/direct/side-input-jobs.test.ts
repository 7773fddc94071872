// Jobs with side inputs that run for long: a slow side, a stop in between, a table that changes.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import * as O from 'fp-ts/lib/Option.js'
import { type DirectOptions, DirectRunner } from '../../../runners/direct/index.ts'
import {
  Checkpoints,
  Create,
  FixedWindows,
  Instant,
  KV,
  millis,
  named,
  OffsetRange,
  orThrow,
  PCollection,
  pipe,
  Pipeline,
  Splittable,
  stop,
  Timestamped,
  View,
  WatermarkEstimator,
  Window,
} from '../../../sdk/index.ts'
import { Feed, type Item, Journal, until } from './feed.ts'

const everyTen = Window.into(FixedWindows.of(millis(10)))
const item = (key: string, n: number, at: number): Item => ({ key, n, at })

/** Each element with the sum of the side's window. */
const sums = (main: Feed, side: Feed, journal: Journal): Pipeline =>
  Pipeline.of(
    pipe(
      main.read('main'),
      everyTen,
      named(
        'Enrich',
        PCollection.mapWith({ side: pipe(side.read('side'), everyTen, View.asList) }, ({ key }, { side }) => [
          key,
          side.reduce((sum, { n }) => sum + n, 0),
        ]),
      ),
      journal.write(),
    ),
  )

/** Each element with the value that the table has for its key. A negative one deletes. */
const lookups = (main: Feed, changes: Feed, journal: Journal): Pipeline => {
  const table = pipe(
    changes.read('changes'),
    PCollection.map(({ key, n }) => KV.of(key, n < 0 ? O.none : O.some(n))),
    View.asTable,
  )
  return Pipeline.of(
    pipe(
      main.read('main'),
      named(
        'Enrich',
        PCollection.mapWith({ table }, ({ key, n }, { table }) => [n, key, O.toNullable(table.get(key))]),
      ),
      journal.write(),
    ),
  )
}

describe('a job with side inputs', () => {
  let folder = ''
  const kept = (o: DirectOptions = {}): DirectOptions => ({
    checkpoints: Checkpoints.directory(folder, { every: millis(20) }),
    job: 'job',
    log: () => undefined,
    ...o,
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-sides-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  for (const tasks of [1, 3]) {
    it(`goes on with what waited and what was known when it was suspended, with ${tasks} tasks`, async () => {
      const [main, side, journal] = [new Feed(), new Feed(), new Journal()]
      main.push(item('a', 0, 1), item('b', 0, 12))
      side.push(item('', 1, 2), item('', 2, 3), item('', 4, 11))
      const job = await orThrow(DirectRunner.start(kept({ tasks }))(sums(main, side, journal)))
      await until(() => journal.values().length === 1)
      assert.strictEqual((await orThrow(job.suspend)).state, 'suspended')
      main.push(item('c', 0, 13), item('d', 0, 4)).end()
      side.push(item('', 8, 12)).end()
      await orThrow(DirectRunner.run(kept({ tasks }))(sums(main, side, journal)))
      // d is late for its window, whose side is known no more.
      assert.sameDeepMembers(
        [...journal.values()],
        [
          ['a', 3],
          ['b', 12],
          ['c', 12],
        ],
      )
    })

    it(`goes on with its table, with ${tasks} tasks`, async () => {
      const [main, changes, journal] = [new Feed(), new Feed({ saysIdle: true }), new Journal()]
      changes.push(item('a', 1, 1), item('b', 2, 1), item('c', 3, 1))
      const job = await orThrow(DirectRunner.start(kept({ tasks }))(lookups(main.push(item('a', 0, 1)), changes, journal)))
      await until(() => journal.values().length === 1)
      changes.push(item('b', -1, 2), item('c', 4, 2))
      await until(() => job.metrics().elementsRead === 6)
      await orThrow(job.suspend)
      main.push(item('a', 1, 5), item('b', 1, 5), item('c', 1, 5)).end()
      changes.end()
      await orThrow(DirectRunner.run(kept({ tasks }))(lookups(main, changes, journal)))
      assert.sameDeepMembers(
        [...journal.values()],
        [
          [0, 'a', 1],
          [1, 'a', 1],
          [1, 'b', null],
          [1, 'c', 4],
        ],
      )
    })
  }

  it('goes on after it was cancelled, without saying anything twice', async () => {
    const [main, side, journal] = [new Feed(), new Feed(), new Journal()]
    main.push(item('a', 0, 1), item('b', 0, 12))
    side.push(item('', 1, 2), item('', 4, 11))
    const job = await orThrow(DirectRunner.start(kept())(sums(main, side, journal)))
    await until(() => job.metrics().checkpoints.completed > 1 && journal.values().length === 1)
    await orThrow(job.cancel)
    side.end()
    await orThrow(DirectRunner.run(kept())(sums(main.end(), side, journal)))
    assert.sameDeepMembers(
      [...journal.values()],
      [
        ['a', 1],
        ['b', 4],
      ],
    )
  })

  it('waits for a table until its source has nothing pending, and not for later changes', async () => {
    const [main, changes, journal] = [new Feed(), new Feed(), new Journal()]
    changes.push(item('a', 1, 1))
    const job = await orThrow(DirectRunner.start()(lookups(main.push(item('a', 0, 1)), changes, journal)))
    await until(() => job.metrics().elementsRead === 2)
    assert.deepEqual(journal.values(), [])
    changes.end()
    main.end()
    await orThrow(job.done)
    assert.deepEqual(journal.values(), [[0, 'a', 1]])
  })

  it('stops reading what would only wait, and reads on when the side is there', async () => {
    const [main, side, journal] = [new Feed(), new Feed(), new Journal()]
    const count = 60_000
    main.push(...Array.from({ length: count }, (_, i) => item(String(i), 0, 1))).end()
    const job = await orThrow(DirectRunner.start()(sums(main, side, journal)))
    await until(() => job.metrics().elementsRead > 10_000)
    await new Promise(resolve => setTimeout(resolve, 100))
    // What is read in one batch may go beyond the bound.
    assert.isBelow(job.metrics().elementsRead, 20_000)
    side.push(item('', 5, 2)).end()
    await orThrow(job.done)
    assert.lengthOf(journal.values(), count)
    assert.deepEqual(journal.values()[count - 1], [String(count - 1), 5])
  })

  it('asks a generator for no more of what would only wait', async () => {
    const [side, journal] = [new Feed(), new Journal()]
    const [count, size] = [60_000, 500]
    const generated = pipe(
      Create.of([count]),
      Splittable.read({
        restriction: OffsetRange,
        watermark: WatermarkEstimator.monotonic,
        isBounded: true,
        initial: (n: number) => OffsetRange.of(0, n / size),
        async *process(_, tracker) {
          for (let at = tracker.restriction.from; tracker.tryClaim(at); at++)
            yield Array.from({ length: size }, () => pipe(item('', at, 1), Timestamped.at(Instant.ofMillis(1))))
          return stop
        },
      }),
    )
    const job = await orThrow(
      DirectRunner.start()(
        Pipeline.of(
          pipe(
            generated,
            everyTen,
            PCollection.mapWith({ side: pipe(side.read('side'), everyTen, View.asList) }, (_, { side }) => side.length),
            journal.write(),
          ),
        ),
      ),
    )
    await until(() => job.metrics().elementsRead > 10_000)
    await new Promise(resolve => setTimeout(resolve, 100))
    assert.isBelow(job.metrics().elementsRead, 20_000)
    side.push(item('', 5, 2)).end()
    await orThrow(job.done)
    assert.deepEqual(journal.values(), new Array<number>(count).fill(1))
  })

  it('reads on where two collections wait for each other', async () => {
    const [left, right, journal] = [new Feed(), new Feed(), new Journal()]
    const count = 25_000
    for (const feed of [left, right]) feed.push(...Array.from({ length: count }, (_, i) => item('', 1, i < count - 1 ? 1 : 30))).end()
    const [a, b] = [pipe(left.read('left'), everyTen), pipe(right.read('right'), everyTen)]
    const sizeOf = (name: string, of: typeof a) =>
      named(
        name,
        PCollection.mapWith({ of: View.asList(of) }, (_: Item, { of }) => [name, of.length]),
      )
    await orThrow(
      DirectRunner.run()(Pipeline.of(pipe(a, sizeOf('ofB', b), journal.write('x')), pipe(b, sizeOf('ofA', a), journal.write('y')))),
    )
    const seen = journal.values().map(value => JSON.stringify(value))
    assert.lengthOf(seen, 2 * count)
    assert.sameMembers([...new Set(seen)], [`["ofB",${count - 1}]`, '["ofB",1]', `["ofA",${count - 1}]`, '["ofA",1]'])
  })
})
