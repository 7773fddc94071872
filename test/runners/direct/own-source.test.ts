// A connector of one's own, made with nothing but what the package exports: a log that lies in memory, read in whole batches.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import { Checkpoints, Instant, type Job, millis, orThrow, pipe, Pipeline, type ReadBatch, type Source, Splittable } from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import { Journal, until } from './feed.ts'

interface Row {
  readonly text: string
  readonly at: Instant
}

/** Two splits, one for even rows and one for odd ones; nothing is ever new. */
const log = (rows: ReadonlyArray<Row>): Source<Row> => ({
  urn: 'test:log',
  label: 'log',
  isBounded: true,
  identity: { log: 'rows' },
  replayable: true,
  connect: () =>
    Promise.resolve({
      resolve: () =>
        Promise.resolve(
          [0, 1].map(half => ({
            id: `half${half}`,
            range: { from: 0, to: Math.ceil((rows.length - half) / 2) },
            count: null,
            detail: half,
          })),
        ),
      open: (split, progress) => {
        let at = progress.last === null ? split.range.from : progress.last + 1
        let end = split.range.to ?? 0
        const poll = (most: number): ReadBatch<Row> | null => {
          const positions = Array.from({ length: Math.min(most, 2, Math.max(0, end - at)) }, (_, i) => at + i)
          if (positions.length === 0) return null
          at += positions.length
          const values = positions.flatMap(position => rows[2 * position + Number(split.detail)] ?? [])
          return { values, positions, bytes: 0, note: null }
        }
        return Promise.resolve({
          poll,
          status: () => (at >= end ? ({ _tag: 'done' } as const) : ({ _tag: 'reading' } as const)),
          lag: () => end - at,
          onChange: () => undefined,
          truncate: (to: number) => {
            end = Math.min(end, to)
          },
          close: () => Promise.resolve(),
        })
      },
      guarantee: () => 'lies in memory',
      close: () => Promise.resolve(),
    }),
})

const rows = Array.from({ length: 501 }, (_, i): Row => ({ text: `row ${i}`, at: Instant.ofMillis(i) }))
const reading = (journal: Journal): Pipeline =>
  Pipeline.of(pipe(Splittable.source({ source: log(rows), decode: row => row.text, timestamp: (_, row) => row.at }), journal.write()))

describe('A source of one’s own', () => {
  it('is read in whole batches, each row once, its outputs named by their row', async () => {
    const journal = new Journal()
    await orThrow(DirectRunner.run()(reading(journal)))
    assert.sameMembers(
      [...journal.values()],
      rows.map(({ text }) => text),
    )
  })

  it('goes on from its checkpoint, without saying anything twice', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-source-'))
    const options = { checkpoints: Checkpoints.directory(folder, { every: millis(5) }), job: 'job', strict: true, log: () => undefined }
    const journal = new Journal()
    const job: Job = await orThrow(DirectRunner.start(options)(reading(journal)))
    await until(() => journal.values().length > 10)
    await orThrow(job.cancel)
    await orThrow(DirectRunner.run(options)(reading(journal)))
    assert.sameMembers(
      [...journal.values()],
      rows.map(({ text }) => text),
    )
    await rm(folder, { recursive: true, force: true })
  })

  it('closes the reader of a split that has ended while others are still read', async () => {
    const source = log(rows)
    let firstIsClosed = false
    let wake = (): void => undefined
    /** The second split has nothing to give before the first one's reader is closed. */
    const waiting: Source<Row> = {
      ...source,
      connect: async context => {
        const connected = await source.connect(context)
        return {
          ...connected,
          open: async (split, progress) => {
            const reader = await connected.open(split, progress)
            if (split.id === 'half0') return { ...reader, close: () => Promise.resolve(((firstIsClosed = true), wake())) }
            return { ...reader, poll: most => (firstIsClosed ? reader.poll(most) : null), onChange: callback => void (wake = callback) }
          },
        }
      },
    }
    const journal = new Journal()
    const read = Splittable.source({ source: waiting, decode: row => row.text, timestamp: (_, row) => row.at })
    const { metrics } = await orThrow(DirectRunner.run()(Pipeline.of(pipe(read, journal.write()))))
    assert.strictEqual(journal.values().length, rows.length)
    assert.deepEqual(
      metrics.splits.map(({ status }) => status),
      ['done', 'done'],
      'splits that have ended are still told of',
    )
  })
})
