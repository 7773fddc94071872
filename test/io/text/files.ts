// A folder for each test that asks, removed after it; and a source's lines, read without a pipeline.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'mocha'
import { textSource } from '../../../io/text/source.ts'
import { alwaysHeld } from '../../../runners/host/thread-lease.ts'
import type { HostContext } from '../../../sdk/model/bindings.ts'
import type { Split, SplitProgress, SplitReader } from '../../../sdk/splittable/source.ts'

/** Call it in a `describe`: gives a function that makes folders. */
export const temporaryFolders = (): (() => Promise<string>) => {
  const made: string[] = []
  afterEach(async () => {
    for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true })
  })
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-text-'))
    made.push(folder)
    return folder
  }
}

export const fileWith = async (folder: string, content: string | Uint8Array, name = 'in.txt'): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

export const host: HostContext = { lease: alwaysHeld, binding: () => undefined, log: () => undefined, signal: new AbortController().signal }
export const unread: SplitProgress = { last: null, claimed: 0, note: null }

export interface Line {
  readonly value: string
  readonly at: number
}

/** The lines of one split, `most` of them at the most, polled in batches of `batch`. */
export const linesOf = async (
  path: string,
  split: Split,
  { progress = unread, batch = 1_000, most = Infinity, truncateTo = Infinity } = {},
): Promise<ReadonlyArray<Line>> => {
  const source = await textSource(path).connect(host)
  const reader = await source.open(split, progress)
  reader.truncate(truncateTo)
  try {
    return await drained(reader, batch, most)
  } finally {
    await reader.close()
    await source.close()
  }
}

const drained = async (reader: SplitReader<string>, batch: number, most: number): Promise<ReadonlyArray<Line>> => {
  const lines: Line[] = []
  while (lines.length < most) {
    const changed = new Promise<void>(resolve => reader.onChange(resolve))
    const read = reader.poll(Math.min(batch, most - lines.length))
    for (const [i, value] of (read?.values ?? []).entries()) lines.push({ value, at: read?.positions[i] ?? NaN })
    const status = reader.status()
    if (status._tag === 'failed') throw status.error
    if (status._tag === 'done') break
    if (read === null) await changed
  }
  return lines
}
