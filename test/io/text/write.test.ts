// Writing: what is in the file after runs that end well, and after those that do not.
import { appendFile, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from 'chai'
import { describe, it } from 'mocha'
import { Checkpoints, Create, PCollection, Pipeline, type PDone, type PipelineError, millis, orThrow, pipe } from 'jetbeam'
import { TextIO } from 'jetbeam/io/text'
import { DirectRunner } from 'jetbeam/runners/direct'
import { textSink } from '../../../io/text/sink.ts'
import { emptyOutputs, type ConnectedSink, type SinkContext } from '../../../sdk/graph/sink.ts'
import { fileWith, host, temporaryFolders } from './files.ts'
import { skip } from '../../support/skip.ts'

const written = async (path: string): Promise<ReadonlyArray<string>> => {
  const text = await readFile(path, 'utf8')
  if (text === '') return []
  assert.isTrue(text.endsWith('\n'), 'the last line has no end')
  return text.slice(0, -1).split('\n')
}

const errorOf = async (...leaves: readonly [PDone, ...PDone[]]): Promise<PipelineError> => {
  const result = await pipe(Pipeline.of(...leaves), DirectRunner.run())()
  if (result._tag === 'Right') throw new Error('it did not fail')
  return result.left
}

const context = (over: Partial<SinkContext> = {}): SinkContext => ({
  ...host,
  signal: new AbortController().signal,
  sinkId: 'write#1',
  runId: 'run',
  mode: 'checkpointed',
  protocol: null,
  restored: null,
  durable: true,
  site: { generation: 1, shards: [], writers: 1, role: 'main' },
  sources: [],
  ...over,
})

const commit = async (
  path: string,
  sink: ConnectedSink,
  epoch: number,
  lines: ReadonlyArray<string>,
  recovering = false,
): Promise<void> => {
  const outputs = emptyOutputs()
  for (const line of lines) textSink(path).encode(line, outputs)
  await sink.commit({ shard: 'a@0', generation: 1, epoch }, outputs, recovering)
}

describe('writing a text file', () => {
  const folder = temporaryFolders()

  it('writes each element as a line', async () => {
    const path = join(await folder(), 'out.txt')
    await orThrow(pipe(Pipeline.of(pipe(Create.of(['one', 'zwölf 🚀', '']), TextIO.write(path))), DirectRunner.run()))
    assert.sameMembers([...(await written(path))], ['one', 'zwölf 🚀', ''])
  })

  it('makes an empty file of nothing', async () => {
    const path = join(await folder(), 'out.txt')
    await orThrow(pipe(Pipeline.of(pipe(Create.of<string>([]), TextIO.write(path))), DirectRunner.run()))
    assert.isEmpty(await written(path))
  })

  it('replaces what the file held', async () => {
    const path = await fileWith(await folder(), 'old and long\n'.repeat(1_000), 'out.txt')
    await orThrow(pipe(Pipeline.of(pipe(Create.of(['new']), TextIO.write(path))), DirectRunner.run()))
    assert.deepEqual(await written(path), ['new'])
  })

  it('leaves the file alone when only the plan is asked for', async () => {
    const path = await fileWith(await folder(), 'old\n', 'out.txt')
    const text = await orThrow(pipe(Pipeline.of(pipe(Create.of(['new']), TextIO.write(path))), DirectRunner.explain()))
    assert.include(text, 'each run without a checkpoint store writes the file anew')
    assert.deepEqual(await written(path), ['old'])
  })

  it('reads back what it wrote, line for line', async () => {
    const here = await folder()
    const lines = Array.from({ length: 50_000 }, (_, i) => `${i} ${'wörter '.repeat(i % 7)}`)
    const path = await fileWith(here, lines.join('\n'))
    await orThrow(pipe(Pipeline.of(pipe(TextIO.read(path), TextIO.write(join(here, 'out.txt')))), DirectRunner.run()))
    assert.deepEqual(await written(join(here, 'out.txt')), lines)
  })

  it('gives each line exactly once when a run is cancelled again and again', async () => {
    const here = await folder()
    const lines = Array.from({ length: 60_000 }, (_, i) => `line ${i}`)
    const path = await fileWith(here, lines.join('\n'))
    const out = join(here, 'out.txt')
    let calls = 0
    let onCall: (() => void) | null = null
    const counted = (line: string): string => {
      if (++calls % 200 === 0) {
        // In many short turns, so that checkpoints come to their end meanwhile.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
        onCall?.()
      }
      return line
    }
    const copy = (): Pipeline => Pipeline.of(pipe(TextIO.read(path), PCollection.map(counted), TextIO.write(out)))
    const checkpoints = Checkpoints.directory(join(here, 'state'), { every: millis(1) })
    const atCancels: number[] = []
    for (let state = ''; state !== 'done';) {
      const job = await orThrow(pipe(copy(), DirectRunner.start({ checkpoints, strict: true, job: 'copy' })))
      onCall = () => {
        if (atCancels.length < 4 && job.metrics().elementsWritten > 0) void job.cancel()
      }
      state = (await orThrow(job.done)).state
      if (state === 'cancelled') atCancels.push((await written(out)).length)
    }
    assert.isNotEmpty(atCancels)
    assert.isTrue(
      atCancels.some(count => count > 0 && count < lines.length),
      `no run was cancelled between two commits: ${atCancels.join(', ')}`,
    )
    assert.deepEqual(await written(out), lines)
    assert.strictEqual((await orThrow(pipe(copy(), DirectRunner.run({ checkpoints, job: 'copy' })))).state, 'done')
    assert.deepEqual(await written(out), lines)
  })

  it('cuts off what a killed process wrote behind its checkpoint, and appends it again', async () => {
    const path = await fileWith(await folder(), 'of an older run\n', 'out.txt')
    const first = await textSink(path).connect(context())
    await first.flush()
    await commit(path, first, 1, ['a', 'b'])
    const restored = await first.flush()
    await commit(path, first, 2, ['c', 'd'])
    await first.close()
    await appendFile(path, 'half of a li')
    const second = await textSink(path).connect(context({ protocol: first.protocol, restored }))
    await commit(path, second, 2, ['c', 'd'], true)
    await commit(path, second, 2, ['e'], true)
    assert.deepEqual(await second.flush(), { _tag: 'length', bytes: 10 })
    await second.close()
    assert.deepEqual(await written(path), ['a', 'b', 'c', 'd', 'e'])
  })

  it('begins anew where the process died before its first checkpoint', async () => {
    const path = await fileWith(await folder(), 'old\n', 'out.txt')
    const first = await textSink(path).connect(context())
    const second = await textSink(path).connect(context({ protocol: first.protocol }))
    await commit(path, second, 1, ['new'], true)
    await Promise.all([first.close(), second.close()])
    assert.deepEqual(await written(path), ['new'])
  })

  it('appends to what is there when it begins at a savepoint', async () => {
    const path = await fileWith(await folder(), 'a\nb\n', 'out.txt')
    const sink = await textSink(path).connect(context({ fromSavepoint: true }))
    await commit(path, sink, 9, ['c'])
    await sink.close()
    assert.deepEqual(await written(path), ['a', 'b', 'c'])
  })

  it('leaves out a line that nobody has finished when it begins at a savepoint', async () => {
    for (const [before, after] of [
      ['a\nb', ['a', 'c']],
      ['ab', ['c']],
      [`a\n${'b'.repeat(1_500_000)}`, ['a', 'c']],
      [`${'b'.repeat(1_500_000)}\n`, ['b'.repeat(1_500_000), 'c']],
    ] as const) {
      const path = await fileWith(await folder(), before, 'out.txt')
      const sink = await textSink(path).connect(context({ fromSavepoint: true }))
      await commit(path, sink, 9, ['c'])
      await sink.close()
      assert.deepEqual(await written(path), after)
    }
  })

  it('refuses to go on behind a file that was cut or deleted', async () => {
    const path = await fileWith(await folder(), 'a\n', 'out.txt')
    const sink = await textSink(path).connect(
      context({ protocol: { _tag: 'appended', runId: 'run' }, restored: { _tag: 'length', bytes: 4 } }),
    )
    const error: unknown = await sink.flush().catch((thrown: unknown) => thrown)
    await sink.close()
    assert.match(String(error), /OutputLost: .* knows of 4 bytes in .*, but it has only 2/)
    assert.strictEqual((await stat(path)).size, 2)
  })

  it('names a folder that is missing, with what to do', async () => {
    const path = join(await folder(), 'no', 'out.txt')
    const error = await errorOf(pipe(Create.of(['x']), TextIO.write(path)))
    assert.match(error.message, /there is no folder .*no to write to. Make it first/)
  })

  it('refuses a folder in place of the file', async () => {
    const path = join(await folder(), 'sub')
    await mkdir(path)
    assert.match((await errorOf(pipe(Create.of(['x']), TextIO.write(path)))).message, /is no regular file/)
  })

  it('names a full disk', async function () {
    const full = '/dev/full'
    if ((await stat(full).catch(() => null)) === null) skip(this, 'there is no /dev/full here')
    const { textError } = await import('../../../io/text/errors.ts')
    const { open } = await import('node:fs/promises')
    const device = await open(full, 'w')
    const cause: unknown = await device.write('x').catch((thrown: unknown) => thrown)
    await device.close()
    const error = textError('TextIO.write(x)', full, cause)
    assert.strictEqual(error._tag, 'DiskFull')
    assert.include(error.message, 'Make room and start the run again')
  })

  it('refuses to write what the pipeline reads', async () => {
    const path = await fileWith(await folder(), 'precious\n')
    assert.match((await errorOf(pipe(TextIO.read(path), TextIO.write(path)))).message, /the pipeline reads .*, too/)
    assert.deepEqual(await written(path), ['precious'])
  })

  it('refuses two writes to one file, however it is named', async () => {
    const here = await folder()
    const lines = Create.of(['x'])
    const error = await errorOf(
      pipe(lines, TextIO.write(join(here, 'out.txt'))),
      pipe(lines, TextIO.write(`${here}/../${here.split('/').at(-1) ?? ''}/out.txt`)),
    )
    assert.match(error.message, /another write of this pipeline names .*out.txt, too/)
  })

  it('refuses what is no string, from JavaScript, with the transform and what to do', async () => {
    const path = join(await folder(), 'out.txt')
    for (const [value, shown] of [
      [7, 'the number 7'],
      [null, 'null'],
      [{ n: 1 }, 'a record.*'],
    ] as const) {
      const values: ReadonlyArray<unknown> = [value]
      const error = await errorOf(pipe(Create.of(values as ReadonlyArray<string>), TextIO.write(path)))
      assert.match(error.message, new RegExp(`^write#1: cannot encode \\$: ${shown}, where a line belongs. .*PCollection.map\\(String\\)`))
    }
    await rm(path, { force: true })
  })

  it('refuses what would be read back as another line', async () => {
    const path = join(await folder(), 'out.txt')
    for (const [line, why] of [
      ['two\nlines', /cannot encode .*more than one line/],
      ['half\r', /cannot encode .*carriage return/],
      ['\ud800', /cannot encode/],
    ] as const) {
      assert.match((await errorOf(pipe(Create.of([line]), TextIO.write(path)))).message, why)
    }
    await rm(path, { force: true })
  })
})
