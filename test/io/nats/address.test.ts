// Addresses with a login in them: it is used, and never shown.
import { assert } from 'chai'
import { addressOf, refusedPort, shownServers } from '../../../io/nats/address.ts'

describe('The address of a server', () => {
  it('may hold a user and a password, or a token', () => {
    assert.deepEqual(addressOf('nats://ann:p%40ss:word@host:4222'), {
      shown: 'nats://host:4222',
      login: { user: 'ann', pass: 'p@ss:word' },
    })
    assert.deepEqual(addressOf('tls://s3cret@host'), { shown: 'tls://host', login: { token: 's3cret' } })
    assert.deepEqual(addressOf('ann:%@host:1'), { shown: 'host:1', login: { user: 'ann', pass: '%' } })
    for (const plain of ['nats://host:4222', 'host:4222', '127.0.0.1', 'ws://host/path@x'])
      assert.deepEqual(addressOf(plain), { shown: plain, login: null })
  })

  it('has a port that is one, or none', () => {
    for (const server of ['a', 'a:4222', 'nats://ann:99999@a:1', 'wss://a:443/x:99999', '[::1]:4222', 'nats://a:65535/'])
      assert.isNull(refusedPort(server), server)
    assert.equal(refusedPort('nats://ann:secret@a:99999'), 'the port of nats://a:99999 is none: ports are from 1 to 65535')
    assert.include(refusedPort('a:0') ?? '', 'a:0')
  })

  it('is shown without them', () => {
    assert.strictEqual(shownServers(['nats://ann:secret@a:1', 'nats://b:2']), 'nats://a:1, nats://b:2')
    assert.strictEqual(shownServers(['wss://ann:secret@a:1/nats', 'ws://b/secret']), 'wss://a:1, ws://b')
    assert.notInclude(shownServers(['ws://ann:12/34@a', 'ws://ann:secret/34@a']), '12')
  })
})
