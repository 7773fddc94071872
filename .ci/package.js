// The package as its users get it: packed, installed into an empty folder with engine-strict, and imported from every entry by plain
// Node. A library on top of it compiles with declarations on each TypeScript that is supported, without skipLibCheck; "go to definition"
// ends in the sources; the sizes stay below their limits; a program of plain JavaScript runs on worker threads.
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

const root = dirname(import.meta.dirname)
const { name, exports, dependencies, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'jetbeam-package-'))
const run = (command, args, cwd) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Bytes. Once 1.5 MB packed, and 23 MB on disk installed. */
const largestPacked = 1_600_000
const largestInstalled = 16_000_000

const entries = Object.keys(exports).filter(entry => exports[entry].types !== undefined)
const specifiers = entries.map(entry => name + entry.slice(1))
const compilers = ['typescript-5.9', 'typescript', 'typescript-7.0']

const bytesIn = path =>
  statSync(path).isDirectory() ? readdirSync(path).reduce((sum, file) => sum + bytesIn(join(path, file)), 0) : statSync(path).size

const requireBelow = (what, bytes, limit) => {
  if (bytes > limit) throw new Error(`${what} is ${bytes} bytes, above the limit of ${limit}`)
}

/** Packages that the published files import, by their names. */
const imported = () => {
  const found = new Set()
  for (const file of readdirSync(join(root, 'dist'), { recursive: true }).filter(file => /\.(js|d\.ts)$/.test(file)))
    for (const [, specifier] of readFileSync(join(root, 'dist', file), 'utf8').matchAll(
      /(?:from ?|import ?\(?)['"]((?:@[\w-]+\/)?[a-z][\w-]*)[^'"\n]*['"]/g,
    ))
      found.add(specifier)
  return found
}

/** Installs the packed package from the registry's packages that it declares; nothing else is there. */
const install = () => {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  run('npm', ['install', '--engine-strict', '--prefer-offline', '--no-audit', '--no-fund', `./${packed.filename}`], folder)
  return packed
}

/** The file that an editor opens for the definition of each of `names` in a program, by the TypeScript server that editors run. */
const definitionsOf = async (file, names) => {
  const server = spawn(process.execPath, [join(root, 'node_modules/typescript/lib/tsserver.js'), '--disableAutomaticTypingAcquisition'], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 120_000,
  })
  const ask = (seq, command, its) => server.stdin.write(`${JSON.stringify({ type: 'request', seq, command, arguments: its })}\n`)
  const source = readFileSync(file, 'utf8').split('\n')
  ask(0, 'open', { file })
  names.forEach((text, i) => {
    const line = source.findIndex(it => it.includes(text) && !it.startsWith('import'))
    ask(i + 1, 'definition', { file, line: line + 1, offset: source[line].indexOf(text) + text.length })
  })
  const found = new Map()
  for await (const line of createInterface(server.stdout)) {
    const { request_seq: seq, body } = line.startsWith('{') ? JSON.parse(line) : {}
    if (seq > 0) found.set(seq, body?.[0]?.file)
    if (found.size === names.length) server.kill()
  }
  return names.map((_, i) => found.get(i + 1))
}

try {
  run('npm', ['run', 'build'], root)
  const missing = entries.flatMap(entry => [exports[entry].types, exports[entry].default]).filter(file => !existsSync(join(root, file)))
  if (missing.length > 0) throw new Error(`the exports map names files that are not built: ${missing.join(', ')}`)
  const unused = Object.keys(dependencies).filter(dependency => !imported().has(dependency))
  if (unused.length > 0) throw new Error(`no published file imports ${unused.join(', ')}, which package.json declares as a dependency`)
  const packed = install()
  const modules = join(folder, 'node_modules')
  const installed = bytesIn(modules)
  requireBelow('the packed package', packed.size, largestPacked)
  requireBelow('the installed package with its dependencies', installed, largestInstalled)

  const imports = specifiers.map((specifier, i) => `import * as entry${i} from '${specifier}'`).join('\n')
  const listed = specifiers.map((specifier, i) => `  ['${specifier}', Object.keys(entry${i}).length],`).join('\n')
  const program = `${imports}\nfor (const [specifier, names] of [\n${listed}\n] as const) if (names === 0) throw new Error(specifier + ' exports nothing')\n`
  const typed = `import { Create, PCollection, pipe } from 'jetbeam'
import { TextIO } from 'jetbeam/io/text'
// @ts-expect-error lines are text: the types are there
pipe(Create.of([1]), TextIO.write('out.txt'))
pipe(Create.of([1]), PCollection.map(n => n.toFixed(1)), TextIO.write('out.txt'))
`
  writeFileSync(join(folder, 'main.ts'), program + typed)
  copyFileSync(join(root, 'examples/library.ts'), join(folder, 'library.ts'))
  copyFileSync(join(root, 'test/packaging/exported-library.ts'), join(folder, 'exported-library.ts'))
  // What a TypeScript project brings along.
  for (const its of ['@types', 'zod']) symlinkSync(join(root, 'node_modules', its), join(modules, its))
  const options = { module: 'NodeNext', target: 'ES2023', strict: true, declaration: true, types: ['node'], outDir: 'out', rootDir: '.' }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['main.ts', 'library.ts', 'exported-library.ts'] }),
  )
  for (const compiler of compilers) run(process.execPath, [join(root, 'node_modules', compiler, 'bin/tsc'), '-p', '.'], folder)
  run(process.execPath, ['out/main.js'], folder)

  for (const definition of await definitionsOf(join(folder, 'main.ts'), ['Create', 'PCollection.map']))
    if (!/node_modules\/jetbeam\/sdk\/.*(?<!\.d)\.ts$/.test(definition ?? ''))
      throw new Error(`a definition is shown in ${definition}, which is not one of the package's sources`)

  writeFileSync(
    join(folder, 'words.js'),
    `import { Count, Create, KV, PCollection, Pipeline, pipe } from '${name}'
import { containsInAnyOrder, PAssert } from '${name}/testing'

export const words = Pipeline.define(import.meta, 'words', () =>
  pipe(
    Create.of(['to', 'be', 'or', 'not', 'to', 'be']),
    Count.perElement,
    PAssert.that(containsInAnyOrder([KV.of('to', 2), KV.of('be', 2), KV.of('or', 1), KV.of('not', 1)])),
    PCollection.ignore,
  ),
)
`,
  )
  writeFileSync(
    join(folder, 'run.js'),
    `import { orThrow, pipe } from '${name}'
import { WorkerThreadsRunner } from '${name}/runners/worker-threads'
import { words } from './words.js'

const { state } = await orThrow(pipe(words(), WorkerThreadsRunner.run({ workers: 2 })))
if (state !== 'done') throw new Error('it ended as ' + state)
`,
  )
  run(process.execPath, ['run.js'], folder)
  const [packedKb, installedKb] = [packed.size, installed].map(bytes => Math.round(bytes / 1_000))
  console.log(
    `${specifiers.length} entries import, typed (${compilers.join(', ')}) and plain, and a program runs on worker threads (${packed.files.length} files, packed ${packedKb} kB, installed ${installedKb} kB; Node ${engines.node}, here ${process.version})`,
  )
} catch (error) {
  console.error([error.message, error.stdout, error.stderr].filter(Boolean).join('\n'))
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
