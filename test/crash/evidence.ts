// What is kept of a crash test that fails: what was done and told and when, what the pipeline wrote, and the logs of its servers.
import { appendFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'

export class Evidence {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** A line of `events.log`, with its time. */
  note(what: string): void {
    appendFileSync(join(this.folder, 'events.log'), `${new Date().toISOString()} ${what.trimEnd()}\n`)
  }

  /** They end with their servers. */
  async keepLogs(files: ReadonlyArray<string | null>): Promise<void> {
    const kept = files.map(async (file, i) => (file === null ? undefined : copyFile(file, join(this.folder, `server-${i + 1}.log`))))
    await Promise.all(kept)
  }
}
