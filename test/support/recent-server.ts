// A server that has atomic batches, wherever the tests run: where the one that is named is older, another is obtained.
import { NatsServer, type RunningServer, type StartOptions } from '../../io/jetstream/testing/index.ts'

const minimumVersion = '2.12.1'

export const recentServer = async (options: StartOptions = {}): Promise<RunningServer> => {
  const { JETBEAM_NATS_SERVER: _older, ...env } = process.env
  const found = await NatsServer.locate({ minimumVersion }).catch(() => NatsServer.locate({ minimumVersion, env }))
  return NatsServer.start({ ...options, control: true, binary: found.binary })
}
