// A configuration's sections, checked all at once: one of each kind, and several by name.
import { type ConnectionConfig, connectionSchema } from '../nats/connection-keys.ts'
import { type Checked, check, keysOf, unknownKeys } from '../settings/check.ts'
import type { SectionTexts } from '../settings/documents.ts'
import type { Problem, Schema } from '../settings/schema.ts'
import { type ConfigLayer, pluralOf, sectionNames } from './config-layers.ts'
import { ConfigurationError } from './configuration-error.ts'
import type { JetStreamConfig, Named } from './jetstream-config.ts'
import {
  type BucketSettings,
  type DeadLetterSettings,
  type WriteSettings,
  deadLetterSchema,
  kvSchema,
  sinkSchema,
  sourceSchema,
} from './jetstream-keys.ts'
import type { ReadSettings } from './verb-options.ts'

export type SectionName = (typeof sectionNames)[number]

export const configurationLabel = 'The configuration'

const checkedSection = <O extends object>(name: string, schema: Schema<O>, given: object, problems: Problem[]): Checked<O> | null => {
  if (Object.keys(given).length === 0) return null
  const checked = check<O>(schema, given, { prefix: `${name}.`, inCode: [] })
  if (checked._tag === 'Right') return checked.right
  problems.push(...checked.left)
  return null
}

interface CheckedConfig {
  readonly config: JetStreamConfig
  readonly shown: SectionTexts
}

/** `layers`: those that go before others come later. */
export const checkedConfig = (layers: ReadonlyArray<ConfigLayer>): CheckedConfig => {
  const problems = layers.flatMap(layer => layer.problems)
  const said = new Map(layers.flatMap(layer => [...layer.values]))
  const given = (name: string): object =>
    Object.fromEntries([...said].flatMap(([path, value]) => (path.startsWith(`${name}.`) ? [[path.slice(name.length + 1), value]] : [])))
  const isKnown = (path: string): boolean =>
    sectionNames.some(name => path.startsWith(`${name}.`) || new RegExp(`^${pluralOf[name]}\\.[\\w-]{1,64}\\.`).test(path))
  problems.push(
    ...unknownKeys(
      [...said.keys()].filter(path => !isKnown(path)),
      allPaths,
    ),
  )
  const connection = checkedSection<ConnectionConfig>('connection', connectionSchema, given('connection'), problems)
  const source = checkedSection<ReadSettings>('source', sourceSchema, given('source'), problems)
  const sink = checkedSection<WriteSettings>('sink', sinkSchema, given('sink'), problems)
  const deadLetter = checkedSection<DeadLetterSettings>('deadLetter', deadLetterSchema, given('deadLetter'), problems)
  const kv = checkedSection<BucketSettings>('kv', kvSchema, given('kv'), problems)
  const several = <O extends object>(name: SectionName, schema: Schema<O>): ReadonlyMap<string, Checked<O>> => {
    const names = new Set([...said.keys()].flatMap(path => (path.startsWith(`${pluralOf[name]}.`) ? (path.split('.')[1] ?? []) : [])))
    return new Map(
      [...names].flatMap(each => {
        const path = `${pluralOf[name]}.${each}`
        const checked = checkedSection<O>(path, schema, given(path), problems)
        return checked === null ? [] : [[each, checked] as const]
      }),
    )
  }
  const connections = several<ConnectionConfig>('connection', connectionSchema)
  for (const [each, { settings }] of connections)
    if (settings.name !== undefined && settings.name !== each)
      problems.push({
        path: `connections.${each}.name`,
        tag: 'InvalidOptions',
        reason: `the name of this connection is ${each}: leave it out`,
      })
  const sources = several<ReadSettings>('source', sourceSchema)
  const sinks = several<WriteSettings>('sink', sinkSchema)
  const deadLetters = several<DeadLetterSettings>('deadLetter', deadLetterSchema)
  const kvs = several<BucketSettings>('kv', kvSchema)
  const files = layers.flatMap(layer => layer.files ?? [])
  if (problems.length > 0)
    throw new ConfigurationError(files.length === 0 ? configurationLabel : `${configurationLabel} of ${files.join(' and ')}`, problems)
  return {
    config: Object.freeze({
      ...(connection === null ? {} : { connection: connection.settings }),
      ...(source === null ? {} : { source: source.settings }),
      ...(sink === null ? {} : { sink: sink.settings }),
      ...(deadLetter === null ? {} : { deadLetter: deadLetter.settings }),
      ...(kv === null ? {} : { kv: kv.settings }),
      ...(connections.size === 0 ? {} : { connections: settingsIn(connections) }),
      ...(sources.size === 0 ? {} : { sources: settingsIn(sources) }),
      ...(sinks.size === 0 ? {} : { sinks: settingsIn(sinks) }),
      ...(deadLetters.size === 0 ? {} : { deadLetters: settingsIn(deadLetters) }),
      ...(kvs.size === 0 ? {} : { kvs: settingsIn(kvs) }),
    }),
    shown: {
      ...(connection === null ? {} : { connection: connection.shown }),
      ...(source === null ? {} : { source: source.shown }),
      ...(sink === null ? {} : { sink: sink.shown }),
      ...(deadLetter === null ? {} : { deadLetter: deadLetter.shown }),
      ...(kv === null ? {} : { kv: kv.shown }),
      ...shownIn('connections', connections),
      ...shownIn('sources', sources),
      ...shownIn('sinks', sinks),
      ...shownIn('deadLetters', deadLetters),
      ...shownIn('kvs', kvs),
    },
  }
}

const settingsIn = <O>(several: ReadonlyMap<string, Checked<O>>): Named<O> =>
  Object.freeze(Object.fromEntries([...several].map(([name, { settings }]) => [name, settings])))

const shownIn = (plural: string, several: ReadonlyMap<string, Checked<unknown>>): SectionTexts =>
  several.size === 0 ? {} : { [plural]: Object.fromEntries([...several].map(([name, { shown }]) => [name, shown])) }

const pathsOf = <O>(name: SectionName, schema: Schema<O>): ReadonlyArray<string> => keysOf(schema).map(([key]) => `${name}.${key}`)

const allPaths: ReadonlyArray<string> = [
  ...pathsOf<ConnectionConfig>('connection', connectionSchema),
  ...pathsOf<ReadSettings>('source', sourceSchema),
  ...pathsOf<WriteSettings>('sink', sinkSchema),
  ...pathsOf<DeadLetterSettings>('deadLetter', deadLetterSchema),
  ...pathsOf<BucketSettings>('kv', kvSchema),
]
