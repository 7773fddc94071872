// Segments on disk: a name of its own for each, never used twice, so that nothing that is written can damage what is kept.
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { blocksOf, writeByRename } from './durable-file.ts'
import { isMissing, mediumError } from './medium-error.ts'
import { CheckpointError, type Segment } from './store.ts'

export const writeSegmentFile = async (folder: string, name: string, content: ReadonlyArray<Uint8Array>): Promise<Segment> => {
  const hash = createHash('sha256')
  let bytes = 0
  const hashed = function* (): Generator<Uint8Array> {
    for (const block of blocksOf(content)) {
      hash.update(block)
      bytes += block.length
      yield block
    }
  }
  await writeByRename(join(folder, name), hashed())
  return { name, bytes, checksum: hash.digest('hex') }
}

/** Rejects with `Damaged` unless it has its length and checksum. */
export const readSegmentFile = async (folder: string, { name, bytes, checksum }: Segment): Promise<Uint8Array> => {
  const path = join(folder, name)
  const damaged = (why: string): CheckpointError =>
    new CheckpointError(
      'Damaged',
      `${path} is damaged: ${why}. A checkpoint needs it: restore it from a backup, or start from a savepoint under another job name.`,
    )
  const file = await open(path, 'r').catch((error: unknown) => {
    throw isMissing(error) ? damaged('it is missing') : mediumError('read', path, error)
  })
  try {
    const { size } = await file.stat()
    if (size !== bytes) throw damaged(`it has ${size} bytes instead of ${bytes}`)
    const content = new Uint8Array(bytes)
    const hash = createHash('sha256')
    for (let at = 0; at < bytes;) {
      // In pieces, so that hashing a large one does not hold up the thread.
      const { bytesRead } = await file.read(content, at, Math.min(pieceBytes, bytes - at), at)
      if (bytesRead === 0) throw damaged(`it ends after ${at} bytes instead of ${bytes}`)
      hash.update(content.subarray(at, at + bytesRead))
      at += bytesRead
    }
    if (hash.digest('hex') !== checksum) throw damaged('its content does not match its checksum')
    return content
  } catch (error) {
    throw mediumError('read', path, error)
  } finally {
    await file.close()
  }
}

const pieceBytes = 1 << 20
