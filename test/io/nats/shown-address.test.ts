// What a message shows of a server's address: never what may be part of a secret.
import { assert } from 'chai'
import { addressOf, shownServers } from '../../../io/nats/address.ts'
import { JetStreamConfig } from '../../../io/jetstream/index.ts'

describe('The address of a server', () => {
  it('is shown without its login, whatever characters that has', () => {
    for (const login of ['u:secret', 'u:sec/ret', 'secret@secret', 'u:sec@ret', 'u:%2fsecret'])
      for (const scheme of ['nats://', '//', '']) assert.strictEqual(shownServers([`${scheme}${login}@host:4222`]), `${scheme}host:4222`)
    assert.notInclude(shownServers('nats://u:secret,6secret@host'.split(',')), 'secret')
    assert.deepEqual(addressOf('nats://u:sec@ret@host').login, { user: 'u', pass: 'sec@ret' })
    assert.strictEqual(shownServers(['nats://[::1]:4222', 'tls://a-b.example']), 'nats://[::1]:4222, tls://a-b.example')
  })
})

describe('A configuration in YAML', () => {
  it('is one document: what would follow it is not passed over', () => {
    for (const rest of ['---\nsource: { stream: PROD }\n', '---\n: : [\n', '...\nsink: { stream: T }\n'])
      assert.throws(() => JetStreamConfig.yaml(`source: { stream: S }\n${rest}`), /no YAML/)
  })
})
