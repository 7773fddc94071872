// The options as the README shows them, from the schemas.
import { deadLetterSchema, kvSchema, sinkSchema, sourceSchema } from '../../io/jetstream/jetstream-keys.ts'
import { connectionSchema } from '../../io/nats/connection-keys.ts'
import type { Key } from '../../io/settings/schema.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')

const rows = (section: string, keys: Readonly<Record<string, Key<unknown>>>): ReadonlyArray<string> =>
  Object.entries(keys).map(
    ([name, { kind, otherwise, meaning }]) => `| \`${section}.${name}\` | ${[meaning, kind.says, otherwise].map(cell).join(' | ')} |`,
  )

export const optionsTable = (): string =>
  [
    '| key | | takes | unless told |',
    '| --- | --- | --- | --- |',
    ...rows('connection', connectionSchema.keys),
    ...rows('source', sourceSchema.keys),
    ...rows('sink', sinkSchema.keys),
    ...rows('deadLetter', deadLetterSchema.keys),
    ...rows('kv', kvSchema.keys),
  ].join('\n')
