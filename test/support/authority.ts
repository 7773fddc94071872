// A certificate authority for one test: it vouches for a server on 127.0.0.1 and for one client. Made by the openssl of this machine.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const hasOpenssl = (): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

interface Pair {
  /** Paths of PEM files. */
  readonly cert: string
  readonly key: string
}

export interface Authority {
  readonly ca: string
  readonly server: Pair
  readonly client: Pair
}

export const makeAuthority = (folder: string): Authority => {
  const at = (name: string): string => join(folder, name)
  const openssl = (...args: ReadonlyArray<string>): void => void execFileSync('openssl', args, { stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=test authority', '-days', '2')
  const signed = (name: string, extensions: string): Pair => {
    writeFileSync(at(`${name}.ext`), extensions)
    openssl('req', ...newKey, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', `/CN=${name}`)
    const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2']
    openssl('x509', '-req', '-in', at(`${name}.csr`), ...by, '-extfile', at(`${name}.ext`), '-out', at(`${name}.pem`))
    return { cert: at(`${name}.pem`), key: at(`${name}.key`) }
  }
  return {
    ca: at('ca.pem'),
    server: signed('server', 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n'),
    client: signed('client', 'extendedKeyUsage=clientAuth\n'),
  }
}
