// Bundles the compiled package into few files: an import costs by the file, and each worker thread pays for all of them again. Packages
// whose objects a program never compares by identity (fp-ts, immutable, the polyfill) are bundled; those that hold connections are not.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { build } from 'esbuild'

const root = dirname(import.meta.dirname)
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const takenIn = ['fp-ts', 'immutable', 'temporal-polyfill', 'yaml', 'picocolors']

const entries = Object.values(exports).flatMap(({ default: file }) => (file === undefined ? [] : [file]))
const outputOf = file => relative('dist', file).replace(/\.js$/, '')
const worker = 'dist/runners/worker-threads/jetbeam-worker.js'
// Shared code finds the worker's program beside itself, and the package's folders two levels above: as before it was shared.
const shared = 'sdk/graph'

/** What our own files import stays outside unless it is taken in; what that imports itself comes along. */
const outside = {
  name: 'outside',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^[^./]/ }, ({ path, kind, importer }) => {
      const isOurs = importer.startsWith(join(root, 'dist'))
      const isTakenIn = takenIn.some(name => path === name || path.startsWith(`${name}/`))
      return kind === 'entry-point' || !isOurs || isTakenIn ? undefined : { path, external: true }
    }),
}

/** Its ES modules: what no file uses is left out, and nothing is wrapped as CommonJS. */
const functional = {
  name: 'functional',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^fp-ts\/lib\// }, ({ path }) => ({
      path: join(root, 'node_modules', path.replace('/lib/', '/es6/')),
      sideEffects: false,
    })),
}

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    ...Object.fromEntries(entries.map(file => [outputOf(file), file])),
    [`${shared}/jetbeam-worker`]: worker,
    [outputOf(worker)]: worker,
  },
  bundle: true,
  splitting: true,
  // An import costs by the character as well. Names and short lines stay, for stack traces without source maps.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 160,
  // Its ES modules, unlike its CommonJS for Node, need no require.
  alias: { yaml: join(root, 'node_modules/yaml/browser/dist/index.js') },
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  plugins: [functional, outside],
  chunkNames: `${shared}/[name]-[hash]`,
  outdir: 'dist',
  sourcemap: true,
  write: false,
  metafile: true,
})

const compiled = readdirSync(join(root, 'dist'), { recursive: true }).filter(file => /\.js(\.map)?$/.test(file))
for (const file of compiled) rmSync(join(root, 'dist', file))
for (const { path, contents, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, path.endsWith('.map') ? withoutContents(text) : contents)
}

// Declarations that no entry reaches would only add to the install.
const declarations = reachable(Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [join(root, types)])))
for (const file of readdirSync(join(root, 'dist'), { recursive: true })) {
  const declaration = /^(.*\.d\.ts)(\.map)?$/.exec(file)?.[1]
  if (declaration !== undefined && !declarations.has(join(root, 'dist', declaration))) rmSync(join(root, 'dist', file))
}

// Their licences ask for it.
const packages = new Set(Object.keys(metafile.inputs).flatMap(input => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []))
const licences = [...packages].sort().map(name => {
  const folder = join(root, 'node_modules', name)
  const file = readdirSync(folder).find(each => /^licen[cs]e/i.test(each))
  if (file === undefined) throw new Error(`${name} is taken in, and has no licence file`)
  return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
})
writeFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), licences.join('\n---\n\n'))
console.log(`${compiled.length / 2} compiled files in ${outputFiles.length / 2}, ${declarations.size} declarations`)

/** The package ships its sources, so a map needs no copy of them; debuggers skip what comes from other packages. */
function withoutContents(text) {
  const map = JSON.parse(text)
  return JSON.stringify({
    ...map,
    sourcesContent: undefined,
    ignoreList: map.sources.flatMap((source, i) => (source.includes('node_modules/') ? [i] : [])),
  })
}

/** The declaration files that `entries` import, directly or not. */
function reachable(entries) {
  const found = new Set()
  const waiting = [...entries]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file)) continue
    found.add(file)
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]+)\.(?:js|ts)['"]/g))
      waiting.push(resolve(dirname(file), `${path}.d.ts`))
  }
  return found
}
