// The README's table of options is the schemas', line by line, and its file is a configuration.
import { readFile } from 'node:fs/promises'
import { assert } from 'chai'
import { JetStreamConfig, JetStreamIO, KvIO } from '../../io/jetstream/index.ts'
import { deadLetterSchema, kvSchema, sinkSchema, sourceSchema } from '../../io/jetstream/jetstream-keys.ts'
import { connectionSchema } from '../../io/nats/connection-keys.ts'
import type { Key } from '../../io/settings/schema.ts'
import { optionsTable } from '../support/options-table.ts'

const readme = (): Promise<string> => readFile(new URL('../../README.md', import.meta.url), 'utf8')

describe('The README’s options', () => {
  it('are those of the schemas, with their defaults', async () => {
    const text = await readme()
    const begin = text.indexOf('| key | |')
    assert.isAbove(begin, 0)
    assert.strictEqual(text.slice(begin, text.indexOf('\n\n', begin)), optionsTable())
  })

  it('may be written in a file as it is shown there', async () => {
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(await readme()) ?? []
    const config = JetStreamConfig.yaml(yaml)
    assert.isDefined(config.connection)
    assert.isDefined(config.source)
    assert.isDefined(config.sink)
  })

  it('name no verb but those that there are', () => {
    const verbs = new Set([JetStreamIO, KvIO].flatMap(Object.keys))
    const named = [...optionsTable().matchAll(/IO\.(\w+)/g)].map(([, verb]) => verb ?? '')
    assert.isAbove(named.length, 3)
    for (const verb of named) assert.isTrue(verbs.has(verb), verb)
  })

  it('tell a default as what is taken where nothing is said', () => {
    const keys: ReadonlyArray<Key<unknown>> = [connectionSchema, sourceSchema, sinkSchema, deadLetterSchema, kvSchema].flatMap(({ keys }) =>
      Object.values<Key<unknown>>(keys),
    )
    const told = keys.filter(({ fallback }) => fallback !== null)
    assert.isAbove(told.length, 5)
    for (const { kind, fallback, otherwise } of told) {
      const accepted = kind.accept(fallback)
      assert.strictEqual(accepted._tag === 'Right' ? String(accepted.right.shown) : accepted.left.reason, otherwise)
    }
  })
})
