// Reading, checked against the obvious way: read the whole file and split the text.
import { appendFile, mkdir, stat, truncate, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Count, PCollection, Pipeline, orThrow, pipe } from 'jetbeam'
import { TextIO } from 'jetbeam/io/text'
import { DirectRunner } from 'jetbeam/runners/direct'
import { PAssert, TestPipeline, containsInAnyOrder, empty } from 'jetbeam/testing'
import { splitsOf, textSource } from '../../../io/text/source.ts'
import type { Split } from '../../../sdk/splittable/source.ts'
import { type Line, fileWith, host, linesOf, temporaryFolders } from './files.ts'

const wholeOf = async (path: string): Promise<Split> => {
  const source = await textSource(path).connect(host)
  const [split, ...more] = await source.resolve({ desired: 1, toEnd: true })
  assert.isEmpty(more)
  if (split === undefined) throw new Error('there is no split')
  return split
}

/** The obvious twin. */
const expectedLines = (content: string): ReadonlyArray<Line> => {
  const lines: Line[] = []
  let at = 0
  for (const raw of content.split('\n')) {
    lines.push({ value: raw.endsWith('\r') ? raw.slice(0, -1) : raw, at })
    at += Buffer.byteLength(raw) + 1
  }
  if (lines.at(-1)?.at === Buffer.byteLength(content)) lines.pop()
  return lines
}

const fails = async (path: string): Promise<Error> => {
  const result = await pipe(Pipeline.of(pipe(TextIO.read(path), PAssert.that(empty), PCollection.ignore)), DirectRunner.run())()
  if (result._tag === 'Right') throw new Error('it did not fail')
  assert.strictEqual(result.left._tag, 'IoFailed')
  return result.left._tag === 'IoFailed' && result.left.cause instanceof Error ? result.left.cause : new Error('it has no cause')
}

const content = fc
  .array(
    fc.tuple(
      fc.oneof(fc.constantFrom('', 'a', 'a word', 'ü', '🚀 and more', '\uFFFD'), fc.string({ maxLength: 12 })),
      fc.constantFrom('\n', '\r\n'),
    ),
    { maxLength: 30 },
  )
  .chain(lines => fc.tuple(fc.constant(lines), fc.boolean()))
  // A byte order mark at the beginning and carriage returns of its own are other tests' subjects.
  .map(([lines, closed]) =>
    lines.map(([line, end], i) => line.replace(/[\r\n\uFEFF]/g, '.') + (closed || i < lines.length - 1 ? end : '')).join(''),
  )

describe('reading a text file', () => {
  const folder = temporaryFolders()

  it('gives each line without its end', async () => {
    const path = await fileWith(await folder(), 'one\ntwo\r\n\nfour')
    await TestPipeline.run()(pipe(TextIO.read(path), PAssert.that(containsInAnyOrder(['one', 'two', '', 'four']))))
  })

  it('gives nothing of an empty file', async () => {
    const path = await fileWith(await folder(), '')
    await TestPipeline.run()(pipe(TextIO.read(path), PAssert.that(empty)))
  })

  it('counts a line that only has an end', async () => {
    const path = await fileWith(await folder(), '\n')
    await TestPipeline.run()(pipe(TextIO.read(path), PAssert.that(containsInAnyOrder(['']))))
  })

  it('leaves out a byte order mark, and shows bytes that are not UTF-8 as U+FFFD', async () => {
    const path = await fileWith(await folder(), Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0x0a, 0xff, 0x62]))
    await TestPipeline.run()(pipe(TextIO.read(path), PAssert.that(containsInAnyOrder(['a', '\uFFFDb']))))
  })

  it('reads lines longer than what is read at a time', async () => {
    const long = 'ä'.repeat(3_000_000)
    const path = await fileWith(await folder(), `first\n${long}\r\nlast`)
    assert.deepEqual(
      await linesOf(path, await wholeOf(path)),
      expectedLines(`first\n${long}\nlast`).map((line, i) => (i < 2 ? line : { ...line, at: line.at + 1 })),
    )
  })

  it('refuses a line that does not fit into memory', async () => {
    const path = await fileWith(await folder(), 'short\n')
    await truncate(path, 70 * 1_024 * 1_024)
    assert.match((await fails(path)).message, /the line at byte 6 of .* has more than 67108864 bytes/)
  })

  it('counts the words of a file of many chunks', async () => {
    const path = await fileWith(await folder(), 'to be or not to be\n'.repeat(200_000))
    const run = pipe(
      Pipeline.of(
        pipe(TextIO.read(path), Count.perElement, PAssert.that(containsInAnyOrder([['to be or not to be', 200_000]])), PCollection.ignore),
      ),
      DirectRunner.run(),
    )
    assert.strictEqual((await orThrow(run)).metrics.elementsRead, 200_000)
  })

  it('gives each line exactly once, wherever the ranges are cut', async () => {
    const here = await folder()
    let n = 0
    await fc.assert(
      fc.asyncProperty(content, fc.array(fc.nat(400), { maxLength: 8 }), fc.integer({ min: 1, max: 5 }), async (text, cuts, batch) => {
        const path = await fileWith(here, text, `${n++}.txt`)
        const whole = await wholeOf(path)
        const size = Buffer.byteLength(text)
        const at = [0, ...cuts.map(cut => Math.min(cut, size)).sort((a, b) => a - b), size]
        const lines: Line[] = []
        for (const [i, from] of at.slice(0, -1).entries())
          lines.push(...(await linesOf(path, { ...whole, range: { from, to: at[i + 1] ?? size } }, { batch })))
        assert.deepEqual(lines, expectedLines(text))
      }),
      { numRuns: 150, seed: 1 },
    )
  })

  it('goes on behind any line, and gives up what lies behind a new end', async () => {
    const here = await folder()
    let n = 0
    await fc.assert(
      fc.asyncProperty(content, fc.nat(30), fc.nat(400), async (text, claimed, cut) => {
        const path = await fileWith(here, text, `${n++}.txt`)
        const whole = await wholeOf(path)
        const expected = expectedLines(text)
        const first = await linesOf(path, whole, { most: Math.max(1, claimed) })
        const progress = { last: first.at(-1)?.at ?? null, claimed: first.length, note: null }
        assert.deepEqual([...first, ...(await linesOf(path, whole, { progress }))], expected)
        const kept = await linesOf(path, whole, { truncateTo: cut })
        const residual = await linesOf(path, { ...whole, range: { from: Math.min(cut, whole.range.to ?? 0), to: whole.range.to } })
        assert.deepEqual([...kept, ...residual], expected)
      }),
      { numRuns: 100, seed: 1 },
    )
  })

  it('splits a large file into equal ranges, and a small one not at all', () => {
    const state = { size: 10 * 1_024 * 1_024 + 3, mtimeMs: 0 }
    const ranges = splitsOf(state, 4).map(({ range }) => range)
    assert.lengthOf(ranges, 4)
    assert.strictEqual(ranges[0]?.from, 0)
    assert.strictEqual(ranges.at(-1)?.to, state.size)
    for (const [i, { from }] of ranges.slice(1).entries()) assert.strictEqual(from, ranges[i]?.to)
    assert.lengthOf(splitsOf({ size: 0, mtimeMs: 0 }, 4), 1)
    assert.lengthOf(splitsOf({ size: 1_000_000, mtimeMs: 0 }, 4), 1)
  })

  it('names a file that is missing, with what to do', async () => {
    const path = join(await folder(), 'no.txt')
    const error = await fails(path)
    assert.strictEqual(error.name, 'FileNotFound')
    assert.include(error.message, `there is no file ${path}. Check the path`)
  })

  it('refuses a folder', async () => {
    const path = join(await folder(), 'sub')
    await mkdir(path)
    assert.strictEqual((await fails(path)).name, 'NotAFile')
  })

  it('refuses to go on in a file that was changed since', async () => {
    const path = await fileWith(await folder(), 'one\ntwo\n')
    const split = await wholeOf(path)
    await appendFile(path, 'three\n')
    await rejects(linesOf(path, split), /was changed since the run began: it had 8 bytes.* and now has 14/)
  })

  it('refuses a file that was written again with the same length', async () => {
    const path = await fileWith(await folder(), 'one\ntwo\n')
    const split = await wholeOf(path)
    const { atime, mtimeMs } = await stat(path)
    await utimes(path, atime, new Date(mtimeMs + 5_000))
    await rejects(linesOf(path, split), /was changed since the run began/)
  })

  it('notices a file that is changed while it is read', async () => {
    const path = await fileWith(await folder(), 'a line\n'.repeat(1_000_000))
    const split = await wholeOf(path)
    const source = await textSource(path).connect(host)
    const reader = await source.open(split, { last: null, claimed: 0, note: null })
    await appendFile(path, 'more\n')
    while (reader.status()._tag === 'reading') {
      const changed = new Promise<void>(resolve => reader.onChange(resolve))
      if (reader.poll(100_000) === null && reader.status()._tag === 'reading') await changed
    }
    const status = reader.status()
    await reader.close()
    assert.strictEqual(status._tag === 'failed' ? status.error.name : status._tag, 'FileChanged')
  })
})

const rejects = async (work: Promise<unknown>, message: RegExp): Promise<void> => {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  assert.instanceOf(error, Error)
  assert.match(error.message, message)
}
