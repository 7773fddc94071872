// Ways to log in, for connections of every kind: what a server is told of who may, and what one says who may, and who may not.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nkeys } from '@nats-io/nats-core'
import type { ConfigurationValue } from '../../io/jetstream/testing/index.ts'
import { makeTrust } from './nats-jwt.ts'

interface Login {
  readonly config: Readonly<Record<string, ConfigurationValue>>
  /** A connection's settings. */
  readonly right: Readonly<Record<string, string>>
  readonly wrong: Readonly<Record<string, string>>
}

const kept = async (folder: string, name: string, text: string): Promise<string> => {
  await writeFile(join(folder, name), text)
  return join(folder, name)
}

/** Each keeps its secrets in files of the folder. */
export const logins: Readonly<Record<string, (folder: string) => Promise<Login>>> = {
  'a token': async folder => ({
    config: { authorization: { token: 's3cret' } },
    right: { token: `\${file:${await kept(folder, 'token', 's3cret')}}` },
    wrong: { token: `\${file:${await kept(folder, 'other-token', 's3crets')}}` },
  }),
  'an nkey': async folder => {
    const [user, other] = [nkeys.createUser(), nkeys.createUser()]
    const seed = (name: string, of: typeof user) => kept(folder, name, new TextDecoder().decode(of.getSeed()))
    return {
      config: { authorization: { users: [{ nkey: user.getPublicKey() }] } },
      right: { nkeySeed: `\${file:${await seed('user.nk', user)}}` },
      wrong: { nkeySeed: `\${file:${await seed('other.nk', other)}}` },
    }
  },
  'a credentials file': async folder => {
    const trust = makeTrust()
    return {
      config: trust.config,
      right: { credentialsFile: await kept(folder, 'app.creds', trust.credentials) },
      wrong: { credentialsFile: await kept(folder, 'other.creds', makeTrust().credentials) },
    }
  },
}
