// A relay whose worker stops at one element, in its first life, and dies there when a test says so.
import { existsSync, writeFileSync } from 'node:fs'
import { Coder, PCollection, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'

/** The environment variable that names the file which the worker waits for before it dies. Without it, no worker dies. */
export const deathVariable = 'JETBEAM_TEST_DEATH'

/** The file that is there as soon as the worker waits for `file`. */
export const reached = (file: string): string => `${file}-reached`

const waiting = new Int32Array(new SharedArrayBuffer(4))

const dieAt = (fatal: string) => (text: string) => {
  const file = process.env[deathVariable]
  if (text !== fatal || file === undefined || existsSync(`${file}-over`)) return text
  writeFileSync(reached(file), '')
  while (!existsSync(file)) Atomics.wait(waiting, 0, 0, 10)
  writeFileSync(`${file}-over`, '')
  return process.exit(1)
}

export const dyingRelay = Pipeline.define(import.meta, 'dying-relay', () =>
  pipe(
    JetStreamIO.read({ stream: 'IN', coder: Coder.string }),
    PCollection.orFail,
    PCollection.map(dieAt('7')),
    JetStreamIO.write({ stream: 'OUT', subject: 'out', coder: Coder.string }),
  ),
)
