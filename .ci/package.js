// The package as its users get it: packed, unpacked beside its declared dependencies alone, and every entry of its exports map imported
// by plain Node and by a TypeScript project that knows nothing of ours; a program of plain JavaScript runs on worker threads.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const { name, exports, dependencies, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'jetbeam-package-'))
const run = (command, args, cwd) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

const entries = Object.keys(exports).filter(entry => exports[entry].types !== undefined)
const specifiers = entries.map(entry => name + entry.slice(1))

const project = () => {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root))
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, name), { recursive: true })
  run('tar', ['-xzf', join(folder, packed.filename), '--strip-components=1', '-C', join(modules, name)], folder)
  for (const dependency of [...Object.keys(dependencies), '@types/node']) {
    mkdirSync(dirname(join(modules, dependency)), { recursive: true })
    symlinkSync(join(root, 'node_modules', dependency), join(modules, dependency))
  }
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  return packed
}

try {
  run('npm', ['run', 'build'], root)
  const missing = entries.flatMap(entry => [exports[entry].types, exports[entry].default]).filter(file => !existsSync(join(root, file)))
  if (missing.length > 0) throw new Error(`the exports map names files that are not built: ${missing.join(', ')}`)
  const packed = project()

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
  const options = { module: 'NodeNext', target: 'ES2022', strict: true, types: ['node'], outDir: 'out', rootDir: '.' }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['main.ts'] }))
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], folder)
  run(process.execPath, ['out/main.js'], folder)

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
  console.log(
    `${specifiers.length} entries import, typed and plain, and a program runs on worker threads (${packed.files.length} files, ${Math.round(packed.unpackedSize / 1_024)} KiB; Node ${engines.node}, here ${process.version})`,
  )
} catch (error) {
  console.error([error.message, error.stdout, error.stderr].filter(Boolean).join('\n'))
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
