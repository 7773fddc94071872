// Real NATS servers for tests, examples and the quick start: `jetbeam/testing/nats-server`.
export type { Configuration, ConfigurationValue } from './configuration.ts'
export { type Attempt, type LocateOptions, type LocatedServer, NatsServerNotFound } from './locate.ts'
export { type ClusterOptions, NatsCluster, type RunningCluster } from './nats-cluster.ts'
export { NatsServer, type StartOptions } from './nats-server.ts'
export type { Binary, Environment, Obtainer } from './obtainer.ts'
export { NatsServerNotControllable, type RunningServer } from './running-server.ts'
export { NatsServerFailed } from './server-process.ts'
