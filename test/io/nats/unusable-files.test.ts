// Files that a connection names and that are not what they should be: told by name, before any server is asked.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import { dial } from '../../../io/nats/dial.ts'

describe('A connection', () => {
  const servers = ['nats://127.0.0.1:1']
  const refusal = (settings: object): Promise<string> =>
    dial({ servers, ...settings }).then(
      () => assert.fail('it was taken'),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )

  it('says which of its files cannot be used, and why', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-files-'))
    try {
      const file = join(folder, 'garbage')
      await writeFile(file, 'a host')
      assert.equal(
        await refusal({ credentialsFile: file }),
        `The credentials file ${file} cannot be used: it has no JWT and seed between lines of dashes, as a .creds file has.`,
      )
      for (const [key, holds] of [
        ['tlsCaFile', 'CERTIFICATE'],
        ['tlsCertFile', 'CERTIFICATE'],
        ['tlsKeyFile', 'PRIVATE KEY'],
      ] as const)
        assert.equal(await refusal({ [key]: file }), `The ${key} file ${file} cannot be used: it is no PEM file with a ${holds} in it.`)
      assert.match(await refusal({ tlsCaFile: join(folder, 'none') }), /^The tlsCaFile file .*none cannot be used: ENOENT/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('does not show a secret that stands where the name of a variable or a file belongs', async () => {
    for (const secret of [
      's3cr3tT0ken',
      'SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY',
      'ab/s3cr3t+x==',
      'plain',
      'eyJhbGciOiJ.eyJqdGkiOiJ.c2ln',
    ])
      for (const settings of [
        { tokenVariable: secret },
        { token: `\${env:${secret}}` },
        { token: `\${file:${secret}}` },
        { user: 'ann', password: `\${file:${secret}}` },
        { credentialsFile: secret },
        { nkeySeed: `\${file:${secret}}` },
        { tlsKeyFile: secret },
      ]) {
        const text = await refusal(settings)
        assert.match(text, /not shown, it may be the secret/)
        assert.notInclude(text, secret)
      }
  })

  it('shows the name of a variable and the path of a file that are not there', async () => {
    assert.include(await refusal({ tokenVariable: 'JETBEAM_TOKEN_2' }), 'variable JETBEAM_TOKEN_2,')
    for (const path of ['/run/secrets/nats', 'nats.creds', './secrets/nats', 'test/nats-password'])
      assert.include(await refusal({ credentialsFile: path }), `file ${path} cannot be used: ENOENT`)
  })

  it('says that a port is none, of an address that nobody has checked', async () => {
    assert.equal(
      await refusal({ servers: ['nats://127.0.0.1:99999'] }),
      'The servers of the connection: the port of nats://127.0.0.1:99999 is none: ports are from 1 to 65535.',
    )
  })
})
