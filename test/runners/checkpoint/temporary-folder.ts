// A folder for each test that asks, removed after it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'mocha'

/** Call it in a `describe`: gives a function that makes folders. */
export const temporaryFolders = (): (() => Promise<string>) => {
  const made: Array<string> = []
  afterEach(async () => {
    for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true })
  })
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-checkpoint-'))
    made.push(folder)
    return folder
  }
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
