// The oldest server that is supported, 2.9, as Debian 12 has it.
import { fromCacheOf } from '../../io/jetstream/testing/cache.ts'
import { fromDebianSuite } from '../../io/jetstream/testing/debian.ts'
import { NatsServer, NatsServerNotFound, type Obtainer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import { fromPath } from '../../io/jetstream/testing/path.ts'
import { skip } from './skip.ts'

const isOldest = (version: string): boolean => version.startsWith('2.9.')

const only = ({ obtain, ...way }: Obtainer): Obtainer => ({
  ...way,
  obtain: async env => {
    const found = await obtain(env)
    if (!isOldest(found.version)) throw new Error(`it is ${found.version}`)
    return found
  },
})

/** Skips the tests, with the reason, where none can be had. */
export const oldestServer = async (context: Mocha.Context): Promise<RunningServer> => {
  const { JETBEAM_NATS_SERVER: _another, ...env } = process.env
  try {
    const obtainers = [fromPath, fromCacheOf('2.9.10'), fromDebianSuite('bookworm')].map(only)
    const { binary } = await NatsServer.locate({ obtainers, env, minimumVersion: '2.9.0' })
    return await NatsServer.start({ binary, control: true })
  } catch (error) {
    if (!(error instanceof NatsServerNotFound)) throw error
    return skip(context, `no nats-server 2.9: ${error.attempts.map(({ how, reason }) => `${how}: ${reason}`).join('; ')}`)
  }
}
