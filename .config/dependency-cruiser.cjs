// Who may import whom: lower rooms never learn about upper ones. Types count as much as values.
'use strict'

/** What a room may import of this package; everything else of it is refused. A room may always import itself. */
const rooms = {
  'sdk/model': [],
  'sdk/coders': ['sdk/model'],
  'sdk/splittable': ['sdk/model', 'sdk/coders'],
  'sdk/stateful': ['sdk/model', 'sdk/coders'],
  'sdk/graph': ['sdk/model', 'sdk/coders', 'sdk/splittable', 'sdk/stateful'],
  'sdk/transforms': ['sdk/model', 'sdk/coders', 'sdk/splittable', 'sdk/stateful', 'sdk/graph'],
  'sdk/testing': ['sdk/model', 'sdk/coders', 'sdk/splittable', 'sdk/stateful', 'sdk/graph'],
  'io/settings': ['sdk/model'],
  'io/nats': ['sdk/model', 'io/settings'],
  'io/jetstream': ['sdk', 'io/settings', 'io/nats'],
  'io/text': ['sdk'],
  'runners/plan': ['sdk'],
  'runners/harness': ['sdk', 'runners/plan'],
  'runners/engine': ['sdk/model', 'sdk/coders', 'sdk/graph', 'sdk/splittable', 'sdk/stateful', 'runners/harness', 'runners/plan'],
  'runners/checkpoint': ['sdk/model', 'io/nats'],
  'runners/metrics': ['sdk/model'],
  'runners/host': ['sdk', 'runners/plan', 'runners/harness', 'runners/engine', 'runners/checkpoint', 'runners/metrics'],
  'runners/direct': ['sdk', 'runners/plan', 'runners/harness', 'runners/engine', 'runners/checkpoint', 'runners/host'],
  'runners/worker-threads': ['sdk', 'runners/plan', 'runners/harness', 'runners/engine', 'runners/checkpoint', 'runners/host'],
  'runners/portable': ['sdk', 'runners/plan', 'runners/harness', 'runners/engine', 'runners/checkpoint'],
  'runners/cli': [
    'sdk',
    'runners/metrics',
    'runners/host',
    'runners/direct',
    'runners/worker-threads',
    'runners/portable',
    'runners/checkpoint',
    'io/settings',
    'io/nats',
  ],
}

/** Which packages a room may import; fp-ts is open to all. */
const packages = {
  'sdk/model': ['temporal-polyfill'],
  'sdk/graph': ['immutable'],
  'io/settings': ['yaml'],
  'io/nats': ['@nats-io/[^/]+', 'ws'],
  'io/jetstream': ['@nats-io/[^/]+'],
  'runners/engine': ['immutable'],
  'runners/checkpoint': ['@nats-io/[^/]+'],
  'runners/host': ['immutable', 'pino'],
  'runners/direct': ['immutable'],
  'runners/cli': ['picocolors'],
  'runners/worker-threads': ['immutable'],
}

/** Where Node's own modules are left alone: these rooms run anywhere. */
const withoutNode = [
  'sdk/model',
  'sdk/coders',
  'sdk/splittable',
  'sdk/stateful',
  'sdk/transforms',
  'runners/plan',
  'runners/harness',
  'runners/engine',
]

/** Development dependencies whose code the build bundles: see bundle.js. */
const bundled = ['immutable', 'temporal-polyfill', 'yaml', 'picocolors']

/** A server for tests is started by Docker where there is no nats-server: whoever does so brings the package. */
const testingOf = '^io/jetstream/testing/'

const roomRules = Object.entries(rooms).flatMap(([room, others]) => [
  {
    name: `${room} imports ${others.length === 0 ? 'itself' : others.join(', ')}`,
    severity: 'error',
    from: { path: `^${room}/` },
    to: { path: '^(sdk|io|runners|examples|test)/', pathNot: [room, ...others].map(other => `^${other}/`) },
  },
  {
    name: `${room} uses the packages ${['fp-ts', ...(packages[room] ?? [])].join(', ')}`,
    severity: 'error',
    from: { path: `^${room}/`, pathNot: testingOf },
    to: {
      path: '(^|/)node_modules/',
      pathNot: ['fp-ts', '@types/node', ...(packages[room] ?? [])].map(name => `(^|/)node_modules/${name}/`),
    },
  },
])

module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'every folder is a room with rules',
      severity: 'error',
      from: { path: '^(sdk|io|runners)/[^/]+/', pathNot: Object.keys(rooms).map(room => `^${room}/`) },
      to: {},
    },
    {
      name: 'these rooms run anywhere: no Node modules',
      severity: 'error',
      from: { path: withoutNode.map(room => `^${room}/`) },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'the public face of the SDK imports the SDK',
      severity: 'error',
      from: { path: '^sdk/index\\.ts$' },
      to: { pathNot: ['^sdk/', 'node_modules/fp-ts/'] },
    },
    {
      name: 'examples import the package by name',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^(sdk|io|runners|test)/', dependencyTypes: ['local'] },
    },
    {
      name: 'what is published needs no development dependency',
      severity: 'error',
      from: { path: '^(sdk|io|runners)/', pathNot: testingOf },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot: ['@types', ...bundled].map(name => `node_modules/${name}/`),
      },
    },
    // A cycle of types alone has no order of evaluation to get wrong: a compiler and the writer that it hands itself to may name each other.
    {
      name: 'no cycles',
      severity: 'error',
      from: { path: '^(sdk|io|runners)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    // What a benchmark compares with is installed by the benchmark.
    { name: 'everything is found', severity: 'error', from: { pathNot: '^test/bench/.*\\.cjs$' }, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    exclude: { path: '^(dist|\\.scratch)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['jetbeam-source', 'import', 'node', 'types', 'default'],
      extensions: ['.ts', '.js', '.cjs', '.json', '.d.ts'],
    },
  },
}
