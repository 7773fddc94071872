// Operators, accounts and users as NATS knows them by JWT: what its command-line tools would make, for a server of a test.
import { createHash } from 'node:crypto'
import { nkeys } from '@nats-io/nats-core'
import type { ConfigurationValue } from '../../io/jetstream/testing/index.ts'

type KeyPair = ReturnType<typeof nkeys.createUser>

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const jwt = (issuer: KeyPair, subject: KeyPair, name: string, nats: Readonly<Record<string, unknown>>): string => {
  const claims = { iat: 1_700_000_000, iss: issuer.getPublicKey(), name, nats: { version: 2, ...nats }, sub: subject.getPublicKey() }
  const jti = createHash('sha256').update(JSON.stringify(claims)).digest('hex')
  const signed = `${encoded({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encoded({ jti, ...claims })}`
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`
}

const noLimit = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }

export interface Trust {
  /** Of a server's configuration. */
  readonly config: Readonly<Record<string, ConfigurationValue>>
  /** Of a user that may do all, as a .creds file. */
  readonly credentials: string
}

/** An operator with one account, which has JetStream, and one user. */
export const makeTrust = (): Trust => {
  const [operator, system, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount(), nkeys.createUser()]
  const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
  const accounts = {
    [system.getPublicKey()]: jwt(operator, system, 'SYS', { type: 'account', limits: noLimit }),
    [account.getPublicKey()]: jwt(operator, account, 'APP', { type: 'account', limits: { ...noLimit, ...storage } }),
  }
  const userJwt = jwt(account, user, 'app', { type: 'user', pub: {}, sub: {}, subs: -1, data: -1, payload: -1 })
  return {
    config: {
      operator: jwt(operator, operator, 'test', { type: 'operator' }),
      system_account: system.getPublicKey(),
      resolver: 'MEMORY',
      resolver_preload: accounts,
    },
    credentials: `-----BEGIN NATS USER JWT-----
${userJwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${new TextDecoder().decode(user.getSeed())}
------END USER NKEY SEED------
`,
  }
}
