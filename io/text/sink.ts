// A file as a sink: lines leave with the checkpoint that holds them. Each checkpoint records how long the file was before its own
// lines; a run that goes on cuts the file there, and appends them again.
import { access, constants, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { EncodeError, Encoder } from '../../sdk/coders/index.ts'
import { showValue } from '../../sdk/coders/value-path.ts'
import type { ConnectedSink, OutputBatch, Sink, SinkContext } from '../../sdk/graph/sink.ts'
import { TextIOError, onFile, textError } from './errors.ts'
import { OutputFile } from './output-file.ts'

export const textSink = (path: string): Sink<string> => lineSink(path, encodeLine)

/** `encode`: an element as one line with its end. */
export const lineSink = <A>(path: string, encode: (element: A) => Uint8Array): Sink<A> => {
  const label = `TextIO.write(${path})`
  return Object.freeze({
    urn: 'jetbeam:io:text:write:v1',
    label,
    identity: Object.freeze({ path }),
    delivery: 'exactlyOnce',
    immediate: false,
    parallel: false,
    needsDurableCheckpoints: false,
    encode: (element: A, out: OutputBatch) => {
      const payload = encode(element)
      out.destinations.push('')
      out.headers.push(null)
      out.payloads.push(payload)
      out.bytes += payload.length
    },
    connect: (context: SinkContext) => connectSink(label, resolve(path), context),
  })
}

const utf8 = Encoder.text()

/** A line that would be read back as two, or as another, is refused. JavaScript may give anything. */
export const encodeLine = (line: string): Uint8Array => {
  if (typeof line !== 'string')
    throw new EncodeError(
      `${showValue(line)}, where a line belongs`,
      'TextIO.write takes strings: map to them first, PCollection.map(String) or PCollection.map(value => JSON.stringify(value)).',
    )
  if (line.includes('\n'))
    throw new EncodeError('a text of more than one line', "Write each line as an element: PCollection.flatMap(text => text.split('\\n')).")
  if (line.endsWith('\r'))
    throw new EncodeError(
      "a line that ends with a carriage return, which would be read back as part of the line's end",
      'Remove it: line.trimEnd().',
    )
  return utf8.encode(`${line}\n`)
}

const connectSink = async (label: string, path: string, context: SinkContext): Promise<ConnectedSink> => {
  const whole = await requireWritable(label, path)
  await refuseLoop(label, whole, context)
  const release = claim(label, whole, context)
  const base = baseOf(label, context)
  if (base === null)
    context.log('info', `${label}: the run begins at a savepoint, so ${path} is kept as it is, and lines are appended to it`)
  const file = new OutputFile(label, path, base)
  let lines = 0
  return {
    protocol: { _tag: 'appended' },
    guarantee: guaranteeOf(label, context),
    publish: () => {
      throw new Error(`${label}: lines leave with checkpoints, never one by one`)
    },
    congested: () => false,
    onReady: () => undefined,
    failure: () => null,
    // Nothing is under way between checkpoints, so the length is what earlier ones have committed.
    flush: async () => ({ _tag: 'length', bytes: await file.length() }),
    commit: async (_id, outputs) => {
      await context.lease.whenHeld()
      await file.append(outputs.payloads)
      lines += outputs.payloads.length
    },
    close: async () => {
      release()
      await file.close()
    },
    metrics: () => ({ lines }),
  }
}

/** Gives the real path; writes nothing, for this runs when only the plan is asked for, too. */
const requireWritable = async (label: string, path: string): Promise<string> => {
  const folder = dirname(path)
  const real = await realpath(folder).catch((error: unknown) => {
    const found = textError(label, folder, error)
    throw found._tag === 'FileNotFound'
      ? new TextIOError('FolderNotFound', `${label}: there is no folder ${folder} to write to. Make it first.`, { cause: error })
      : found
  })
  const before = await stat(path).catch(() => null)
  if (before !== null && !before.isFile())
    throw new TextIOError('NotAFile', `${label}: ${path} is no regular file. Name a file to write to.`)
  await onFile(label, path, () => access(before === null ? folder : path, constants.W_OK))
  return before === null ? join(real, basename(path)) : realpath(path)
}

const refuseLoop = async (label: string, whole: string, { sources }: SinkContext): Promise<void> => {
  for (const { path } of sources) {
    if (typeof path !== 'string' || (await realpath(path).catch(() => null)) !== whole) continue
    throw new TextIOError(
      'FeedbackLoop',
      `${label}: the pipeline reads ${whole}, too, and would cut off what it reads. Write to another file.`,
    )
  }
}

// By what all sinks of one run share, so that runs beside each other in one process do not see each other.
const written = new WeakMap<AbortSignal, Set<string>>()

const claim = (label: string, whole: string, { signal }: SinkContext): (() => void) => {
  const files = written.get(signal) ?? new Set()
  written.set(signal, files)
  if (files.has(whole)) {
    throw new TextIOError(
      'WrittenTwice',
      `${label}: another write of this pipeline names ${whole}, too, and each would cut off the other's lines. Flatten what both write, or write to two files.`,
    )
  }
  files.add(whole)
  return () => files.delete(whole)
}

/** How long the file was before what is to be committed next; null: whatever is there stays. */
const baseOf = (label: string, { restored, fromSavepoint }: SinkContext): number | null => {
  if (fromSavepoint === true) return null
  if (restored === null) return 0
  const bytes = property(restored, 'bytes')
  if (typeof bytes === 'number') return bytes
  throw new TextIOError(
    'OutputLost',
    `${label}: the checkpoint was written with another protocol of this sink (${JSON.stringify(restored)}). Start a new run.`,
  )
}

const property = (of: unknown, name: string): unknown =>
  typeof of === 'object' && of !== null ? (of as Readonly<Record<string, unknown>>)[name] : undefined

const guaranteeOf = (label: string, { durable }: SinkContext): string =>
  durable
    ? `${label}: exactly once. Lines are appended once their checkpoint is durable; a run that goes on cuts the file to the length that its checkpoint recorded, and appends them again.`
    : `${label}: each run without a checkpoint store writes the file anew, from its beginning.`
