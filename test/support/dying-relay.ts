// A relay whose worker dies at one element, in its first life, when a file is there: whoever tests it says when.
import { existsSync, writeFileSync } from 'node:fs'
import { Coder, PCollection, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'

/** The environment variable that names the file. Without it, nobody dies. */
export const deathVariable = 'JETBEAM_TEST_DEATH'

const waiting = new Int32Array(new SharedArrayBuffer(4))

const dieAt = (fatal: string) => (text: string) => {
  const file = process.env[deathVariable]
  if (text !== fatal || file === undefined || existsSync(`${file}-over`)) return text
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
