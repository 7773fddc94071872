// A configuration: what of connections, reads and writes is data. One schema behind four doors: an object, a builder, properties, and
// JSON or YAML; it leaves through the last three again.
import type { Binding } from '../../sdk/model/bindings.ts'
import { type ConnectionConfig, connectionSchema } from '../nats/connection-keys.ts'
import { keysOf } from '../settings/check.ts'
import { type SectionTexts, jsonText, yamlText } from '../settings/documents.ts'
import { propertiesText } from '../settings/properties.ts'
import type { Schema, Shown } from '../settings/schema.ts'
import { type SectionName, checkedConfig, configurationLabel } from './checked-config.ts'
import { type ConfigLayer, emptyLayer, layerOfDocument, layerOfFile, layerOfObject, layerOfProperties, pluralOf } from './config-layers.ts'
import { ConfigurationError } from './configuration-error.ts'
import { connectionBinding } from './connections.ts'
import type { ReadSettings, WriteTarget } from './verb-options.ts'
import type { PutSettings, WatchSettings } from './kv-io.ts'
import {
  type BucketSettings,
  type DeadLetterSettings,
  type WriteSettings,
  deadLetterSchema,
  kvSchema,
  sinkSchema,
  sourceSchema,
} from './jetstream-keys.ts'

/** Sections by name. */
export type Named<O> = Readonly<Record<string, O>>

/** What a configuration tells; each section may be missing. Made by `JetStreamConfig`; nothing in it is a secret. */
export interface JetStreamConfig {
  /** Where NATS is, and who asks. */
  readonly connection?: ConnectionConfig | undefined
  /** What is read. */
  readonly source?: ReadSettings | undefined
  /** What is written to. */
  readonly sink?: WriteSettings | undefined
  /** Where goes what cannot be used. */
  readonly deadLetter?: DeadLetterSettings | undefined
  /** A key-value bucket that is watched or written to. */
  readonly kv?: BucketSettings | undefined
  /** Several connections. The name of each is its key. */
  readonly connections?: Named<ConnectionConfig> | undefined
  /** Several sources. */
  readonly sources?: Named<ReadSettings> | undefined
  /** Several sinks. */
  readonly sinks?: Named<WriteSettings> | undefined
  /** Several sinks for records that could not be processed. */
  readonly deadLetters?: Named<DeadLetterSettings> | undefined
  /** Several key-value buckets. */
  readonly kvs?: Named<BucketSettings> | undefined
}

/** A configuration as code gives it: what is missing may come from a file. */
export interface GivenConfig {
  /** Where NATS is, and who asks. */
  readonly connection?: Partial<ConnectionConfig> | undefined
  /** What is read. */
  readonly source?: Partial<ReadSettings> | undefined
  /** What is written to. */
  readonly sink?: Partial<WriteSettings> | undefined
  /** Where goes what cannot be used. */
  readonly deadLetter?: Partial<DeadLetterSettings> | undefined
  /** A key-value bucket that is watched or written to. */
  readonly kv?: Partial<BucketSettings> | undefined
  /** Several connections. The name of each is its key. */
  readonly connections?: Named<Partial<ConnectionConfig>> | undefined
  /** Several sources. */
  readonly sources?: Named<Partial<ReadSettings>> | undefined
  /** Several sinks. */
  readonly sinks?: Named<Partial<WriteSettings>> | undefined
  /** Several sinks for records that could not be processed. */
  readonly deadLetters?: Named<Partial<DeadLetterSettings>> | undefined
  /** Several key-value buckets. */
  readonly kvs?: Named<Partial<BucketSettings>> | undefined
}

/** A method for each key: it gives a builder that has its value. */
export type Setters<O> = { readonly [K in keyof O]-?: (value: NonNullable<O[K]>) => ConfigBuilder }

/** Collects what code and files say, each step as a new builder. What code says goes before any file, and a later word before an earlier one. */
export interface ConfigBuilder {
  /** Keys of the connection: `connection.servers(['nats://nats:4222'])`. */
  readonly connection: Setters<ConnectionConfig>
  /** Keys of what is read: `source.stream('VIEWS')`. */
  readonly source: Setters<ReadSettings>
  /** Keys of what is written to: `sink.stream('TOTALS')`. */
  readonly sink: Setters<WriteSettings>
  /** Keys of where goes what cannot be used: `deadLetter.subject('views.rejected')`. */
  readonly deadLetter: Setters<DeadLetterSettings>
  /** Keys of the key-value bucket: `kv.bucket('colours')`. */
  readonly kv: Setters<BucketSettings>
  /** Several keys at once, and sections by name, as code. */
  readonly options: (given: GivenConfig) => ConfigBuilder
  /** The text of a properties file. */
  readonly properties: (text: string) => ConfigBuilder
  /** A JSON text. */
  readonly json: (text: string) => ConfigBuilder
  /** A YAML text. */
  readonly yaml: (text: string) => ConfigBuilder
  /** A file: .properties, .json, .yaml or .yml. */
  readonly file: (path: string) => ConfigBuilder
  /** Checks all of it. Throws a ConfigurationError with all that is wrong. */
  readonly build: () => JetStreamConfig
}

// ---- The doors

interface Layers {
  readonly files: ConfigLayer
  readonly code: ConfigLayer
}

const over = (lower: ConfigLayer, upper: ConfigLayer): ConfigLayer => ({
  values: new Map([...lower.values, ...upper.values]),
  problems: [...lower.problems, ...upper.problems],
  files: [...(lower.files ?? []), ...(upper.files ?? [])],
})

const builderOf = ({ files, code }: Layers): ConfigBuilder => {
  const withCode = (layer: ConfigLayer): ConfigBuilder => builderOf({ files, code: over(code, layer) })
  const withFile = (layer: ConfigLayer): ConfigBuilder => builderOf({ files: over(files, layer), code })
  const setters = <O>(name: SectionName, schema: Schema<O>): Setters<O> => {
    const entries = keysOf(schema).map(([key]) => [key, (value: unknown) => withCode(layerOfObject({ [name]: { [key]: value } }))] as const)
    // One for each key of the schema, which has those of O.
    return Object.freeze(Object.fromEntries(entries)) as Setters<O>
  }
  return Object.freeze<ConfigBuilder>({
    connection: setters<ConnectionConfig>('connection', connectionSchema),
    source: setters<ReadSettings>('source', sourceSchema),
    sink: setters<WriteSettings>('sink', sinkSchema),
    deadLetter: setters<DeadLetterSettings>('deadLetter', deadLetterSchema),
    kv: setters<BucketSettings>('kv', kvSchema),
    options: given => withCode(layerOfObject(given)),
    properties: text => withFile(layerOfProperties(text)),
    json: text => withFile(layerOfDocument('json', text)),
    yaml: text => withFile(layerOfDocument('yaml', text)),
    file: path => withFile(layerOfFile(path)),
    build: () => checkedConfig([files, code]).config,
  })
}

const builder = (): ConfigBuilder => builderOf({ files: emptyLayer, code: emptyLayer })

// ---- Out again

const shownOf = (config: JetStreamConfig): SectionTexts => checkedConfig([layerOfObject(config)]).shown

const toProperties = (config: JetStreamConfig): string => {
  const entriesOf = (path: string, values: SectionTexts[string]): ReadonlyArray<readonly [string, Shown]> =>
    Object.entries(values).flatMap(([key, value]) =>
      isSection(value) ? entriesOf(`${path}.${key}`, value) : [[`${path}.${key}`, value] as const],
    )
  return propertiesText(Object.entries(shownOf(config)).flatMap(([section, values]) => entriesOf(`jetbeam.${section}`, values)))
}

const isSection = (value: Shown | Readonly<Record<string, Shown>>): value is Readonly<Record<string, Shown>> =>
  typeof value === 'object' && !Array.isArray(value)

// ---- Use

const missing = (path: string): never => {
  throw new ConfigurationError(configurationLabel, [{ path, tag: 'InvalidOptions', reason: 'it is missing, and this pipeline needs it' }])
}

/** The section of this name, or the one without a name. Throws a ConfigurationError where it is missing. */
const sectionOf = <O>(kind: SectionName, key: string, one: O | undefined, several: Named<O> | undefined, name: string | undefined): O => {
  if (name === undefined) return one ?? missing(`${kind}.${key}`)
  const found = several !== undefined && Object.hasOwn(several, name) ? several[name] : undefined
  return found ?? missing(`${pluralOf[kind]}.${name}.${key}`)
}

const read = ({ source, sources, connection }: JetStreamConfig, name?: string): ReadSettings => ({
  ...named(connection),
  ...sectionOf('source', 'stream', source, sources, name),
})

const watch = ({ kv, kvs, connection }: JetStreamConfig, name?: string): WatchSettings => {
  const { onConflict: _ofWrites, ...settings } = sectionOf('kv', 'bucket', kv, kvs, name)
  return { ...named(connection), ...settings }
}

const put = ({ kv, kvs, connection }: JetStreamConfig, name?: string): PutSettings => {
  const { keys: _ofWatches, ...settings } = sectionOf('kv', 'bucket', kv, kvs, name)
  return { ...named(connection), ...settings }
}

const named = (connection: ConnectionConfig | undefined): { readonly connection?: string } =>
  connection?.name === undefined ? {} : { connection: connection.name }

const writeTarget = ({ sink, sinks, connection }: JetStreamConfig, name?: string): WriteTarget => {
  const { subject: _computed, ...target } = sectionOf('sink', 'stream', sink, sinks, name)
  return { ...named(connection), ...target }
}

const write = (config: JetStreamConfig, name?: string): WriteTarget & { readonly subject: string } => ({
  ...writeTarget(config, name),
  subject:
    sectionOf('sink', 'stream', config.sink, config.sinks, name).subject ??
    missing(name === undefined ? 'sink.subject' : `sinks.${name}.subject`),
})

const deadLetter = ({ deadLetter: one, deadLetters, connection }: JetStreamConfig, name?: string): DeadLetterSettings => ({
  ...named(connection),
  ...sectionOf('deadLetter', 'stream', one, deadLetters, name),
})

const bindingNamed = ({ connection, connections }: JetStreamConfig, name?: string): Binding => {
  const settings = sectionOf('connection', 'servers', connection, connections, name)
  return connectionBinding(name === undefined ? settings : { ...settings, name })
}

const allBindings = (config: JetStreamConfig): ReadonlyArray<Binding> => [
  ...(config.connection === undefined ? [] : [bindingNamed(config)]),
  ...Object.keys(config.connections ?? {}).map(name => bindingNamed(config, name)),
]

/**
 * Settings of connections, reads and writes from an object, a builder, a properties file, JSON or YAML: the same keys, defaults and checks,
 * and the same configuration. A text has the sections `connection`, `source`, `sink`, `deadLetter` and `kv`, and
 * several of a kind by name in `connections`, `sources`, `sinks`, `deadLetters` and `kvs`; properties begin with `jetbeam.`. What code says
 * goes before what a file says, and what neither says has its default where it is used. Functions (coders, timestamps) are code only.
 * Secrets are named, never written: `${env:NAME}` or `${file:PATH}`, which a connection looks up when it connects. The keys are those of
 * JetStreamIO's options for NATS.
 *
 * Each door throws a {@link ConfigurationError} with all that is wrong, each with its key's path.
 *
 * @example
 * const config = JetStreamConfig.builder().file('jetbeam.yaml').source.stream('VIEWS').source.start(StartAt.onlyNew)
 * const settings = JetStreamConfig.of({ source: { stream: 'VIEWS' }, connection: { servers: ['nats://nats:4222'] } })
 * const views = JetStreamIO.read({ ...JetStreamConfig.read(settings), coder: viewCoder })
 * JetStreamConfig.toProperties(settings).split('\n')[1] // => 'jetbeam.source.stream=VIEWS'
 */
export const JetStreamConfig = Object.freeze({
  /** From an object. */
  of: (given: GivenConfig): JetStreamConfig => builder().options(given).build(),
  /**
   * From the text of a properties file.
   *
   * @example
   * JetStreamConfig.properties('jetbeam.source.stream=VIEWS').source?.stream // => 'VIEWS'
   */
  properties: (text: string): JetStreamConfig => builder().properties(text).build(),
  /** From a JSON text. */
  json: (text: string): JetStreamConfig => builder().json(text).build(),
  /**
   * From a YAML text.
   *
   * @example
   * JetStreamConfig.yaml('source: { stream: VIEWS, stop: end, splits: 4 }').source?.splits // => 4
   */
  yaml: (text: string): JetStreamConfig => builder().yaml(text).build(),
  /**
   * From a file: .properties, .json, .yaml or .yml.
   *
   * @example
   * const load = () => JetStreamConfig.file('jetbeam.properties')
   */
  file: (path: string): JetStreamConfig => builder().file(path).build(),
  /** Step by step, from code and files together. */
  builder,
  /** As the text of a properties file, which gives the same configuration again. */
  toProperties,
  /**
   * As a JSON text, which gives the same configuration again.
   *
   * @example
   * JSON.parse(JetStreamConfig.toJson({ source: { stream: 'VIEWS' } })).source.stream // => 'VIEWS'
   */
  toJson: (config: JetStreamConfig): string => jsonText(shownOf(config)),
  /**
   * As a YAML text, which gives the same configuration again.
   *
   * @example
   * JetStreamConfig.toYaml({ sink: { stream: 'TOTALS', delivery: Delivery.atLeastOnce } }).split('\n')[2] // => '  delivery: atLeastOnce'
   */
  toYaml: (config: JetStreamConfig): string => yamlText(shownOf(config)),
  /**
   * For `provide`: where NATS is. Throws a ConfigurationError if the section is missing, as those below do.
   *
   * @example
   * const config = JetStreamConfig.json('{ "connection": { "servers": "nats://nats:4222" } }')
   * DirectRunner.run({ provide: [JetStreamConfig.connection(config)] })
   */
  connection: bindingNamed,
  /**
   * For `provide`: all connections of the configuration.
   *
   * @example
   * const config = JetStreamConfig.yaml('connections: { eu: { servers: nats://eu:4222 }, us: { servers: nats://us:4222 } }')
   * DirectRunner.run({ provide: JetStreamConfig.connections(config) })
   */
  connections: allBindings,
  /**
   * For `JetStreamIO.read` and `readMessages`; a coder completes it. With a name, that of `sources`.
   *
   * @example
   * const config = JetStreamConfig.yaml('sources: { views: { stream: VIEWS }, orders: { stream: ORDERS } }')
   * JetStreamConfig.read(config, 'orders').stream // => 'ORDERS'
   */
  read,
  /**
   * For `JetStreamIO.write` with the configuration's subject; a coder completes it.
   *
   * @example
   * const config = JetStreamConfig.yaml('sink: { stream: TOTALS, subject: totals }')
   * pipe(orders, JetStreamIO.write({ ...JetStreamConfig.write(config), coder: Encoder.json() }))
   */
  write,
  /**
   * The same without a subject: for `writeMessages`, and a `write` that computes it.
   *
   * @example
   * const target = JetStreamConfig.writeTarget(JetStreamConfig.yaml('sink: { stream: TOTALS }'))
   * pipe(orders, JetStreamIO.write({ ...target, subject: order => subject`totals.${order.shop}`, coder: Encoder.json() }))
   */
  writeTarget,
  /**
   * For `JetStreamIO.writeUndecodable`; and for `writeFailures`, which a coder completes.
   *
   * @example
   * const config = JetStreamConfig.yaml('deadLetter: { stream: REJECTED, subject: views.rejected }')
   * const rejected = JetStreamIO.writeUndecodable(JetStreamConfig.deadLetter(config))
   * pipe(JetStreamIO.read({ stream: 'VIEWS', coder: viewCoder }), PCollection.deadLetter(rejected))
   */
  deadLetter,
  /**
   * For `KvIO.watch`; a coder completes it.
   *
   * @example
   * const config = JetStreamConfig.yaml('kv: { bucket: colours, keys: [sky.*] }')
   * KvIO.watch({ ...JetStreamConfig.watch(config), coder: Decoder.text })
   */
  watch,
  /**
   * For `KvIO.write`; a coder completes it.
   *
   * @example
   * const config = JetStreamConfig.yaml('kvs: { totals: { bucket: totals, onConflict: skip } }')
   * JetStreamConfig.put(config, 'totals').onConflict // => 'skip'
   */
  put,
})
