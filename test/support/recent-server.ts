// A server that has atomic batches, wherever the tests run: where the one that is named is older, another is obtained.
import { NatsServer, type RunningServer, type StartOptions } from '../../io/jetstream/testing/index.ts'

const minimumVersion = '2.12.1'

export const recentBinary = async (): Promise<string> => {
  const { JETBEAM_NATS_SERVER: _older, ...env } = process.env
  const found = await NatsServer.locate({ minimumVersion }).catch(() => NatsServer.locate({ minimumVersion, env }))
  return found.binary
}

export const recentServer = async (options: StartOptions = {}): Promise<RunningServer> =>
  NatsServer.start({ ...options, control: true, binary: await recentBinary() })
