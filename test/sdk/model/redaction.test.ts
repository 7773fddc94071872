// Secrets in text and in data: what is recognised, what is left alone, and what it costs.
import { inspect } from 'node:util'
import { assert } from 'chai'
import { redactedFields, withoutSecrets } from '../../../sdk/model/redaction.ts'
import { longestText, redactedText, rememberSecret, withoutSecretsIn } from '../../../sdk/model/secret-text.ts'
import { assertLinear } from '../../support/linear-time.ts'

describe('Redaction', () => {
  it('removes logins from addresses, whatever characters they hold', () => {
    for (const [text, safe] of [
      ['lost nats://u:pa/ss@host:4222.', 'lost nats://[redacted]@host:4222.'],
      ['nats://to/k+en==@host', 'nats://[redacted]@host'],
      ['nats://u:p@ss@a:1,tls://t0ken@b', 'nats://[redacted]@a:1,tls://[redacted]@b'],
      ['nats://a:1,nats://u:p@b:2', 'nats://a:1,nats://[redacted]@b:2'],
      ['nats://u:p,q@host', 'nats://[redacted]@host'],
      ['["nats://u:p\\"q@host"]', '["nats://[redacted]@host"]'],
      ['u:secret@host:4222 is away', '[redacted]@host:4222 is away'],
      ['https://u:p/q@host/path', 'https://[redacted]@host/path'],
    ] as const)
      assert.strictEqual(withoutSecretsIn(text), safe)
  })

  it('removes values behind names of secrets, bearer tokens, JWTs, seeds and keys', () => {
    for (const [text, safe] of [
      ['password=hunter2&user=ann', 'password=[redacted]&user=ann'],
      ['{"pwd":"a \\" b","x":1}', '{"pwd":"[redacted]","x":1}'],
      ["{ passwords: 'x y', accessKey: 'AKIA1' }", "{ passwords: '[redacted]', accessKey: '[redacted]' }"],
      ['Authorization: Bearer abc.DEF-1 from', 'Authorization: Bearer [redacted] from'],
      ["Authorization: [ 'Basic YWJj' ]", "Authorization: [ 'Basic [redacted]' ]"],
      ['a bearer abcDEF123456', 'a bearer [redacted]'],
      ['token eyJhbGciOiJ.eyJqdGkiOiJ.c2ln!', 'token [redacted]!'],
      [`seed SU${'A'.repeat(56)}.`, 'seed [redacted].'],
      ['-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY----- of it', '[redacted] of it'],
    ] as const)
      assert.strictEqual(withoutSecretsIn(text), safe)
  })

  it('leaves alone what only looks like a secret', () => {
    for (const text of [
      'file:///app/node_modules/@nats-io/core/lib.js:10:5',
      'at read (file:///app/node_modules/@nats-io/core.js:1:2)',
      'https://cdn.example/npm/@scope/package nats://plain:4222',
      'connection.token: it is missing.',
      'the password is no reference such as ${env:NAME}',
      'password: ${file:/run/secrets/nats}',
      'tokens: 5, the bearer of news, passed: true',
      '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----',
    ])
      assert.strictEqual(withoutSecretsIn(text), text)
  })

  it('removes a secret that was resolved before, wherever it stands', () => {
    rememberSecret('zz/Top-1234')
    assert.strictEqual(withoutSecretsIn('the server said zz/Top-1234, or zz%2FTop-1234'), 'the server said [redacted], or [redacted]')
    rememberSecret('password')
    assert.strictEqual(withoutSecretsIn('give a password'), 'give a password')
  })

  it('keeps the class and the fields of an error whose text held a secret, through its causes', () => {
    const client = Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: 'nats://u:s3cret@h' })
    const error = new RangeError('lost nats://u:s3cret@h', { cause: client })
    const safe = withoutSecrets(error)
    assert.instanceOf(safe, RangeError)
    assert.strictEqual(safe.message, 'lost nats://[redacted]@h')
    assert.instanceOf(safe.cause, TypeError)
    assert.deepEqual({ ...safe.cause }, { code: 'ERR_INVALID_URL', input: 'nats://[redacted]@h' })
    assert.notInclude(`${safe.stack ?? ''}${(safe.cause as Error).stack ?? ''}`, 's3cret')
    assert.include(error.message, 's3cret')
    const plain = new Error('fine', { cause: client.code })
    assert.strictEqual(withoutSecrets(plain), plain)
  })

  it('hides all values of a header with the name of a secret in what an error carries', () => {
    const headers = { Authorization: ['x'], 'X-Api-Key': ['y', 'z'], credentials: { a: 'b' }, tokens: ['c'], secret: null }
    const { cause } = withoutSecrets(new Error('refused', { cause: headers }))
    const hidden = '[redacted]'
    assert.deepEqual(cause, { Authorization: [hidden], 'X-Api-Key': [hidden, hidden], credentials: hidden, tokens: ['c'], secret: null })
  })

  it('looks into maps, sets and objects of classes, and cuts what lies too deep to be looked at', () => {
    class Request {
      readonly password = 's3cret-1'
      readonly url = 'nats://ann:s3cret-2@host'
      toString(): string {
        return this.url
      }
    }
    const headers = new Map([['Authorization', 's3cret-3'] as const, ['Host', 'nats://ann:s3cret-4@host'] as const])
    const deep = Array.from({ length: 20 }).reduce<object>(inner => ({ inner }), { password: 's3cret-5' })
    const wide = Array.from({ length: 5_000 }, (_, i) => ({ i, url: 'nats://ann:s3cret-6@host' }))
    const failure = new Error('no', { cause: { request: new Request(), headers, tags: new Set(['token=s3cret-7']), deep, wide } })
    const safe = withoutSecrets(failure)
    assert.notMatch(inspect(safe, { depth: 40, showHidden: true, maxArrayLength: null }), /s3cret/)
    assert.match(inspect(failure, { depth: 40, maxArrayLength: null }), /s3cret-5[^]*s3cret-6/)
    const { request } = safe.cause as { readonly request: Request }
    assert.instanceOf(request, Request)
    assert.strictEqual(String(request), 'nats://[redacted]@host')
    const plain = { map: new Map([['a', 1]]), bytes: new Uint8Array(3), at: new Date(0) }
    assert.strictEqual(withoutSecrets(plain), plain)
  })

  it('keeps a record small and writable as JSON, whatever its fields are', () => {
    const circle: Record<string, unknown> = { n: 1n, at: new Date(0), bytes: new Uint8Array(100_000), map: new Map([[1, 2]]), f: () => 1 }
    circle['self'] = circle
    circle['many'] = Array.from({ length: 100_000 }, (_, i) => i)
    Object.defineProperty(circle, 'broken', {
      enumerable: true,
      get: () => {
        throw new Error('no')
      },
    })
    const text = JSON.stringify(redactedFields(circle))
    assert.isBelow(text.length, 50_000)
    assert.include(text, '"n":"1","at":"1970-01-01T00:00:00.000Z","bytes":"[100000 bytes]","map":"[Map of 1]"')
    assert.include(text, '"broken":"[unreadable]"')
  })

  it('cuts a long text, and never in the middle of a login that it would then show', () => {
    const long = redactedText(`${'x'.repeat(longestText - 20)} nats://u:s3cret-s3cret-s3cret@host ${'y'.repeat(1_000)}`)
    assert.isBelow(long.length, longestText + 100)
    assert.notInclude(long, 's3')
    assert.match(long, /… \(\d+ more characters\)$/)
  })

  const parts = ['a', '@', '://', 'nats://', 'a://b@,', 'eyJ', 'eyJ-', 'eyJaaaaaaaaaaa.', 'password=', 'password:', 'password:a ', 'token']
  const more = [
    'bearer ',
    'a:@',
    'a:1@b:1',
    'http://a:x/',
    '-----BEGIN ',
    '-----BEGIN PRIVATE KEY',
    'SU',
    '"',
    '=',
    ' ',
    '\\',
    'x"',
    '&pwd="',
  ]
  for (const part of [...parts, ...more])
    it(`takes time in proportion to a text of ${JSON.stringify(part)} again and again`, () => {
      assertLinear(length => part.repeat(length / part.length), withoutSecretsIn)
    })
})
