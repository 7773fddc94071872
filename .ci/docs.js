// The docstrings of what the package exports: that they are there, that their examples compile, and that these do as they say.
//
// Each name of the exports map, each member of an object of functions and each field of a type has a docstring. A value has an example
// that names it, in its own docstring, its object's or, for a member, any other one's.
//
// A value says where its semantics come from, by Beam's name or as NATS's, unless it is one of ours.
//
// An example is the body of a module. Names come from the package's entries, then from test/docs/shop.ts: the data that all examples
// share. `// => 2, 4` after an expression says what it gives: of a collection, its elements in any order. Every collection, and every
// sink, that stands as a statement is run; what reads or writes a stream is built, and what starts a server or a program only compiled.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { exampleModules, examplesOf, headLines } from './examples.js'

const root = dirname(import.meta.dirname)
const { name: packageName, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.entries(exports).flatMap(([entry, { 'jetbeam-source': source }]) =>
  source === undefined ? [] : [{ specifier: packageName + entry.slice(1), file: join(root, source) }],
)
const shop = join(root, 'test/docs/shop.ts')
/** Values without a model elsewhere. */
const ours = new Set(
  [
    'DirectRunner WorkerThreadsRunner main Checkpoints orThrow StatefulTest',
    'InvalidPipelineError SideInputError TextIOError Delivery',
    'days hours millis minutes seconds Latency prometheusText',
  ].flatMap(names => names.split(' ')),
)
/** Of all examples. */
const longestRunMs = 120_000

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
const parsed = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
const options = { ...parsed.options, noUnusedLocals: false, noUnusedParameters: false }
const surface = ts.createProgram([...entries.map(({ file }) => file), shop], options)
const checker = surface.getTypeChecker()

const resolved = symbol => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)
const exportsOf = file => checker.getExportsOfModule(checker.getSymbolAtLocation(surface.getSourceFile(file)))
const isOurs = node => {
  const { fileName } = node.getSourceFile()
  return fileName.startsWith(`${root}/`) && !fileName.includes('/node_modules/')
}
const placeOf = node => {
  const file = node.getSourceFile()
  return `${relative(root, file.fileName)}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
}

const publicNames = new Map()
for (const { specifier, file } of entries) {
  for (const symbol of exportsOf(file)) {
    if (!publicNames.has(symbol.name)) publicNames.set(symbol.name, { specifier, symbol: resolved(symbol) })
  }
}
const problems = []
const known = new Map(
  [...publicNames].map(([name, { specifier, symbol }]) => [name, { specifier, isType: !(symbol.flags & ts.SymbolFlags.Value) }]),
)
for (const symbol of exportsOf(shop)) {
  if (known.has(symbol.name)) problems.push(`test/docs/shop.ts: ${symbol.name} is the name of an export`)
  else known.set(symbol.name, { file: shop, isType: !(resolved(symbol).flags & ts.SymbolFlags.Value) })
}

/** Of a file that is no entry: what the examples of its own functions name. */
const typesOf = file => new Map(exportsOf(file).map(symbol => [symbol.name, !(resolved(symbol).flags & ts.SymbolFlags.Value)]))

const examples = surface.getSourceFiles().filter(isOurs).flatMap(examplesOf)
const mentioned = examples.map(({ code }) => code).join('\n')
for (const [name, { file }] of known)
  if (file === shop && !new RegExp(`\\b${name}\\b`).test(mentioned)) problems.push(`test/docs/shop.ts: no example uses ${name}`)

// A member that stands for a function defined elsewhere may have its docstring there.
const target = symbol => {
  const [declaration] = symbol.declarations ?? []
  if (declaration === undefined) return symbol
  const value = ts.isShorthandPropertyAssignment(declaration)
    ? checker.getShorthandAssignmentValueSymbol(declaration)
    : ts.isPropertyAssignment(declaration) && ts.isIdentifier(declaration.initializer)
      ? checker.getSymbolAtLocation(declaration.initializer)
      : undefined
  return value === undefined ? symbol : resolved(value)
}
const textOf = symbol => ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim()
const hasText = symbol => /\p{L}{3}/u.test(textOf(symbol))
const isTold = declaration =>
  ts.getJSDocCommentsAndTags(declaration).some(doc => ts.isJSDoc(doc) && /\p{L}{3}/u.test(ts.getTextOfJSDocComment(doc.comment) ?? ''))
const hasExample = symbol => symbol.getJsDocTags(checker).some(({ name }) => name === 'example')
const names = (text, name) => new RegExp(`\`${name}\\b`).test(text)

const checkFields = (type, declaration, text) => {
  const visit = node => {
    // The members of a union are told where it is; a function's parameters and result, where the function is.
    if (
      ts.isUnionTypeNode(node) ||
      ts.isFunctionTypeNode(node) ||
      ts.isTypeParameterDeclaration(node) ||
      ts.isExpressionWithTypeArguments(node)
    )
      return
    if (ts.isPropertySignature(node) || ts.isMethodSignature(node) || ts.isPropertyDeclaration(node)) {
      const symbol = checker.getSymbolAtLocation(node.name)
      const name = node.name.getText()
      const isHidden =
        symbol.getJsDocTags(checker).some(tag => tag.name === 'internal') ||
        name === '_tag' ||
        ts.isComputedPropertyName(node.name) ||
        (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0
      if (!isHidden && !hasText(symbol) && !names(text, name)) problems.push(`${placeOf(node)}: ${type}.${name} has no docstring`)
    }
    if (!ts.isMethodSignature(node) && !ts.isMethodDeclaration(node) && !ts.isConstructorDeclaration(node)) ts.forEachChild(node, visit)
  }
  visit(declaration)
}

/** The members of an object of ours that is there for them; none of a function, or of what is only a value. */
const membersOf = declaration => {
  if (declaration === undefined || !ts.isVariableDeclaration(declaration) || declaration.type !== undefined) return []
  const type = checker.getTypeAtLocation(declaration)
  if (type.getCallSignatures().length > 0) return []
  return type.getProperties().filter(({ declarations, name }) => declarations?.every(isOurs) === true && /^[a-zA-Z]/.test(name))
}

for (const [name, { symbol }] of publicNames) {
  const declarations = (symbol.declarations ?? []).filter(isOurs)
  const [first] = declarations
  // What another package gives has its docstring there.
  if (first === undefined) continue
  const value = symbol.valueDeclaration
  const place = placeOf(value ?? first)
  const text = textOf(symbol)
  // Of a name that is both a value and a type, each has its own.
  const types = declarations.filter(it => ts.isTypeAliasDeclaration(it) || ts.isInterfaceDeclaration(it) || ts.isClassDeclaration(it))
  const values = declarations.filter(it => !types.includes(it))
  for (const some of [types, values])
    if (some.length > 0 && !some.some(isTold)) problems.push(`${placeOf(some[0])}: ${name} has no docstring`)
  for (const type of types) checkFields(name, type, text)
  if (value === undefined) continue
  if (!ours.has(name) && !/Beam|NATS|JetStream/i.test(text))
    problems.push(`${place}: ${name} does not say where it comes from: Beam's name, or NATS`)
  const members = membersOf(value)
  if (members.length === 0 && !hasExample(symbol)) problems.push(`${place}: ${name} has no @example`)
  for (const member of members) {
    const at = placeOf(member.declarations[0])
    const hasDocs = members.length === 1 || hasText(member) || hasText(target(member)) || names(text, member.name)
    if (!hasDocs) problems.push(`${at}: ${name}.${member.name} has no docstring`)
    const isShown = hasExample(member) || hasExample(target(member)) || new RegExp(`\\b${name}\\.${member.name}\\b`).test(mentioned)
    if (!isShown) problems.push(`${at}: ${name}.${member.name} has no @example`)
  }
}

mkdirSync(join(root, '.scratch'), { recursive: true })
const folder = mkdtempSync(join(root, '.scratch/docs-'))
const harness = join(root, 'test/docs/shown.ts')
try {
  const modules = exampleModules(examples, { known, exportsOf: typesOf, folder, harness })
  const run = runOf(modules.filter(({ running }) => running !== null))
  // While they run.
  problems.push(...misfits(modules))
  const status = await run
  for (const problem of problems) console.error(problem)
  const ran = modules.filter(({ running }) => running !== null).length
  console.log(`${publicNames.size} names, ${examples.length} examples, ${ran} of them run or built; ${problems.length} problems`)
  process.exitCode = problems.length === 0 && status === 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** What the compiler says of the examples, at their places: all in one program, which shares what the surface has read. */
function misfits(modules) {
  const sources = new Map(modules.map(({ file, typed }) => [file, typed]))
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.getSourceFile = (file, language, ...rest) =>
    sources.has(file)
      ? ts.createSourceFile(file, sources.get(file), language, true)
      : (surface.getSourceFile(file) ?? getSourceFile.call(host, file, language, ...rest))
  host.fileExists = file => sources.has(file) || fileExists.call(host, file)
  host.readFile = file => sources.get(file) ?? readFile.call(host, file)
  const program = ts.createProgram([...sources.keys()], options, host, surface)
  return modules.flatMap(({ file, place }) => {
    const source = program.getSourceFile(file)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(({ start, messageText }) => {
      const line = place.line + source.getLineAndCharacterOfPosition(start ?? 0).line - headLines
      return `${relative(root, place.file)}:${line}: the example does not compile: ${ts.flattenDiagnosticMessageText(messageText, '\n  ')}`
    })
  })
}

/** In one process, one after another; resolves to its exit code. */
async function runOf(modules) {
  for (const { file, running } of modules) writeFileSync(file, running)
  const listed = modules.map(({ file, place }) => [`${relative(root, place.file)}:${place.line}`, pathToFileURL(file).href])
  const main = join(folder, 'main.ts')
  writeFileSync(main, `import { runAll } from '${harness}'\nawait runAll(${JSON.stringify(listed)}, '${folder}')\n`)
  const child = spawn(process.execPath, ['--import', 'tsx', '-C', 'jetbeam-source', main], {
    cwd: root,
    stdio: 'inherit',
    timeout: longestRunMs,
    killSignal: 'SIGKILL',
  })
  const [code] = await once(child, 'exit')
  return code
}
