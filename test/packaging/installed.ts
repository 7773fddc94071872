// A project that installs the packed package, and its programs: what a new user would make from an empty folder.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))
const longestMs = 300_000

/** One way to write, build and start the first pipeline of the README. */
export interface Way {
  readonly name: string
  /** The arguments of Node. */
  readonly args: ReadonlyArray<string>
  /** Whether it takes the options of `main`. A test runner does not. */
  readonly isProgram: boolean
  /** The first major version of Node that supports it. */
  readonly since: number
}

export interface InstalledProject {
  /** Runs a command in the project's folder and returns what it wrote. */
  readonly run: (command: string, args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>) => Promise<Written>
  /** Installs npm's package `node` and returns the path of its program. Rejects where npm has none for this platform. */
  readonly installNode: (major: number) => Promise<string>
  readonly remove: () => Promise<void>
}

interface Written {
  readonly stdout: string
  readonly stderr: string
}

const npmInstall = ['install', '--prefer-offline', '--no-audit', '--no-fund'] as const

/** `vitest`: installs it from the registry. The other tools are those of the checkout. */
export const installedProject = async ({ vitest }: { readonly vitest: boolean }): Promise<InstalledProject> => {
  const folder = await mkdtemp(join(tmpdir(), 'jetbeam-installed-'))
  const runIn =
    (cwd: string): InstalledProject['run'] =>
    (command, args, env = {}) =>
      promisify(execFile)(command, args, {
        cwd,
        timeout: longestMs,
        maxBuffer: 64 * 1024 * 1024,
        env: { ...process.env, NODE_OPTIONS: '', PATH: `${join(folder, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`, ...env },
      }).catch((error: unknown) => {
        const { stdout = '', stderr = '' } = error instanceof Error ? (error as Partial<Written>) : {} // execFile's errors have both
        throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error })
      })
  const run = runIn(folder)
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await runIn(root)('npm', ['run', 'build'])
    const { stdout: packed } = await runIn(root)('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder])
    const [tarball] = JSON.parse(packed) as ReadonlyArray<{ readonly filename: string }>
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    await run('npm', [...npmInstall, '--engine-strict', `./${tarball?.filename ?? ''}`])
    if (vitest) await run('npm', [...npmInstall, '--save-dev', 'vitest@4'])
    for (const scope of ['.bin', '@types']) await mkdir(join(folder, 'node_modules', scope), { recursive: true })
    for (const tool of ['tsx', 'typescript', '@types/node', 'zod'])
      await symlink(join(root, 'node_modules', tool), join(folder, 'node_modules', tool)).catch(unlessThere)
    await symlink(join(root, 'node_modules/.bin/esbuild'), join(folder, 'node_modules/.bin/esbuild')).catch(unlessThere)
    await writePrograms(folder, run, vitest)
    return { run, installNode: major => installNode(join(folder, `node-${major}`), major, run), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** What vitest depends on has brought some of them. */
const unlessThere = (error: unknown): void => {
  if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
}

/** The bundling command of the README, as it is written there. */
const bundlingCommand = async (): Promise<string> => {
  const [, command] = /\n {4}(esbuild first-pipeline\.ts(?:.*\\\n)*.*)\n/.exec(await readFile(join(root, 'README.md'), 'utf8')) ?? []
  if (command === undefined) throw new Error('the README shows no esbuild command that bundles first-pipeline.ts')
  return command
}

/** Those of `tsc --init`. */
const compilerOptions = {
  skipLibCheck: true,
  module: 'NodeNext',
  target: 'ES2022',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  declaration: true,
  types: ['node'],
  rootDir: '.',
  outDir: 'out',
}

const first = 'first-pipeline.ts'

export const ways: ReadonlyArray<Way> = [
  { name: 'TypeScript, strict, compiled with declarations', args: ['out/first-pipeline.js'], isProgram: true, since: 20 },
  { name: 'TypeScript, compiled to CommonJS', args: ['out/in-common-js.cjs'], isProgram: true, since: 20 },
  { name: 'JavaScript', args: ['large-orders.mjs'], isProgram: true, since: 20 },
  { name: 'JavaScript in CommonJS', args: ['large-orders.cjs'], isProgram: true, since: 20 },
  { name: 'tsx', args: ['node_modules/tsx/dist/cli.mjs', first], isProgram: true, since: 20 },
  { name: "Node's own TypeScript", args: [first], isProgram: true, since: 22 },
  { name: 'one ES module, by the esbuild command of the README', args: ['first-pipeline.mjs'], isProgram: true, since: 20 },
  { name: 'one CommonJS file, by esbuild', args: ['bundled.cjs'], isProgram: true, since: 20 },
]

/** Needs `vitest` in the project. */
export const vitestWay: Way = {
  name: 'vitest',
  args: ['node_modules/vitest/vitest.mjs', 'run', 'large-orders.test.ts'],
  isProgram: false,
  since: 20,
}

/** Each TypeScript block of the README as a file of its own, beside the records that examples share. Returns the names of the files. */
const writeReadmeBlocks = async (folder: string): Promise<ReadonlyArray<string>> => {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code)
  if (blocks.length < 2) throw new Error(`the README has ${blocks.length} blocks of TypeScript`)
  const compiled = blocks.map((code, i) => ({ file: `readme-block-${i + 1}.ts`, code: code.replaceAll("'./model.ts'", "'./model.js'") }))
  await writeFile(join(folder, 'model.ts'), await readFile(join(root, 'examples/model.ts'), 'utf8'))
  for (const { file, code } of compiled) await writeFile(join(folder, file), code)
  return compiled.map(({ file }) => file)
}

/** The first pipeline of the README on two workers, within a test of vitest. */
const vitestProgram = `import { JetStreamIO } from 'jetbeam/io/jetstream'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { expect, test } from 'vitest'
import { largeOrders } from './first-pipeline.ts'

test('large orders', { timeout: 120_000 }, async () => {
  const { NATS_URL: servers = '', JOB: job } = process.env
  const provide = [JetStreamIO.connection({ servers })]
  const { state, metrics } = await WorkerThreadsRunner.runNow(largeOrders(), { workers: 2, until: 'end', job, provide })
  expect(state).toBe('done')
  console.log(JSON.stringify({ workers: metrics.workers.length }))
})
`

const writePrograms = async (folder: string, run: InstalledProject['run'], vitest: boolean): Promise<void> => {
  await copyFile(join(root, 'examples', first), join(folder, first))
  const source = await readFile(join(folder, first), 'utf8')
  const inCommonJs = source.replace('define(import.meta', 'define(module').replace('await main(import.meta', 'void main(module')
  await writeFile(join(folder, 'in-common-js.cts'), inCommonJs)
  for (const file of ['large-orders.mjs', 'large-orders.cjs'])
    await copyFile(join(root, 'test/packaging/programs', file), join(folder, file))
  if (vitest) await writeFile(join(folder, 'large-orders.test.ts'), vitestProgram)
  const blocks = await writeReadmeBlocks(folder)
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [first, 'in-common-js.cts', ...blocks] }))
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'])
  await run('sh', ['-c', await bundlingCommand()])
  await run('esbuild', ['in-common-js.cts', '--bundle', '--format=cjs', '--platform=node', '--outfile=bundled.cjs'])
}

const installNode = async (prefix: string, major: number, run: InstalledProject['run']): Promise<string> => {
  await mkdir(prefix)
  await run('npm', [...npmInstall, '--prefix', prefix, `node@${major}`])
  const path = join(prefix, 'node_modules/node/bin/node')
  const { stdout } = await run(path, ['--version'])
  if (!stdout.startsWith(`v${major}.`)) throw new Error(`npm's package node@${major} is Node ${stdout.trim()}`)
  return path
}
