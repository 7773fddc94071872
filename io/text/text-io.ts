// The public verbs: a file's lines as a collection, and a collection as a file's lines.
import { pipe } from 'fp-ts/lib/function.js'
import { type PCollection, type PDone, leaf } from '../../sdk/graph/pcollection.ts'
import type { Failure } from '../../sdk/model/failure.ts'
import { Instant } from '../../sdk/model/time.ts'
import { deadLetter } from '../../sdk/transforms/dead-letter.ts'
import { Splittable } from '../../sdk/transforms/splittable.ts'
import { attempted } from '../../sdk/transforms/try-map.ts'
import { encodeLine, lineSink, textSink } from './sink.ts'
import { textSource } from './source.ts'

const sameLine = (line: string): string => line
const beginning = (): Instant => Instant.min

const read = (path: string, o?: { readonly name?: string | undefined }): PCollection<string> =>
  Splittable.source({ source: textSource(path), decode: sameLine, timestamp: beginning, kind: 'read', name: o?.name })

/** What `TextIO.write` does with elements that are no line. */
export interface TextWriteOptions {
  /**
   * Sink for elements that cannot be a line, each with the reason: a text of several lines, one that ends with `\\r`, half a surrogate pair,
   * or another value than a text. Without it, the first one ends the run.
   */
  readonly onRejected?: ((rejected: PCollection<Failure<string>>) => PDone) | undefined
}

const write = (path: string, { onRejected }: TextWriteOptions = {}): ((pc: PCollection<string>) => PDone) => {
  if (onRejected === undefined) return pc => leaf({ _tag: 'Write', sink: textSink(path) }, pc, { kind: 'write' })
  const sink = lineSink(path, (line: Uint8Array) => line)
  return pc =>
    leaf(
      { _tag: 'Write', sink },
      pipe(
        attempted('write.accept', encodeLine, line => line, pc),
        deadLetter(onRejected),
      ),
      { kind: 'write' },
    )
}

/**
 * Text files in UTF-8, one line an element (Beam's TextIO).
 *
 * A run that cannot go on fails with a {@link TextIOError}, whose `_tag` says why and whose message says how to fix it.
 */
export const TextIO = {
  /**
   * The lines of one file: bounded, at Instant.min, in the global window.
   *
   * A line ends with `\n` or `\r\n`, neither of which is part of it; the last one may end with the file. An empty file has no lines. A
   * byte order mark at the beginning is left out; bytes that are not UTF-8 become U+FFFD. The file must stay what it is until the job
   * is done: one that was changed fails the run with FileChanged.
   *
   * @param path of the file; a relative one starts at the working directory of whoever runs the pipeline
   * @param o `name`: what the source is called in errors and checkpoints
   * @example
   * pipe(TextIO.read('words.txt'), PCollection.flatMap(line => line.split(' ')), Count.perElement) // => ['a', 2], ['b', 1]
   */
  read,
  /**
   * Writes each element as a line, ended by `\n`, in no order. What the file held before is replaced.
   *
   * Exactly once: lines are appended when the checkpoint that holds them is durable, so until then the file shows those of earlier
   * ones. With a checkpoint store, a run that goes on cuts the file to the length in its checkpoint first; one that begins at a
   * savepoint appends to what is there. An EncodeError ends the run for an element of several lines, one that ends with `\r`, or half a
   * surrogate pair. One write a file: two are refused, and so is a file that the same pipeline reads.
   *
   * @param path of the file, in a folder that exists
   * @param o `onRejected`: a sink for elements that cannot be a line
   * @example
   * pipe(counts, PCollection.map(([word, n]) => `${word}: ${n}`), TextIO.write('counts.txt'))
   * pipe(texts, TextIO.write('texts.txt', { onRejected: PCollection.ignore }))
   */
  write,
} as const
