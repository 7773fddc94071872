// A server's configuration file from plain data.

/** A value in a configuration of nats-server: what JSON has. */
export type ConfigurationValue =
  string | number | boolean | ReadonlyArray<ConfigurationValue> | { readonly [name: string]: ConfigurationValue }

/** Lines of a configuration file, or the same as data: `{ max_payload: 2_097_152, jetstream: { sync_interval: 'always' } }`. */
export type Configuration = string | { readonly [name: string]: ConfigurationValue }

/** nats-server reads JSON values; an object around the whole file only recent ones do. */
export const configurationText = (configuration: Configuration): string =>
  typeof configuration === 'string'
    ? configuration
    : Object.entries(configuration)
        .map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}\n`)
        .join('')
