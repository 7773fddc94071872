// What style alone would have to remember: see each rule's comment. There is no way to disable one in a file.
import js from '@eslint/js'
import regexp from 'eslint-plugin-regexp'
import tseslint from 'typescript-eslint'

const clocks = ['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']
const places = ['process', 'Buffer', 'console', 'crypto', 'fetch', 'globalThis', 'require']

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.scratch/', '.jetbeam/', 'coverage/'] },
  { linterOptions: { noInlineConfig: true, reportUnusedInlineConfigs: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: '../tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'List the names, so that nothing becomes public by accident.' },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': ['error', { fixMixedExportsWithInlineTypeSpecifier: true }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/array-type': 'off',
      // An async function that does not wait still turns what it throws into a rejection.
      '@typescript-eslint/require-await': 'off',
      // A control character is looked for where it is refused.
      'no-control-regex': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true, allowNever: true }],
      // `return this.fail()` in a function without a result is how an early end reads best.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // A loop that ends inside reads better than a flag.
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      // A public signature may name a type for its reader's sake.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  { files: ['{sdk,io,runners}/**/*.ts'], rules: { 'max-lines': ['error', { max: 400 }] } },
  {
    // Expressions run over messages, configurations and errors of any length: none may take more than linear time.
    files: ['{sdk,io,runners}/**/*.ts'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential', ignoreSticky: false, ignorePartial: false }],
    },
  },
  {
    // The engine is replayed from a seed: time is an argument, randomness a seed, and nothing in it waits.
    files: ['runners/engine/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...[...clocks, ...places].map(name => ({
          name,
          message: 'The engine is deterministic and knows no outside: let its host pass this in.',
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'The engine is deterministic: let its host pass a seed in.' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector:
            ':function[async=true], AwaitExpression, ForOfStatement[await=true], NewExpression[callee.name="Promise"], MemberExpression[object.name="Promise"]',
          message: 'The engine never waits: give a command, and take the answer as an event.',
        },
        { selector: 'ExportAllDeclaration', message: 'List the names, so that nothing becomes public by accident.' },
      ],
    },
  },
  {
    // The control of a run is replayed from a seed as well: it waits and does I/O, but time, timers and randomness are injected.
    files: ['runners/{host,direct,worker-threads}/**/*.ts', 'test/simulation/**/*.ts'],
    ignores: [
      'runners/host/clock.ts',
      'runners/host/log.ts',
      'runners/worker-threads/{thread,pool,pipeline-module}.ts',
      'test/simulation/{main,executor,*.test}.ts',
    ],
    rules: {
      'no-restricted-globals': [
        'error',
        ...clocks.map(name => ({ name, message: 'A simulation replays this from a seed: take time and timers from the Clock.' })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'A simulation replays this from a seed: take randomness from a seed or the Clock.' },
        { object: 'process', property: 'hrtime', message: 'A simulation replays this from a seed: take time from the Clock.' },
        { object: 'process', property: 'nextTick', message: 'A simulation replays this from a seed: take turns from the Clock.' },
      ],
      'no-restricted-imports': [
        'error',
        ...['node:crypto', 'node:timers', 'node:timers/promises', 'node:perf_hooks'].map(name => ({
          name,
          message: 'A simulation replays this from a seed: take time, timers and randomness from the Clock.',
        })),
      ],
    },
  },
  // What comes from outside, or from a program without types, may not be what its type says: these rooms look again.
  {
    files: ['sdk/coders/**/*.ts', 'io/**/*.ts'],
    rules: { '@typescript-eslint/no-unnecessary-condition': 'off', '@typescript-eslint/no-unnecessary-boolean-literal-compare': 'off' },
  },
  // A connector is what a user's own would be: it reads by Splittable.source, and by no other way.
  {
    files: ['io/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'Property[key.name="_tag"][value.value="Read"]', message: 'Read by Splittable.source, as users do.' },
        { selector: 'ExportAllDeclaration', message: 'List the names, so that nothing becomes public by accident.' },
      ],
    },
  },
  // A stage is compiled into one function: the one place where text becomes code.
  { files: ['runners/harness/compile.ts'], rules: { '@typescript-eslint/no-implied-eval': 'off' } },
  {
    files: ['test/**/*.ts', 'examples/**/*.ts'],
    rules: {
      'no-console': 'off',
      // Definitions are awaited where they run; a type test only mentions what it checks.
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      // Tests say what they compare with as shortly as they can.
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      '@typescript-eslint/prefer-reduce-type-parameter': 'off',
    },
  },
  // What must not compile has no types to be safe about; the compiler itself is the test.
  {
    files: ['test/types/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  {
    files: ['**/*.{js,cjs,mjs}'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', performance: 'readonly', Buffer: 'readonly' } },
  },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs' } },
)
