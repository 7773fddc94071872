// The nats-server that a shell would run.
import { constants, access } from 'node:fs/promises'
import { delimiter, resolve } from 'node:path'
import { type Obtainer, examine } from './obtainer.ts'

/** The first `nats-server` on the PATH. */
export const fromPath: Obtainer = {
  how: 'PATH',
  obtain: async env => {
    const folders = (env['PATH'] ?? '').split(delimiter).filter(folder => folder !== '')
    for (const folder of folders) {
      const binary = resolve(folder, 'nats-server')
      const executable = await access(binary, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (executable) return examine(binary)
    }
    throw new Error('no nats-server on the PATH')
  },
}
