// The quick start: a real server, a real feed, a real pipeline that is killed in the middle and started again, and a count of what is left.
//
//   npm start -- --events 100000 --seed 1
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NatsServer } from 'jetbeam/testing/nats-server'
import { type Settings, settingsOf, usage } from './command-line.ts'
import { type Comparison, compare, expectedOf } from './comparison.ts'
import { display, figure, placeIn } from './display.ts'
import { type FeedEvent, feed } from './feed.ts'
import { type Ended, type PipelineProcess, type Progress, startPipeline } from './pipeline-process.ts'
import { slowLink } from './slow-link.ts'
import { openStreams } from './streams.ts'

const screen = display(process.stdout)

const stopping = new AbortController()
/** What must not outlive this process, newest last. */
const closing: (() => unknown)[] = []
const closeAll = async (): Promise<void> => {
  for (const close of closing.splice(0).reverse()) await close()
}

const run = async ({ events, seed, seconds, every }: Settings): Promise<boolean> => {
  const beganMs = performance.now()
  const server = await NatsServer.start({ control: true })
  closing.push(() => server.stop())
  screen.step(`nats-server ${server.version} at ${server.url}, with a temporary store`)
  const streams = await openStreams(server.url)
  closing.push(() => streams.close())
  const sent = [...feed(events, seed)]
  const expected = expectedOf(sent)
  await streams.publish(sent)
  screen.step(
    `${figure(events)} views published to VIEWS: ${figure(expected.late)} come late, ${figure(expected.malformed.size)} cannot be read`,
  )

  const folder = await mkdtemp(join(tmpdir(), 'jetbeam-quickstart-'))
  closing.push(() => rm(folder, { recursive: true, force: true }))
  const link = await slowLink(server.url, bytesOf(sent) / seconds)
  closing.push(() => link.close())
  const args = ['--nats', link.url, '--checkpoints', folder, '--every', every, '--until', 'end']

  screen.step('page-time starts, as a process of its own, and is killed when half of the feed is read')
  const first = await untilKilled(args, events)
  stopping.signal.throwIfAborted()
  const before = first.last
  if (first.signal !== 'SIGKILL' || before === null || before.type === 'result') {
    screen.step(`page-time was to be killed in the middle, and it ended by itself (${endText(first)}). A larger --seconds makes it slower`)
    return false
  }
  screen.step(
    `page-time was killed (SIGKILL) at ${figure(placeIn(before, events))} of ${figure(events)}; its last checkpoint was ${before.checkpoint.lastEpoch ?? 'the one at its start'}. It starts again`,
  )
  const second = await untilEnded(args, events)
  stopping.signal.throwIfAborted()
  const after = second.last
  if (second.code !== 0 || after?.type !== 'result') {
    screen.step(`page-time was to go on from its checkpoint, and it failed (${endText(second)})`)
    return false
  }
  const comparison = compare(expected, await streams.read('TOTALS'), await streams.read('REJECTED'))
  // The last ten lines say what was shown.
  screen.step('Shown: a pipeline was killed in the middle and started again; what it published, beside a plain loop over the feed:')
  screen.table([
    ['events in', events, ''],
    ['dead letters out', comparison.deadLetters, `of ${figure(expected.malformed.size)} that cannot be read`],
    ['windows out', comparison.windows, `of ${figure(expected.totals.size)}, in ${figure(comparison.panes)} panes: late events add panes`],
    ['read twice', before.read + after.read - events, 'at the least: what came after the last checkpoint before the kill'],
    ['recognised', skippedIn(after), 'outputs that were stored before the kill, and not stored again'],
    ['dropped late', after.droppedLate, 'views that came too late; the feed has none'],
    ['lost', comparison.lost.length, ''],
    ['duplicated', comparison.duplicated.length, ''],
  ])
  for (const line of differences(comparison)) screen.step(line)
  const exact = comparison.lost.length === 0 && comparison.duplicated.length === 0
  screen.step(
    `${exact ? 'Every event counted exactly once' : 'The counts differ'}; ${((performance.now() - beganMs) / 1_000).toFixed(1)} s in all`,
  )
  return exact
}

/** Besides its payload, a message brings its subject, where to acknowledge it, and line ends. */
const envelopeBytes = 100
const bytesOf = (sent: ReadonlyArray<FeedEvent>): number => sent.reduce((sum, { payload }) => sum + payload.length + envelopeBytes, 0)

const begin = (args: ReadonlyArray<string>, onProgress: (progress: Progress) => void): PipelineProcess => {
  stopping.signal.throwIfAborted()
  const pipeline = startPipeline(args, onProgress)
  closing.push(() => pipeline.kill())
  return pipeline
}

const untilKilled = (args: ReadonlyArray<string>, events: number): Promise<Ended> => {
  const pipeline = begin(args, progress => {
    screen.progress(progress, events)
    if (progress.type === 'progress' && progress.read >= events / 2) pipeline.kill()
  })
  return pipeline.ended
}

/** Reads count from the start of a process: what is left to this one is less than the feed. */
const untilEnded = (args: ReadonlyArray<string>, events: number): Promise<Ended> =>
  begin(args, progress => screen.progress(progress, events)).ended

const skippedIn = ({ sinks }: Progress): number => Object.values(sinks).reduce((sum, sink) => sum + (sink['skipped'] ?? 0), 0)

const endText = ({ code, signal }: Ended): string => (signal === null ? `exit code ${code ?? 'unknown'}` : signal)

const differences = ({ lost, duplicated }: Comparison): ReadonlyArray<string> =>
  [...lost.map(text => `lost: ${text}`), ...duplicated.map(text => `duplicated: ${text}`)].slice(0, 20)

/** Ctrl-C reaches page-time too, which would suspend: here it is simply ended. */
const stop = (code: number): void => {
  stopping.abort()
  void closeAll().finally(() => process.exit(code))
}
process.once('SIGINT', () => stop(130))
process.once('SIGTERM', () => stop(143))

try {
  const settings = settingsOf(process.argv.slice(2))
  if (settings === null) process.stdout.write(`${usage}\n`)
  else process.exitCode = (await run(settings)) ? 0 : 1
} catch (error) {
  if (!stopping.signal.aborted) process.stderr.write(`quick start: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
} finally {
  await closeAll()
}
